"""Questions of a request type's form."""

from __future__ import annotations

import attrs

from seeclickfix_async.models._common import Int64
from seeclickfix_async.models._model import Model
from seeclickfix_async.models._open_enum import OpenEnum


class QuestionType(OpenEnum):
    """The type of a form question (documented; `file` observed, `hidden` in old documentation).

    A value for a question of an unknown type is sent unchanged.
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
class Choice(Model):
    """An option of a question: `key` is the value to send, `name` the label to display."""

    key: str | None = None
    name: str | None = None


@attrs.frozen
class Question(Model):
    """A question of a request type's form.

    `primary_key` is its key in `answers`: digits, or a word such as `summary`. A question of type
    `note` is information to display, and takes no value.
    Source: API page "Request types"; `max_length` observed.
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
        """The question to display, without the colon and line break of some (observed)."""
        return (self.question or self.primary_key or "").strip().rstrip(":")
