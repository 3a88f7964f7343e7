"""An account's e-mail addresses."""

from __future__ import annotations

import attrs

from seeclickfix_async.models._common import Int64
from seeclickfix_async.models._model import Model


@attrs.frozen
class Email(Model):
    """An e-mail address of the signed-in user (documented); the repr omits the address."""

    id: Int64
    email: str | None = attrs.field(default=None, repr=False)
    confirmed: bool | None = None
