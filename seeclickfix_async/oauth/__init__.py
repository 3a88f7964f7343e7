"""Login through SeeClickFix, without any I/O: the messages of OAuth 2.0.

The implicit flow, as the API documents it: send the person's browser to `authorize_url(...)` with a
fresh `generate_state()`, keep the state in that browser's session, and give what the browser
comes back with to `parse_fragment(...)` together with the state. Source: API page
"Authentication", RFC 6749 §4.2.
"""

from seeclickfix_async.oauth.authorize import authorize_url as authorize_url
from seeclickfix_async.oauth.authorize import generate_state as generate_state
from seeclickfix_async.oauth.redirect import parse_fragment as parse_fragment
from seeclickfix_async.oauth.token import Token as Token

__all__ = ["Token", "authorize_url", "generate_state", "parse_fragment"]
