"""Encode the values of a report's `answers`: one encoder for each type of question.

An encoder returns the value as JSON types, or raises an `AnswerError`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

from seeclickfix_async._core import numbers, validation
from seeclickfix_async._core.numbers import Number
from seeclickfix_async.errors._counting import counted
from seeclickfix_async.models._question import Question, QuestionType

Answer = str | Number | bool | date | Iterable[str] | None
"""A string, a number, a boolean, a date, an aware datetime, keys of choices, or None."""


_BOOLEANS = {"true": True, "false": False}  # the values of HTML forms
_DATE_LENGTH = len("2026-01-31")


class AnswerError(Exception):
    """A value does not fit its question; the message says why."""


def is_blank(answer: Any) -> bool:
    """Return True for None, a blank string and an empty list: the question is skipped."""
    if isinstance(answer, str):
        return not answer.strip()
    return answer is None or (isinstance(answer, (list, tuple)) and not answer)


def encode(question: Question, answer: Any) -> Any:
    """Return a value as it is sent.

    Raises:
        AnswerError: It does not fit the question.
    """
    encoder = _ENCODERS.get(question.question_type or QuestionType.TEXT, _encode_unknown)
    return encoder(question, answer)


def _encode_text(question: Question, answer: Any) -> str:
    if not isinstance(answer, str):
        raise AnswerError("must be a string")
    if not validation.is_unicode(answer):
        raise AnswerError("contains half of a surrogate pair; decode it as UTF-8 first")
    if question.max_length is not None and len(answer) > question.max_length:
        length = counted(len(answer), "character")
        raise AnswerError(f"has {length}; at most {question.max_length:,} are allowed")
    return validation.exact_str(answer)


def _encode_choice(question: Question, answer: Any) -> str:
    keys = [choice.key for choice in question.select_values or ()]
    if not isinstance(answer, str) or answer not in keys:
        raise AnswerError(f"must be one of {', '.join(map(repr, keys))}")
    return validation.exact_str(answer)


def _encode_choices(question: Question, answer: Any) -> list[str]:
    if isinstance(answer, (str, bytes, dict)) or not isinstance(answer, Iterable):
        raise AnswerError("must be a list of keys")
    return [_encode_choice(question, key) for key in answer]


def _encode_number(_question: Question, answer: Any) -> int | float:
    number = numbers.as_integer_or_number(answer)
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


def _encode_time(_question: Question, answer: Any) -> str:
    time = answer
    if isinstance(answer, str):
        parse = date.fromisoformat if len(answer) <= _DATE_LENGTH else datetime.fromisoformat
        try:
            time = parse(answer)
        except ValueError:
            time = None
    if isinstance(time, datetime) and not validation.is_nat(time):
        if time.utcoffset() is None:
            raise AnswerError("has no time zone")
        return validation.exact_datetime(time).isoformat()
    if isinstance(time, date) and not isinstance(time, datetime):
        return time.isoformat()
    raise AnswerError("must be a date, a datetime, or an ISO 8601 string")


def _encode_boolean(_question: Question, answer: Any) -> bool:
    if isinstance(answer, str):
        answer = _BOOLEANS.get(answer)
    if not numbers.is_boolean(answer):
        raise AnswerError("must be True or False")
    return bool(answer)


def _refuse_note(_question: Question, _answer: Any) -> Any:
    raise AnswerError("is a note, which takes no value")


def _refuse_photo(_question: Question, _answer: Any) -> Any:
    raise AnswerError("is a photo; pass it as image=")


def _encode_unknown(question: Question, answer: Any) -> Any:
    """Return a value for a type of question that this version does not know, as JSON types."""
    if isinstance(answer, date):
        return _encode_time(question, answer)
    if isinstance(answer, (list, tuple)):
        return [_encode_unknown(question, item) for item in answer]
    if isinstance(answer, str):
        return _encode_text(question, answer)
    if numbers.is_boolean(answer):
        return bool(answer)
    if not isinstance(numbers.as_integer_or_number(answer), (int, float)):
        raise AnswerError("must be a string, a number, True or False, or a list")
    return _encode_number(question, answer)


_ENCODERS: dict[QuestionType, Callable[[Question, Any], Any]] = {
    QuestionType.TEXT: _encode_text,
    QuestionType.TEXTAREA: _encode_text,
    QuestionType.SELECT: _encode_choice,
    QuestionType.MULTIVALUELIST: _encode_choices,
    QuestionType.NUMBER: _encode_number,
    QuestionType.DATETIME: _encode_time,
    QuestionType.BOOLEAN: _encode_boolean,
    QuestionType.NOTE: _refuse_note,
    QuestionType.FILE: _refuse_photo,
}
