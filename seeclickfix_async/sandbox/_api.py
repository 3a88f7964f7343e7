"""All endpoints under `/api/v2`, and those of Open311, of photos and of API v3."""

from __future__ import annotations

from starlette.routing import Route

from seeclickfix_async.sandbox._city import City
from seeclickfix_async.sandbox._gateway import ROOT, Gateway
from seeclickfix_async.sandbox._overlay import Overlay
from seeclickfix_async.sandbox._photos import Photos
from seeclickfix_async.sandbox._routes import places
from seeclickfix_async.sandbox._routes.accounts import AccountRoutes
from seeclickfix_async.sandbox._routes.issue_actions import IssueActionRoutes
from seeclickfix_async.sandbox._routes.issues import IssueRoutes
from seeclickfix_async.sandbox._routes.open311 import Open311Routes
from seeclickfix_async.sandbox._routes.organization import OrganizationRoutes
from seeclickfix_async.sandbox._routes.questions import QuestionRoutes
from seeclickfix_async.sandbox._routes.reports import ReportRoutes
from seeclickfix_async.sandbox._routes.unverified import UnverifiedRoutes


def api_routes(city: City, gateway: Gateway, overlay: Overlay, photos: Photos) -> list[Route]:
    """Return the routes of all endpoints, each behind the gateway."""
    handlers = {
        **IssueRoutes(city, gateway, overlay).handlers(),
        **ReportRoutes(city, gateway, overlay, photos).handlers(),
        **IssueActionRoutes(city, gateway, overlay, photos).handlers(),
        **AccountRoutes(gateway).handlers(),
        **places.handlers(),
        **OrganizationRoutes(city, gateway, overlay).handlers(),
        **QuestionRoutes(gateway).handlers(),
    }
    rooted = {(method, f"{ROOT}{path}"): handler for (method, path), handler in handlers.items()}
    others = {
        **photos.handlers(),
        **Open311Routes(city, gateway, overlay).handlers(),
        **UnverifiedRoutes(gateway).handlers(),
    }
    return [
        Route(path, gateway.wrap(handler), methods=[method])
        for (method, path), handler in {**rooted, **others}.items()
    ]
