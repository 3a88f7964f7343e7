"""Async client for the SeeClickFix 311 API v2.

Everything public is here and in `errors`, `models`, `oauth` and `pull`. Names are loaded when they
are first used, so that importing the package costs next to nothing; the HTTP library comes with
the first request.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from seeclickfix_async._version import __version__

if TYPE_CHECKING:
    from seeclickfix_async import errors as errors
    from seeclickfix_async import models as models
    from seeclickfix_async import oauth as oauth
    from seeclickfix_async import pull as pull
    from seeclickfix_async.areas import Area as Area
    from seeclickfix_async.areas import BoundingBox as BoundingBox
    from seeclickfix_async.areas import Near as Near
    from seeclickfix_async.areas import PlaceArea as PlaceArea
    from seeclickfix_async.areas import WatchArea as WatchArea
    from seeclickfix_async.areas import Zoom as Zoom
    from seeclickfix_async.areas import near as near
    from seeclickfix_async.changes import Change as Change
    from seeclickfix_async.changes import Kind as Kind
    from seeclickfix_async.client import AsyncClient as AsyncClient
    from seeclickfix_async.crawl import Batch as Batch
    from seeclickfix_async.crawl import Crawl as Crawl
    from seeclickfix_async.credentials import PRODUCTION as PRODUCTION
    from seeclickfix_async.credentials import TokenExpiryWarning as TokenExpiryWarning
    from seeclickfix_async.credentials import TokenSource as TokenSource
    from seeclickfix_async.decoding import Rejected as Rejected
    from seeclickfix_async.errors import SeeClickFixError as SeeClickFixError
    from seeclickfix_async.models import Comment as Comment
    from seeclickfix_async.models import Created as Created
    from seeclickfix_async.models import DetailedIssue as DetailedIssue
    from seeclickfix_async.models import Draft as Draft
    from seeclickfix_async.models import Issue as Issue
    from seeclickfix_async.models import Moderated as Moderated
    from seeclickfix_async.models import Place as Place
    from seeclickfix_async.models import Question as Question
    from seeclickfix_async.models import QuestionType as QuestionType
    from seeclickfix_async.models import RequestType as RequestType
    from seeclickfix_async.models import RequestTypeOption as RequestTypeOption
    from seeclickfix_async.models import Status as Status
    from seeclickfix_async.models import User as User
    from seeclickfix_async.paging import Page as Page
    from seeclickfix_async.paging import Pager as Pager
    from seeclickfix_async.queries import ALL as ALL
    from seeclickfix_async.queries import IssueFilters as IssueFilters
    from seeclickfix_async.report import Estimate as Estimate
    from seeclickfix_async.report import Report as Report
    from seeclickfix_async.response import Response as Response
    from seeclickfix_async.secret import Secret as Secret
    from seeclickfix_async.tokens.accounts import Accounts as Accounts
    from seeclickfix_async.tokens.endpoint import TokenEndpoint as TokenEndpoint
    from seeclickfix_async.tokens.files import FileStore as FileStore
    from seeclickfix_async.tokens.sources import StoredToken as StoredToken
    from seeclickfix_async.tokens.stores import MemoryStore as MemoryStore
    from seeclickfix_async.tokens.stores import TokenStore as TokenStore
    from seeclickfix_async.transport.cache import Cache as Cache
    from seeclickfix_async.transport.clock import Clock as Clock
    from seeclickfix_async.transport.limiter import Limiter as Limiter
    from seeclickfix_async.transport.limiter import RateLimiter as RateLimiter
    from seeclickfix_async.transport.retry import Retry as Retry
    from seeclickfix_async.transport.shared import RedisLimiter as RedisLimiter
    from seeclickfix_async.watch import Watch as Watch

_ROOMS = {
    "": ("errors", "models", "oauth", "pull"),
    "areas": ("Area", "BoundingBox", "Near", "PlaceArea", "WatchArea", "Zoom", "near"),
    "changes": ("Change", "Kind"),
    "client": ("AsyncClient",),
    "crawl": ("Batch", "Crawl"),
    "credentials": ("PRODUCTION", "TokenExpiryWarning", "TokenSource"),
    "decoding": ("Rejected",),
    "errors": ("SeeClickFixError",),
    "models": (
        "Comment",
        "Created",
        "DetailedIssue",
        "Draft",
        "Issue",
        "Moderated",
        "Place",
        "Question",
        "QuestionType",
        "RequestType",
        "RequestTypeOption",
        "Status",
        "User",
    ),
    "paging": ("Page", "Pager"),
    "queries": ("ALL", "IssueFilters"),
    "report": ("Estimate", "Report"),
    "response": ("Response",),
    "secret": ("Secret",),
    "tokens.accounts": ("Accounts",),
    "tokens.endpoint": ("TokenEndpoint",),
    "tokens.files": ("FileStore",),
    "tokens.sources": ("StoredToken",),
    "tokens.stores": ("MemoryStore", "TokenStore"),
    "transport.cache": ("Cache",),
    "transport.clock": ("Clock",),
    "transport.limiter": ("Limiter", "RateLimiter"),
    "transport.retry": ("Retry",),
    "transport.shared": ("RedisLimiter",),
    "watch": ("Watch",),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "ALL",
    "PRODUCTION",
    "Accounts",
    "Area",
    "AsyncClient",
    "Batch",
    "BoundingBox",
    "Cache",
    "Change",
    "Clock",
    "Comment",
    "Crawl",
    "Created",
    "DetailedIssue",
    "Draft",
    "Estimate",
    "FileStore",
    "Issue",
    "IssueFilters",
    "Kind",
    "Limiter",
    "MemoryStore",
    "Moderated",
    "Near",
    "Page",
    "Pager",
    "Place",
    "PlaceArea",
    "Question",
    "QuestionType",
    "RateLimiter",
    "RedisLimiter",
    "Rejected",
    "Report",
    "RequestType",
    "RequestTypeOption",
    "Response",
    "Retry",
    "Secret",
    "SeeClickFixError",
    "Status",
    "StoredToken",
    "TokenEndpoint",
    "TokenExpiryWarning",
    "TokenSource",
    "TokenStore",
    "User",
    "Watch",
    "WatchArea",
    "Zoom",
    "__version__",
    "errors",
    "models",
    "near",
    "oauth",
    "pull",
]


def __getattr__(name: str) -> object:
    room = _HOME.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if not room:
        return importlib.import_module(f"{__name__}.{name}")
    value: object = getattr(importlib.import_module(f"{__name__}.{room}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
