"""Every error of this package, in one tree, with its code.

    SeeClickFixError                     error
    ├── InvalidArgumentError             invalid_argument         nothing was sent, or a file failed
    │   ├── InvalidDraftError            invalid_draft            a report, with all its faults
    │   └── FileLockedError              file_locked              another pull or feed writes to it
    ├── ClientStateError                 client_state             a RuntimeError
    │   ├── ClosedClientError            client_closed
    │   └── EventLoopError               event_loop
    ├── TransportError                   transport                no usable response
    │   ├── ConnectionFailedError        connection_failed        the request was never sent
    │   │   └── InvalidEnvironmentError  invalid_environment      a proxy or certificates
    │   ├── AnswerLostError              response_lost            the request may have arrived
    │   │   ├── AnswerTimeoutError       response_timeout
    │   │   └── IssueMayExistError       issue_may_exist          a report without a response
    │   ├── RedirectLoopError            redirect_loop
    │   ├── RedirectRefusedError         redirect_refused
    │   ├── ForeignRedirectError         foreign_redirect         to an origin other than the API's
    │   └── ResponseTooLargeError        response_too_large
    ├── StatusError                      refused                  the service refused
    │   ├── BadRequestError              bad_request              400, and any other 4xx
    │   ├── AuthenticationError          unauthenticated          401, or not signed in
    │   ├── PermissionDeniedError        permission_denied        403
    │   │   └── BlockedError             blocked                  403 for the client: stop sending
    │   ├── ChallengeError               browser_challenge        a CDN's page that needs a browser
    │   ├── NotFoundError                not_found                404
    │   ├── ValidationError              validation_failed        422, or errors in a success
    │   ├── RateLimitedError             rate_limited             429, or longer than `max_wait`
    │   └── ServerError                  service_failed           5xx or 408
    ├── DecodeError                      unreadable_response      not what the API documents
    ├── TruncatedResultsError            truncated_results        fewer rows than the service counts
    ├── TokenStoreError                  token_store              a token is not stored, or not safe
    └── OAuthError                       login_failed
        ├── InvalidRedirectError         invalid_redirect         not an authorization response
        ├── StateMismatchError           state_mismatch           a response for another login
        ├── FlowExpiredError             login_expired
        ├── FlowFinishedError            login_finished           the response was used before
        ├── ForeignTokenError            foreign_token            of another application
        ├── ReauthorizationRequiredError reauthorization_required the user must sign in again
        └── AuthorizationError           the provider's           the provider refused
            ├── AccessDeniedError        access_denied            the user chose "Deny"
            ├── InvalidClientError       invalid_client
            ├── InvalidGrantError        invalid_grant            sign in again
            ├── InvalidScopeError        invalid_scope
            ├── UnauthorizedClientError  unauthorized_client
            ├── UnsupportedFlowError     unsupported_response_type or unsupported_grant_type
            └── ProviderUnavailableError server_error or temporarily_unavailable

Some errors have a code of their own:

    ambiguous_name      InvalidArgumentError: several or no places have this name
    insecure_http       InvalidArgumentError: a token is not sent over plain http
    keyring_locked      TokenStoreError: the keyring waits until its owner unlocks it
    no_keyring          TokenStoreError: this machine has no keyring, or a broken one
    no_pull_to_update   InvalidArgumentError: the file has other pulls, but not this one
    not_signed_in       AuthenticationError or PermissionDeniedError: the request had no token
    pull_complete       InvalidArgumentError: the file has all of this pull already
    unknown_path        NotFoundError: the API has no such path; `base_url` may be wrong

Codes do not change between versions; messages may. Errors carry data, include advice in their
message, pickle, and never contain a token, a secret or a state.
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
from seeclickfix_async.errors._oauth import ForeignTokenError as ForeignTokenError
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
from seeclickfix_async.errors._status import ChallengeError as ChallengeError
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
from seeclickfix_async.errors._transport import InvalidEnvironmentError as InvalidEnvironmentError
from seeclickfix_async.errors._transport import IssueMayExistError as IssueMayExistError
from seeclickfix_async.errors._transport import RedirectLoopError as RedirectLoopError
from seeclickfix_async.errors._transport import RedirectRefusedError as RedirectRefusedError
from seeclickfix_async.errors._transport import ResponseTooLargeError as ResponseTooLargeError
from seeclickfix_async.errors._transport import TransportError as TransportError

UNCERTAIN = (AnswerLostError, RedirectRefusedError, ResponseTooLargeError, ServerError)
"""Errors after which a write may or may not have been executed."""

for _error in tuple(vars().values()):
    if isinstance(_error, type):
        _error.__module__ = __name__  # tracebacks and pickles use the public name

__all__ = [
    "UNCERTAIN",
    "AccessDeniedError",
    "AnswerLostError",
    "AnswerTimeoutError",
    "AuthenticationError",
    "AuthorizationError",
    "BadRequestError",
    "BlockedError",
    "ChallengeError",
    "ClientStateError",
    "ClosedClientError",
    "ConnectionFailedError",
    "DecodeError",
    "EventLoopError",
    "FileLockedError",
    "FlowExpiredError",
    "FlowFinishedError",
    "ForeignRedirectError",
    "ForeignTokenError",
    "InvalidArgumentError",
    "InvalidClientError",
    "InvalidDraftError",
    "InvalidEnvironmentError",
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
