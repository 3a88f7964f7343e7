"""What a city asks about a problem of some kind."""

from __future__ import annotations

import attrs

from seeclickfix_async.models._common import Int64
from seeclickfix_async.models._open_enum import OpenEnum


class QuestionType(OpenEnum):
    """What kind of answer a question takes (documented; `file` observed, `hidden` of old).

    A kind that is not in this list yet is kept as it is; its answers go out as they are.
    """

    TEXT = "text"
    TEXTAREA = "textarea"
    SELECT = "select"
    MULTIVALUELIST = "multivaluelist"
    NUMBER = "number"
    DATETIME = "datetime"
    BOOLEAN = "boolean"
    NOTE = "note"
    FILE = "file"
    HIDDEN = "hidden"


@attrs.frozen
class Choice:
    """One of the answers to choose from: `key` is what is sent, `name` what people read."""

    key: str | None = None
    name: str | None = None


@attrs.frozen
class Question:
    """One question of a form.

    `primary_key` is what its answer is sent under: digits, or a word such as `summary`. A `note`
    is only there to be read. Source: API page "Request types"; `max_length` observed.
    """

    primary_key: str | None = None
    question: str | None = None
    question_type: QuestionType | None = None
    response_required: bool | None = None
    answer_kept_private: bool | None = None
    max_length: Int64 | None = None
    select_values: tuple[Choice, ...] | None = None

    @property
    def words(self) -> str:
        """The question as a person reads it; some end in a colon and a line break (observed)."""
        return (self.question or self.primary_key or "").strip().rstrip(":")
