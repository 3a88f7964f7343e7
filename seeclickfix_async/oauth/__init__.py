"""Login with SeeClickFix (OAuth 2.0), without any I/O.

    app = Application("client-id", "https://app.example/callback", "client-secret")
    flow = begin(app)                  # store it in the browser's session; redirect to flow.url
    code = finish(flow, redirected)    # the URL that the browser was redirected to
    token = await TokenEndpoint(app).exchange(code)

The authorization code flow with PKCE is the default. `begin(app, "implicit")` starts the implicit
flow, which the API page describes: `finish()` then returns a token at once, which
`TokenEndpoint.verify` has to check before its owner is signed in. `authorize_url`,
`generate_state`, `generate_pkce`, `parse_callback` and `parse_fragment` are the single steps of a
login, without a `Flow`. `TokenEndpoint`, which does I/O, is in `seeclickfix_async`.
Source: API page "Authentication", RFC 6749, RFC 7636, RFC 8252, RFC 9207.
"""

from seeclickfix_async._core.public_names import publish
from seeclickfix_async.oauth._application import Application as Application
from seeclickfix_async.oauth._application import Endpoints as Endpoints
from seeclickfix_async.oauth._authorize import Pkce as Pkce
from seeclickfix_async.oauth._authorize import authorize_url as authorize_url
from seeclickfix_async.oauth._authorize import generate_pkce as generate_pkce
from seeclickfix_async.oauth._authorize import generate_state as generate_state
from seeclickfix_async.oauth._flow import Flow as Flow
from seeclickfix_async.oauth._flow import FlowKind as FlowKind
from seeclickfix_async.oauth._flow import begin as begin
from seeclickfix_async.oauth._flow import finish as finish
from seeclickfix_async.oauth._introspection import Introspection as Introspection
from seeclickfix_async.oauth._introspection import TokenInfo as TokenInfo
from seeclickfix_async.oauth._parse import AuthorizationCode as AuthorizationCode
from seeclickfix_async.oauth._parse import parse_callback as parse_callback
from seeclickfix_async.oauth._parse import parse_fragment as parse_fragment
from seeclickfix_async.oauth._token import Token as Token

__all__ = [
    "Application",
    "AuthorizationCode",
    "Endpoints",
    "Flow",
    "FlowKind",
    "Introspection",
    "Pkce",
    "Token",
    "TokenInfo",
    "authorize_url",
    "begin",
    "finish",
    "generate_pkce",
    "generate_state",
    "parse_callback",
    "parse_fragment",
]

publish(__name__, [globals()[name] for name in __all__])
