"""From what a person answers to what is sent: one rule for each kind of question.

A rule gives the answer as JSON, or raises an AnswerError whose words say what is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

from seeclickfix_async._core import validation
from seeclickfix_async.errors._counting import counted
from seeclickfix_async.models._question import Question, QuestionType

Answer = str | int | float | bool | date | Iterable[str] | None
"""An answer: a text, a number, yes or no, an aware datetime or a date, keys to choose, or none."""


class AnswerError(Exception):
    """An answer does not fit its question; says in which way."""


def is_blank(answer: Any) -> bool:
    """Whether somebody left a question out."""
    return (
        answer is None
        or (isinstance(answer, (str, list, tuple)) and not len(answer))
        or (isinstance(answer, str) and not answer.strip())
    )


def encode(question: Question, answer: Any) -> Any:
    """An answer as it is sent.

    Raises:
        AnswerError: It does not fit the question.
    """
    rule = _RULES.get(question.question_type or QuestionType.TEXT, _anything)
    return rule(question, answer)


def _text(question: Question, answer: Any) -> str:
    if not isinstance(answer, str):
        raise AnswerError("must be a text")
    if not validation.is_unicode(answer):
        raise AnswerError("holds half of a character; decode it as UTF-8 first")
    if question.max_length is not None and len(answer) > question.max_length:
        length = counted(len(answer), "character")
        raise AnswerError(f"has {length}, of {question.max_length:,} at most")
    return answer


def _choice(question: Question, answer: Any) -> str:
    keys = [choice.key for choice in question.select_values or ()]
    if not isinstance(answer, str) or answer not in keys:
        raise AnswerError(f"must be one of {', '.join(map(repr, keys))}")
    return answer


def _choices(question: Question, answer: Any) -> list[str]:
    if isinstance(answer, (str, bytes, dict)) or not isinstance(answer, Iterable):
        raise AnswerError("must be a list of keys")
    return [_choice(question, key) for key in answer]


def _number(_question: Question, answer: Any) -> int | float:
    number = answer
    if isinstance(answer, str):
        try:
            number = float(answer) if "." in answer or "e" in answer.lower() else int(answer)
        except ValueError:
            number = None
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise AnswerError("must be a number")
    if not math.isfinite(number):
        raise AnswerError("must be a finite number")
    return number


def _moment(_question: Question, answer: Any) -> str:
    when = answer
    if isinstance(answer, str):
        try:
            when = datetime.fromisoformat(answer)
        except ValueError:
            when = None
    if isinstance(when, datetime):
        if when.utcoffset() is None:
            raise AnswerError("has no time zone, so it names no moment")
        return when.isoformat()
    if isinstance(when, date):
        return when.isoformat()
    raise AnswerError("must be a date, a datetime, or one in ISO 8601")


def _yes_or_no(_question: Question, answer: Any) -> bool:
    if not isinstance(answer, bool):
        raise AnswerError("must be True or False")
    return answer


def _nothing(_question: Question, _answer: Any) -> Any:
    raise AnswerError("is only to be read, and takes no answer")


def _photo(_question: Question, _answer: Any) -> Any:
    raise AnswerError("is a photo; give it as image=")


def _anything(question: Question, answer: Any) -> Any:
    """A kind of question that is not known here: what JSON can say goes out as it is."""
    if isinstance(answer, date):
        return _moment(question, answer)
    if isinstance(answer, float):
        return _number(question, answer)
    if isinstance(answer, (list, tuple)):
        return [_anything(question, item) for item in answer]
    if isinstance(answer, str):
        return _text(question, answer)
    if not isinstance(answer, int):
        raise AnswerError("must be a text, a number, True or False, or a list")
    return answer


_RULES: dict[QuestionType, Callable[[Question, Any], Any]] = {
    QuestionType.TEXT: _text,
    QuestionType.TEXTAREA: _text,
    QuestionType.SELECT: _choice,
    QuestionType.MULTIVALUELIST: _choices,
    QuestionType.NUMBER: _number,
    QuestionType.DATETIME: _moment,
    QuestionType.BOOLEAN: _yes_or_no,
    QuestionType.NOTE: _nothing,
    QuestionType.FILE: _photo,
}
