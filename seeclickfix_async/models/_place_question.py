"""Public questions and answers about a place."""

from __future__ import annotations

import attrs

from seeclickfix_async.models._common import Int64, Time, Timed
from seeclickfix_async.models._user import UserRef


@attrs.frozen
class PlaceQuestion(Timed):
    """A public question about a place (documented, never observed)."""

    id: Int64
    question: str | None = None
    asker: UserRef | str | None = None
    locale: str | None = None
    created_at: Time | None = None
    updated_at: Time | None = None


@attrs.frozen
class PlaceAnswer(Timed):
    """An answer to a question about a place (documented, never observed)."""

    id: Int64
    answer: str | None = None
    answerer: UserRef | str | None = None
    question_id: Int64 | None = None
    total_votes: Int64 | None = None
    accepted_at: Time | None = None
    locale: str | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
