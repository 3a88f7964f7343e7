"""Pages with which a content delivery network (CDN) in front of the service checks for a browser.

They replace the response of the service, which has not received the request.
"""

from __future__ import annotations

from seeclickfix_async._core.response import Response

# Headers that mark a challenge with any status: AWS WAF sends 202 and 405, with an empty body for
# clients that do not accept HTML. Sources: documentation of Cloudflare, "Detect a Challenge Page
# response", and of AWS WAF, "CAPTCHA and Challenge action behavior".
_HEADERS = {"cf-mitigated": "Cloudflare", "x-amzn-waf-action": "AWS WAF"}

_STATUSES = frozenset({403, 503})
# What a page or one of two headers contains, in lower case (observed on these networks' pages).
_NETWORKS = (
    (b"cloudflare", "Cloudflare"),
    (b"/cdn-cgi/", "Cloudflare"),
    (b"akamaighost", "Akamai"),
    (b"edgesuite.net", "Akamai"),
    (b"incapsula", "Imperva"),
    (b"imperva", "Imperva"),
    (b"awswaf", "AWS WAF"),
    (b"awselb/", "AWS WAF"),
    (b"cloudfront", "CloudFront"),
    (b"datadome", "DataDome"),
    (b"sucuri", "Sucuri"),
)
# A 503 of a network may also mean that the service is down, which is worth a retry.
_CHALLENGES = (b"challenge", b"captcha", b"just a moment", b"checking your browser", b"incident id")
_LENGTH = 2**16  # bytes of a page that are searched


def find_challenge(response: Response) -> str | None:
    """Return the name of the network that challenged the request, or None."""
    headers = response.headers
    if "json" in headers.get("content-type", ""):
        return None
    for name, network in _HEADERS.items():
        if name in headers:
            return network
    if response.status not in _STATUSES:
        return None
    page = response.content[:_LENGTH].lower()
    if "html" not in headers.get("content-type", "") and b"<html" not in page:
        return None
    if response.status == 503 and not any(phrase in page for phrase in _CHALLENGES):
        return None
    sender = f"{headers.get('server', '')} {headers.get('x-cdn', '')}".lower().encode()
    return next((name for mark, name in _NETWORKS if mark in sender or mark in page), None)
