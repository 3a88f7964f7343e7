"""Async client for the SeeClickFix 311 API v2.

Everything public is here and in `errors`, `events`, `models`, `oauth`, `tokens`, `pull`, `probe`,
`sandbox`, `testing`, `web`, `otel` and `mcp`. Names are loaded when they are first used, so that
importing the package costs next to nothing; the HTTP library is imported with the first client.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from seeclickfix_async._core.public_names import lazy_getattr
from seeclickfix_async._version import __version__

if TYPE_CHECKING:
    from seeclickfix_async import errors as errors
    from seeclickfix_async import events as events
    from seeclickfix_async import models as models
    from seeclickfix_async import oauth as oauth
    from seeclickfix_async import pull as pull
    from seeclickfix_async._api.area import Area as Area
    from seeclickfix_async._api.area import BoundingBox as BoundingBox
    from seeclickfix_async._api.area import Near as Near
    from seeclickfix_async._api.area import PlaceArea as PlaceArea
    from seeclickfix_async._api.area import WatchArea as WatchArea
    from seeclickfix_async._api.area import Zoom as Zoom
    from seeclickfix_async._api.area import near as near
    from seeclickfix_async._api.client_options import AccessToken as AccessToken
    from seeclickfix_async._api.client_options import ClientOptions as ClientOptions
    from seeclickfix_async._api.decoding import Rejected as Rejected
    from seeclickfix_async._api.listing_queries import Subset as Subset
    from seeclickfix_async._api.page import Page as Page
    from seeclickfix_async._api.pagination import Pager as Pager
    from seeclickfix_async._api.query import ALL as ALL
    from seeclickfix_async._api.query import ClockField as ClockField
    from seeclickfix_async._api.query import Direction as Direction
    from seeclickfix_async._api.query import IssueFilters as IssueFilters
    from seeclickfix_async._api.query import Sort as Sort
    from seeclickfix_async._api.query import Statuses as Statuses
    from seeclickfix_async._blocking import Blocking as Blocking
    from seeclickfix_async._blocking import blocking as blocking
    from seeclickfix_async._client import AsyncClient as AsyncClient
    from seeclickfix_async._core.clock import Clock as Clock
    from seeclickfix_async._core.credentials import PRODUCTION as PRODUCTION
    from seeclickfix_async._core.credentials import TokenExpiryWarning as TokenExpiryWarning
    from seeclickfix_async._core.credentials import TokenSource as TokenSource
    from seeclickfix_async._core.duration import Duration as Duration
    from seeclickfix_async._core.image import Image as Image
    from seeclickfix_async._core.response import Response as Response
    from seeclickfix_async._core.secret import Secret as Secret
    from seeclickfix_async._crawl.crawl import Crawl as Crawl
    from seeclickfix_async._crawl.driver import Batch as Batch
    from seeclickfix_async._crawl.limits import PageSize as PageSize
    from seeclickfix_async._crawl.report import Estimate as Estimate
    from seeclickfix_async._crawl.report import Report as Report
    from seeclickfix_async._resources.photos import Photo as Photo
    from seeclickfix_async._transport.cache import Cache as Cache
    from seeclickfix_async._transport.host_limiter import HostLimiter as HostLimiter
    from seeclickfix_async._transport.httpx_compat import HTTPClient as HTTPClient
    from seeclickfix_async._transport.limiter import Limiter as Limiter
    from seeclickfix_async._transport.limiter import RateLimiter as RateLimiter
    from seeclickfix_async._transport.photos import prepare_photo as prepare_photo
    from seeclickfix_async._transport.redis_limiter import RedisLimiter as RedisLimiter
    from seeclickfix_async._transport.request import UNSET as UNSET
    from seeclickfix_async._transport.request import Unset as Unset
    from seeclickfix_async._transport.retry import Retry as Retry
    from seeclickfix_async._watch.changes import Change as Change
    from seeclickfix_async._watch.changes import ChangeKind as ChangeKind
    from seeclickfix_async._watch.outbox import Delivery as Delivery
    from seeclickfix_async._watch.outbox import Outbox as Outbox
    from seeclickfix_async._watch.sqlite_outbox import SqliteOutbox as SqliteOutbox
    from seeclickfix_async._watch.watch import Watch as Watch
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
    from seeclickfix_async.tokens import Accounts as Accounts
    from seeclickfix_async.tokens import FileStore as FileStore
    from seeclickfix_async.tokens import MemoryStore as MemoryStore
    from seeclickfix_async.tokens import StoredToken as StoredToken
    from seeclickfix_async.tokens import TokenEndpoint as TokenEndpoint
    from seeclickfix_async.tokens import TokenStore as TokenStore

_LAZY_IMPORTS = {
    "": ("errors", "events", "models", "oauth", "pull"),
    "_api.area": ("Area", "BoundingBox", "Near", "PlaceArea", "WatchArea", "Zoom", "near"),
    "_watch.changes": ("Change", "ChangeKind"),
    "_blocking": ("Blocking", "blocking"),
    "_client": ("AsyncClient",),
    "_api.client_options": ("AccessToken", "ClientOptions"),
    "_crawl.crawl": ("Crawl",),
    "_crawl.driver": ("Batch",),
    "_core.credentials": ("PRODUCTION", "TokenExpiryWarning", "TokenSource"),
    "_api.decoding": ("Rejected",),
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
    "_api.page": ("Page",),
    "_api.pagination": ("Pager",),
    "_api.query": ("ALL", "ClockField", "Direction", "IssueFilters", "Sort", "Statuses"),
    "_api.listing_queries": ("Subset",),
    "_crawl.report": ("Estimate", "Report"),
    "_core.response": ("Response",),
    "_core.duration": ("Duration",),
    "_core.image": ("Image",),
    "_core.secret": ("Secret",),
    "_crawl.limits": ("PageSize",),
    "_resources.photos": ("Photo",),
    "_transport.host_limiter": ("HostLimiter",),
    "_transport.httpx_compat": ("HTTPClient",),
    "_transport.request": ("UNSET", "Unset"),
    "tokens": (
        "Accounts",
        "FileStore",
        "MemoryStore",
        "StoredToken",
        "TokenEndpoint",
        "TokenStore",
    ),
    "_transport.cache": ("Cache",),
    "_core.clock": ("Clock",),
    "_transport.limiter": ("Limiter", "RateLimiter"),
    "_transport.retry": ("Retry",),
    "_transport.photos": ("prepare_photo",),
    "_transport.redis_limiter": ("RedisLimiter",),
    "_watch.outbox": ("Delivery", "Outbox"),
    "_watch.sqlite_outbox": ("SqliteOutbox",),
    "_watch.watch": ("Watch",),
}

__all__ = [
    "ALL",
    "PRODUCTION",
    "UNSET",
    "AccessToken",
    "Accounts",
    "Area",
    "AsyncClient",
    "Batch",
    "Blocking",
    "BoundingBox",
    "Cache",
    "Change",
    "ChangeKind",
    "ClientOptions",
    "Clock",
    "ClockField",
    "Comment",
    "Crawl",
    "Created",
    "Delivery",
    "DetailedIssue",
    "Direction",
    "Draft",
    "Duration",
    "Estimate",
    "FileStore",
    "HTTPClient",
    "HostLimiter",
    "Image",
    "Issue",
    "IssueFilters",
    "Limiter",
    "MemoryStore",
    "Moderated",
    "Near",
    "Outbox",
    "Page",
    "PageSize",
    "Pager",
    "Photo",
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
    "Sort",
    "SqliteOutbox",
    "Status",
    "Statuses",
    "StoredToken",
    "Subset",
    "TokenEndpoint",
    "TokenExpiryWarning",
    "TokenSource",
    "TokenStore",
    "Unset",
    "User",
    "Watch",
    "WatchArea",
    "Zoom",
    "__version__",
    "blocking",
    "errors",
    "events",
    "models",
    "near",
    "oauth",
    "prepare_photo",
    "pull",
]


__getattr__: Callable[[str], object] = lazy_getattr(__name__, _LAZY_IMPORTS)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
