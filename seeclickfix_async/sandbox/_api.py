"""All endpoints under `/api/v2`, each behind the same door."""

from __future__ import annotations

import attrs
from starlette.routing import Route

from seeclickfix_async.sandbox._accounts import Accounts
from seeclickfix_async.sandbox._city import City
from seeclickfix_async.sandbox._gateway import Gateway, Handler
from seeclickfix_async.sandbox._overlay import Overlay
from seeclickfix_async.sandbox._photos import Photos
from seeclickfix_async.sandbox._routes import places
from seeclickfix_async.sandbox._routes.issue_actions import IssueActionRoutes
from seeclickfix_async.sandbox._routes.issues import IssueRoutes
from seeclickfix_async.sandbox._routes.open311 import Open311
from seeclickfix_async.sandbox._routes.organization import OrganizationRoutes
from seeclickfix_async.sandbox._routes.questions import QuestionRoutes
from seeclickfix_async.sandbox._routes.reports import ReportRoutes

_ROOT = "/api/v2"


@attrs.define(eq=False)
class Endpoints:
    """What is served under `/api/v2`."""

    city: City
    door: Gateway
    ledger: Overlay
    photos: Photos

    def _elsewhere(self) -> dict[tuple[str, str], Handler]:
        """What is not under the API's root."""
        return {
            **self.photos.table(),
            **Open311(self.city, self.door, self.ledger).table(),
        }

    def routes(self) -> list[Route]:
        """Every route."""
        table = {
            **IssueRoutes(self.city, self.door, self.ledger).table(),
            **ReportRoutes(self.city, self.door, self.ledger, self.photos).table(),
            **IssueActionRoutes(self.city, self.door, self.ledger, self.photos).table(),
            **Accounts(self.door).table(),
            **places.table(),
            **OrganizationRoutes(self.city, self.door, self.ledger).table(),
            **QuestionRoutes(self.door).table(),
        }
        rooted = {(method, f"{_ROOT}{path}"): handler for (method, path), handler in table.items()}
        return [
            Route(path, self.door.before(handler), methods=[method])
            for (method, path), handler in {**rooted, **self._elsewhere()}.items()
        ]
