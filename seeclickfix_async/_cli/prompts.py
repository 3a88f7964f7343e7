"""Prompts on the terminal. They go to standard error, so that standard output can be piped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from seeclickfix_async._cli.terminal import err
from seeclickfix_async._core import validation
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Choice, Question, QuestionType
from seeclickfix_async.models._answer_encoding import Answer

_YES_NO = {"y": True, "yes": True, "n": False, "no": False}


def read_line(label: str) -> str:
    """Prompt for one line.

    Raises:
        InvalidArgumentError: Standard input has ended.
    """
    err.print(f"{label}: ", end="")
    try:
        return input().strip()
    except EOFError:
        raise InvalidArgumentError(
            "input",
            "standard input has ended; scf report --help lists the options to use instead.",
        ) from None


def choose(label: str, names: Sequence[str]) -> int:
    """Prompt for one of a numbered list, and return its index."""
    for number, name in enumerate(names, 1):
        err.print(f"{number:3}  {name}")
    while True:
        number = validation.parse_identifier(read_line(label)) or 0
        if 1 <= number <= len(names):
            return number - 1
        err.print(f"Type a number from 1 to {len(names)}.")


def confirm(label: str) -> bool:
    """Prompt for yes or no."""
    while True:
        answer = _YES_NO.get(read_line(f"{label} [y/n]").lower())
        if answer is not None:
            return answer


def ask(question: Question) -> Answer:
    """Prompt for the answer to a question of a request type; an empty line leaves it out."""
    prompt = _PROMPTS.get(question.question_type or QuestionType.TEXT, _text)
    return prompt(question, question.words + (" (required)" if question.response_required else ""))


def _note(question: Question, label: str) -> Answer:
    del question
    err.print(label)
    return None


def _text(question: Question, label: str) -> Answer:
    del question
    return read_line(label)


def _datetime(question: Question, label: str) -> Answer:
    """Prompt for a date or a time, in the terminal's time zone if it has none."""
    line = _text(question, f"{label}, as 2026-01-31 or 2026-01-31 14:30")
    try:
        return datetime.fromisoformat(str(line)).astimezone() if " " in str(line) else line
    except ValueError:
        return line  # the draft reports the fault


def _boolean(question: Question, label: str) -> Answer:
    line = str(_text(question, f"{label} [y/n]"))
    return _YES_NO.get(line.lower(), line)


def _select(question: Question, label: str) -> Answer:
    keys = _read_choices(question, label)
    return keys[0] if keys else None


def _read_choices(question: Question, label: str) -> list[str]:
    """Prompt for choices, by number or by key, and return their keys."""
    choices: tuple[Choice, ...] = question.select_values or ()
    for number, choice in enumerate(choices, 1):
        err.print(f"{number:3}  {choice.name or choice.key}")
    keys = {str(number): choice.key or "" for number, choice in enumerate(choices, 1)}
    parts = (part.strip() for part in read_line(label).split(","))
    return [keys.get(part, part) for part in parts if part]


def _multiple(question: Question, label: str) -> Answer:
    return _read_choices(question, f"{label}, separated by commas")


_PROMPTS: dict[QuestionType, Callable[[Question, str], Answer]] = {
    QuestionType.NOTE: _note,
    QuestionType.BOOLEAN: _boolean,
    QuestionType.DATETIME: _datetime,
    QuestionType.SELECT: _select,
    QuestionType.MULTIVALUELIST: _multiple,
}
