"""Objects whose form is not known: the service's apps request them, and no response is recorded."""

from __future__ import annotations

from typing import Any

import attrs

from seeclickfix_async.models._common import Int64
from seeclickfix_async.models._model import Model


@attrs.frozen
class Unverified(Model):
    """An object with all its members, whatever they are.

    Attributes:
        id: Its id, if it has one.
        fields: All members as plain objects, with their names as received.
    """

    id: Int64 | str | None = None
    fields: dict[str, Any] = attrs.field(factory=dict, repr=False, hash=False)


@attrs.frozen
class Notice(Unverified):
    """A notice to the signed-in user (observed in the service's apps, unverified)."""


@attrs.frozen
class BulletinBoard(Unverified):
    """A bulletin board at a point (observed in the service's apps, unverified).

    If the response follows JSON:API, its values are in `fields["attributes"]`.
    """
