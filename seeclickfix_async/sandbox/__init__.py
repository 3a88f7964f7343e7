"""A local SeeClickFix service: the API as documented and observed, with its OAuth provider.

    with Sandbox().serve() as url:
        ...  # AsyncClient(base_url=url)

Its city is synthetic; the same seed makes the same city. `sandbox.app` is an ASGI application, for
use in the same process through an ASGI transport.
"""

from seeclickfix_async._core.extras import requires_extra
from seeclickfix_async._core.public_names import publish

with requires_extra(__name__, "sandbox", "python_multipart", "starlette", "uvicorn"):
    from seeclickfix_async.sandbox._city import City as City
    from seeclickfix_async.sandbox._fault_rules import Faults as Faults
    from seeclickfix_async.sandbox._faults import RETRY_AFTER_FORMS as RETRY_AFTER_FORMS
    from seeclickfix_async.sandbox._faults import Fault as Fault
    from seeclickfix_async.sandbox._gateway import ReceivedRequest as ReceivedRequest
    from seeclickfix_async.sandbox._quota import Quota as Quota
    from seeclickfix_async.sandbox._routes.token import CLIENT as CLIENT
    from seeclickfix_async.sandbox._sandbox import Sandbox as Sandbox
    from seeclickfix_async.sandbox._settings import Settings as Settings
    from seeclickfix_async.sandbox._users import NEIGHBOUR_TOKEN as NEIGHBOUR_TOKEN
    from seeclickfix_async.sandbox._users import OFFICIAL_TOKEN as OFFICIAL_TOKEN
    from seeclickfix_async.sandbox._users import TOKEN as TOKEN

__all__ = [
    "CLIENT",
    "NEIGHBOUR_TOKEN",
    "OFFICIAL_TOKEN",
    "RETRY_AFTER_FORMS",
    "TOKEN",
    "City",
    "Fault",
    "Faults",
    "Quota",
    "ReceivedRequest",
    "Sandbox",
    "Settings",
]

publish(__name__, [globals()[name] for name in __all__])
