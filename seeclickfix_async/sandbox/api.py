"""All endpoints under `/api/v2`, each behind the same door."""

from __future__ import annotations

import attrs
from starlette.routing import Route

from seeclickfix_async.sandbox import places
from seeclickfix_async.sandbox.accounts import Accounts
from seeclickfix_async.sandbox.city import City
from seeclickfix_async.sandbox.discussion import Discussion
from seeclickfix_async.sandbox.door import Door, Handler
from seeclickfix_async.sandbox.ledger import Ledger
from seeclickfix_async.sandbox.open311 import Open311
from seeclickfix_async.sandbox.organization import Members
from seeclickfix_async.sandbox.photos import Photos
from seeclickfix_async.sandbox.reading import Reading
from seeclickfix_async.sandbox.reporting import Reporting
from seeclickfix_async.sandbox.writing import Writing

_ROOT = "/api/v2"


@attrs.define(eq=False)
class Endpoints:
    """What is served under `/api/v2`."""

    city: City
    door: Door
    ledger: Ledger
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
            **Reading(self.city, self.door, self.ledger).table(),
            **Reporting(self.city, self.door, self.ledger, self.photos).table(),
            **Writing(self.city, self.door, self.ledger, self.photos).table(),
            **Accounts(self.door).table(),
            **places.table(),
            **Members(self.city, self.door, self.ledger).table(),
            **Discussion(self.door).table(),
        }
        rooted = {(method, f"{_ROOT}{path}"): handler for (method, path), handler in table.items()}
        return [
            Route(path, self.door.before(handler), methods=[method])
            for (method, path), handler in {**rooted, **self._elsewhere()}.items()
        ]
