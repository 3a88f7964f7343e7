"""Login through SeeClickFix, without any I/O: the messages of OAuth 2.0.

    app = Application("client-id", "https://app.example/callback", "client-secret")
    flow = begin(app)                  # keep it in this browser's session; send it to flow.url
    code = finish(flow, redirected)    # what the browser came back with
    token = await TokenEndpoint(app).exchange(code)

The code flow with PKCE is the default; the implicit flow, which the API's page walks through, is
`begin(app, "implicit")` and ends in a token at once. The plain functions underneath can be used
alone. `TokenEndpoint`, which does I/O, is at the package's top level.
Source: API page "Authentication", RFC 6749, RFC 7636, RFC 8252, RFC 9207.
"""

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
