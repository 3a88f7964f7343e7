"""Traces and metrics of a client's requests, for OpenTelemetry.

    client = AsyncClient(on_event=Instrument())

Requires the extra `otel`.
"""

from seeclickfix_async._core.extras import requires_extra
from seeclickfix_async._core.public_names import publish

with requires_extra(__name__, "otel", "opentelemetry"):
    from seeclickfix_async.otel._instrument import Instrument as Instrument

__all__ = ["Instrument"]

publish(__name__, [Instrument])
