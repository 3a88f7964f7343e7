"""Every error of this package, in one tree.

    SeeClickFixError
    ├── InvalidArgumentError          refused here, nothing was sent (also a ValueError)
    │   ├── InvalidDraftError         a report with all its faults
    │   └── FileLockedError           another pull or feed is writing the file
    ├── ClientStateError              the client cannot be used now (also a RuntimeError)
    │   ├── ClosedClientError
    │   └── EventLoopError
    ├── TransportError                no usable answer came back
    │   ├── ConnectionFailedError     the request never left
    │   ├── AnswerLostError           the request may have arrived
    │   │   ├── AnswerTimeoutError
    │   │   └── IssueMayExistError    a report whose fate is not known
    │   ├── RedirectLoopError
    │   ├── RedirectRefusedError      following would lose or give away what was sent
    │   ├── ForeignRedirectError
    │   └── ResponseTooLargeError
    ├── StatusError                   the service said no
    │   ├── BadRequestError           400 and other 4xx
    │   ├── AuthenticationError       401, or nobody is signed in
    │   ├── PermissionDeniedError     403
    │   │   └── BlockedError          403 by administrative rules: stop sending
    │   ├── NotFoundError             404
    │   ├── ValidationError           422, or a success that lists errors
    │   ├── RateLimitedError          429, or a wait longer than `max_wait`
    │   └── ServerError               5xx
    ├── DecodeError                   the answer is not what the API promises
    ├── TruncatedResultsError         the service stopped before the end
    ├── TokenStoreError               a token cannot be kept, or not safely
    └── OAuthError                    the login did not end in a token
        ├── InvalidRedirectError      what came back cannot be read, or says two things at once
        ├── StateMismatchError        what came back does not belong to this login
        ├── FlowExpiredError          it came back too late
        ├── FlowFinishedError         it came back a second time
        ├── ReauthorizationRequiredError  the person has to sign in again
        └── AuthorizationError        the provider refused, with its error code
            ├── AccessDeniedError     the person pressed "Deny"
            ├── InvalidClientError
            ├── InvalidGrantError     the code or refresh token is of no use any more
            ├── InvalidScopeError
            ├── UnauthorizedClientError
            ├── UnsupportedFlowError  the provider does not offer this kind of flow or grant
            └── ProviderUnavailableError

Errors carry data, say what to do next, pickle, and never hold a token, a secret or a state.
"""

from seeclickfix_async.errors._base import ClientStateError as ClientStateError
from seeclickfix_async.errors._base import ClosedClientError as ClosedClientError
from seeclickfix_async.errors._base import DecodeError as DecodeError
from seeclickfix_async.errors._base import EventLoopError as EventLoopError
from seeclickfix_async.errors._base import FileLockedError as FileLockedError
from seeclickfix_async.errors._base import InvalidArgumentError as InvalidArgumentError
from seeclickfix_async.errors._base import InvalidDraftError as InvalidDraftError
from seeclickfix_async.errors._base import SeeClickFixError as SeeClickFixError
from seeclickfix_async.errors._base import TokenStoreError as TokenStoreError
from seeclickfix_async.errors._base import TruncatedResultsError as TruncatedResultsError
from seeclickfix_async.errors._oauth import AccessDeniedError as AccessDeniedError
from seeclickfix_async.errors._oauth import AuthorizationError as AuthorizationError
from seeclickfix_async.errors._oauth import FlowExpiredError as FlowExpiredError
from seeclickfix_async.errors._oauth import FlowFinishedError as FlowFinishedError
from seeclickfix_async.errors._oauth import InvalidClientError as InvalidClientError
from seeclickfix_async.errors._oauth import InvalidGrantError as InvalidGrantError
from seeclickfix_async.errors._oauth import InvalidRedirectError as InvalidRedirectError
from seeclickfix_async.errors._oauth import InvalidScopeError as InvalidScopeError
from seeclickfix_async.errors._oauth import OAuthError as OAuthError
from seeclickfix_async.errors._oauth import ProviderUnavailableError as ProviderUnavailableError
from seeclickfix_async.errors._oauth import (
    ReauthorizationRequiredError as ReauthorizationRequiredError,
)
from seeclickfix_async.errors._oauth import StateMismatchError as StateMismatchError
from seeclickfix_async.errors._oauth import UnauthorizedClientError as UnauthorizedClientError
from seeclickfix_async.errors._oauth import UnsupportedFlowError as UnsupportedFlowError
from seeclickfix_async.errors._status import AuthenticationError as AuthenticationError
from seeclickfix_async.errors._status import BadRequestError as BadRequestError
from seeclickfix_async.errors._status import BlockedError as BlockedError
from seeclickfix_async.errors._status import NotFoundError as NotFoundError
from seeclickfix_async.errors._status import PermissionDeniedError as PermissionDeniedError
from seeclickfix_async.errors._status import RateLimitedError as RateLimitedError
from seeclickfix_async.errors._status import ServerError as ServerError
from seeclickfix_async.errors._status import StatusError as StatusError
from seeclickfix_async.errors._status import ValidationError as ValidationError
from seeclickfix_async.errors._transport import AnswerLostError as AnswerLostError
from seeclickfix_async.errors._transport import AnswerTimeoutError as AnswerTimeoutError
from seeclickfix_async.errors._transport import ConnectionFailedError as ConnectionFailedError
from seeclickfix_async.errors._transport import ForeignRedirectError as ForeignRedirectError
from seeclickfix_async.errors._transport import IssueMayExistError as IssueMayExistError
from seeclickfix_async.errors._transport import RedirectLoopError as RedirectLoopError
from seeclickfix_async.errors._transport import RedirectRefusedError as RedirectRefusedError
from seeclickfix_async.errors._transport import ResponseTooLargeError as ResponseTooLargeError
from seeclickfix_async.errors._transport import TransportError as TransportError

UNCERTAIN = (AnswerLostError, RedirectRefusedError, ResponseTooLargeError, ServerError)
"""What leaves it open whether a write was carried out."""

for _error in tuple(vars().values()):
    if isinstance(_error, type):
        _error.__module__ = __name__  # tracebacks and pickles name it as people import it

__all__ = [
    "UNCERTAIN",
    "AccessDeniedError",
    "AnswerLostError",
    "AnswerTimeoutError",
    "AuthenticationError",
    "AuthorizationError",
    "BadRequestError",
    "BlockedError",
    "ClientStateError",
    "ClosedClientError",
    "ConnectionFailedError",
    "DecodeError",
    "EventLoopError",
    "FileLockedError",
    "FlowExpiredError",
    "FlowFinishedError",
    "ForeignRedirectError",
    "InvalidArgumentError",
    "InvalidClientError",
    "InvalidDraftError",
    "InvalidGrantError",
    "InvalidRedirectError",
    "InvalidScopeError",
    "IssueMayExistError",
    "NotFoundError",
    "OAuthError",
    "PermissionDeniedError",
    "ProviderUnavailableError",
    "RateLimitedError",
    "ReauthorizationRequiredError",
    "RedirectLoopError",
    "RedirectRefusedError",
    "ResponseTooLargeError",
    "SeeClickFixError",
    "ServerError",
    "StateMismatchError",
    "StatusError",
    "TokenStoreError",
    "TransportError",
    "TruncatedResultsError",
    "UnauthorizedClientError",
    "UnsupportedFlowError",
    "ValidationError",
]
