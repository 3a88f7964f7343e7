"""Traces and metrics of a client's requests, for OpenTelemetry.

    client = AsyncClient(on_event=Instrument())

Requires the extra `otel`.
"""

from seeclickfix_async._core.public_names import publish

try:
    from seeclickfix_async.otel._instrument import Instrument as Instrument
except ModuleNotFoundError as _error:
    if str(_error.name).partition(".")[0] != "opentelemetry":
        raise
    raise ModuleNotFoundError(
        "seeclickfix_async.otel requires the 'otel' extra: pip install 'seeclickfix-async[otel]'",
        name=_error.name,
    ) from None

__all__ = ["Instrument"]

publish(__name__, [Instrument])
