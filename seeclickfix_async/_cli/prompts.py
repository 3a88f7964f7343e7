"""Questions on the terminal, one line or several for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from seeclickfix_async._cli.app import err
from seeclickfix_async._core import validation
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Choice, Question, QuestionType
from seeclickfix_async.models._answer_encoding import Answer

_YES = {"y": True, "yes": True, "n": False, "no": False}


def line(words: str) -> str:
    """One line of somebody's; the question goes to standard error.

    Raises:
        InvalidArgumentError: Nobody is there.
    """
    err.print(f"{words}: ", end="", markup=False, highlight=False)
    try:
        return input().strip()
    except EOFError:
        raise InvalidArgumentError(
            "answers", "nobody is there to ask. Give --at, --address, --type and --answers."
        ) from None


def choose(words: str, names: Sequence[str]) -> int:
    """One of a numbered list; gives its place."""
    for number, name in enumerate(names, 1):
        err.print(f"{number:3}  {name}", markup=False, highlight=False)
    while True:
        chosen = validation.parse_identifier(line(words)) or 0
        if 1 <= chosen <= len(names):
            return chosen - 1
        err.print(f"A number from 1 to {len(names)}, please.")


def confirm(words: str) -> bool:
    """Yes or no."""
    while True:
        answer = _YES.get(line(f"{words} [y/n]").lower())
        if answer is not None:
            return answer


def ask(question: Question) -> Answer:
    """A question of a form; an empty line leaves it out."""
    rule = _RULES.get(question.question_type or QuestionType.TEXT, _text)
    return rule(question, question.words + (" (required)" if question.response_required else ""))


def _note(question: Question, words: str) -> Answer:
    del question
    err.print(words, markup=False)
    return None


def _text(question: Question, words: str) -> Answer:
    del question
    return line(words)


def _moment(question: Question, words: str) -> Answer:
    """A moment in the terminal's own time zone, unless it names one."""
    text = _text(question, f"{words}, as 2026-01-31 or 2026-01-31 14:30")
    try:
        return datetime.fromisoformat(str(text)).astimezone() if " " in str(text) else text
    except ValueError:
        return text  # the draft says what is wrong with it


def _boolean(question: Question, words: str) -> Answer:
    answer = str(_text(question, f"{words} [y/n]"))
    return _YES.get(answer.lower(), answer)


def _select(question: Question, words: str) -> Answer:
    chosen = _chosen(question, words)
    return chosen[0] if chosen else None


def _chosen(question: Question, words: str) -> list[str]:
    """Keys of what was chosen, by number or by key."""
    choices: tuple[Choice, ...] = question.select_values or ()
    for number, choice in enumerate(choices, 1):
        err.print(f"{number:3}  {choice.name or choice.key}", markup=False, highlight=False)
    numbered = {str(number): choice.key or "" for number, choice in enumerate(choices, 1)}
    parts = (part.strip() for part in line(words).split(","))
    return [numbered.get(part, part) for part in parts if part]


def _multiple(question: Question, words: str) -> Answer:
    return _chosen(question, f"{words}, several with commas")


_RULES: dict[QuestionType, Callable[[Question, str], Answer]] = {
    QuestionType.NOTE: _note,
    QuestionType.BOOLEAN: _boolean,
    QuestionType.DATETIME: _moment,
    QuestionType.SELECT: _select,
    QuestionType.MULTIVALUELIST: _multiple,
}
