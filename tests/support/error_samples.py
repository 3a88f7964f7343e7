"""An error of each class, with data."""

from __future__ import annotations

from seeclickfix_async import errors
from seeclickfix_async.errors import SeeClickFixError

SAMPLES: list[SeeClickFixError] = [
    errors.InvalidArgumentError("lat", "must be a number."),
    errors.InvalidDraftError({"142": ['"How large is it?" is required.']}),
    errors.FileLockedError("to", "city.db", 4711),
    errors.ClosedClientError(),
    errors.EventLoopError(),
    errors.ConnectionFailedError("gone", advice="Check base_url.", route="GET /issues"),
    errors.InvalidEnvironmentError("HTTPS_PROXY is invalid.", variable="HTTPS_PROXY"),
    errors.AnswerLostError("gone", route="GET /issues"),
    errors.AnswerTimeoutError("gone", route="GET /issues"),
    errors.IssueMayExistError({"status": "all"}, route="POST /issues"),
    errors.RedirectLoopError("a loop", route="GET /issues"),
    errors.RedirectRefusedError("no", route="POST /oauth/token"),
    errors.ForeignRedirectError("away", origin="https://login.example", route="GET /issues"),
    errors.ResponseTooLargeError(7, route="GET /issues"),
    errors.BadRequestError("no", status=400),
    errors.AuthenticationError("no", status=401, body={"a": 1}),
    errors.PermissionDeniedError("no", code="not_signed_in", status=403),
    errors.BlockedError("no", status=403),
    errors.ChallengeError("no", status=403),
    errors.NotFoundError("no", status=404, route="GET /issues/{id}"),
    errors.ValidationError("no", errors={"lat": ["is bad"]}, status=422),
    errors.RateLimitedError("no", status=429, retry_after=10.0),
    errors.ServerError("no", status=503, headers={"server": "x"}),
    errors.DecodeError("no", path="issues[3].lat"),
    errors.TruncatedResultsError("no", page=11, received=1000, entries=5000),
    errors.InvalidRedirectError("no"),
    errors.StateMismatchError(),
    errors.FlowExpiredError(600.0),
    errors.FlowFinishedError(),
    errors.ForeignTokenError(),
    errors.ReauthorizationRequiredError("user-7", "no token is stored."),
    errors.AuthorizationError("a_new_one", "a description", "advice"),
    errors.AccessDeniedError("access_denied"),
    errors.InvalidClientError("invalid_client"),
    errors.InvalidGrantError("invalid_grant"),
    errors.InvalidScopeError("invalid_scope"),
    errors.UnauthorizedClientError("unauthorized_client"),
    errors.UnsupportedFlowError("unsupported_grant_type"),
    errors.ProviderUnavailableError("server_error"),
    errors.TokenStoreError("no"),
]
