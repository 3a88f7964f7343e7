"""`scf report`.

It asks what it was not told. It talks to the service in between and not while it asks, so that
Ctrl-C at a question ends it at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
import attrs
import msgspec

from seeclickfix_async import AsyncClient
from seeclickfix_async._cli import prompts
from seeclickfix_async._cli.app import FAILED, OK, Flag, Json, Site, err, out, print_json
from seeclickfix_async._cli.forms import key_of
from seeclickfix_async._cli.messages import describe_faults
from seeclickfix_async._cli.session import make_client
from seeclickfix_async._core.credentials import PRODUCTION
from seeclickfix_async.errors import InvalidArgumentError, InvalidDraftError, IssueMayExistError
from seeclickfix_async.models import (
    Created,
    DetailedIssue,
    Draft,
    Issue,
    Moderated,
    QuestionType,
    RequestType,
)
from seeclickfix_async.models._answer_encoding import Answer

T = TypeVar("T")


def report(
    *,
    at: tuple[float, float] | None = None,
    address: str | None = None,
    type: str | None = None,
    answers: Path | None = None,
    image: Path | None = None,
    anonymous: Flag = False,
    base_url: Site = PRODUCTION,
    json: Json = False,
) -> int:
    """Report a problem: asks for what is not given, shows the report, and sends it when told to.

    With --answers nothing is asked, and the report is sent at once.

    Args:
        at: LAT LNG.
        address: Where it is, in words.
        type: A category's number, or other; `scf form` lists them.
        answers: A file of JSON, by the questions' keys; `scf questions` lists them.
        image: A photo: png, jpeg or gif up to 20 MB.
        anonymous: Hide from the public who reported it.
        base_url: The service's address.
        json: Print the issue as JSON.
    """
    talk = partial(_talk, base_url)
    told = _Told(at, address, type, _read(answers), image, anonymous)
    draft = _told_draft(told, talk) if told.answers is not None else _asked_draft(told, talk)
    if draft is None:
        err.print("Nothing was sent.")
        return OK
    try:
        outcome = talk(lambda client: client.issues.create(draft))
    except IssueMayExistError as error:
        err.print("No answer came, and the report may have arrived. Look before you repeat it:")
        _show(talk(_finding(error)))
        return FAILED
    return _tell(outcome, json=json)


@attrs.frozen
class _Told:
    """What was given on the command line."""

    at: tuple[float, float] | None
    address: str | None
    type: str | None
    answers: dict[str, Any] | None
    image: Path | None
    anonymous: bool


Talk = Callable[[Callable[[AsyncClient], Awaitable[Any]]], Any]


def _talk(base_url: str, call: Callable[[AsyncClient], Awaitable[T]]) -> T:
    async def talk() -> T:
        async with make_client(base_url) as client:
            return await call(client)

    return anyio.run(talk)


def _told_draft(told: _Told, talk: Talk) -> Draft:
    """The draft of what was given, which must be all."""
    if told.at is None or told.address is None or told.type is None:
        raise InvalidArgumentError("answers", "needs --at, --address and --type with it.")
    return _draft(_form(told.type, talk), told.at, told.address, told.answers or {}, told)


def _asked_draft(told: _Told, talk: Talk) -> Draft | None:
    """The draft of what somebody says; None when it shall not be sent."""
    at = told.at or _point()
    address = told.address or prompts.line("Address")
    kind = _form(told.type or _choose(at, talk), talk)
    err.print(kind.title or "", style="bold", markup=False)
    asked = [q for q in kind.questions or () if q.question_type != QuestionType.FILE]
    takes_photo = len(asked) < len(kind.questions or ())
    given = {question.primary_key or "": prompts.ask(question) for question in asked}
    photo = prompts.line("Photo (a file, or nothing)") if takes_photo and not told.image else ""
    told = attrs.evolve(told, image=Path(photo) if photo else told.image)
    draft = _mended(kind, at, address, given, told)
    _warn(talk(lambda client: client.issues.duplicates(draft)))
    _preview(kind, draft)
    return draft if prompts.confirm("Send it?") else None


def _mended(
    kind: RequestType,
    at: tuple[float, float],
    address: str,
    given: dict[str, Answer],
    told: _Told,
) -> Draft:
    """The draft; what was not answered well is asked again, so that nobody begins anew."""
    while True:
        try:
            return _draft(kind, at, address, given, told)
        except InvalidDraftError as error:
            again = [q for q in kind.questions or () if q.primary_key in error.errors]
            if len(again) < len(error.errors):
                raise
            for fault in describe_faults(error, report):
                err.print(fault, markup=False, highlight=False)
            given |= {question.primary_key or "": prompts.ask(question) for question in again}


def _draft(
    kind: RequestType,
    at: tuple[float, float],
    address: str,
    answers: dict[str, Answer],
    told: _Told,
) -> Draft:
    return kind.draft(
        lat=at[0],
        lng=at[1],
        address=address,
        answers=answers,
        image=told.image,
        anonymize_reporter=told.anonymous,
    )


def _point() -> tuple[float, float]:
    parts = prompts.line("Where? Latitude and longitude").replace(",", " ").split()
    try:
        lat, lng = map(float, parts)
    except ValueError:
        raise InvalidArgumentError("at", "must be two numbers, such as 41.05 -73.54.") from None
    return lat, lng


def _choose(at: tuple[float, float], talk: Talk) -> str:
    options = talk(lambda client: client.report_form(lat=at[0], lng=at[1]))
    titles = [option.title or str(option.key) for option in options]
    return str(options[prompts.choose("What is it?", titles)].key)


def _form(type: str, talk: Talk) -> RequestType:
    found: RequestType = talk(lambda client: client.request_types.get(key_of(type)))
    return found


def _read(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidArgumentError("answers", f"{path} is no file of one JSON object.") from None


def _finding(error: IssueMayExistError) -> Callable[[AsyncClient], Awaitable[Iterable[Issue]]]:
    return lambda client: client.issues.find_lost(error)


def _warn(duplicates: tuple[DetailedIssue, ...]) -> None:
    if duplicates:
        err.print("It may have been reported already:")
    _show(duplicates)


def _show(issues: Iterable[Issue]) -> None:
    for issue in issues:
        told = f"  #{issue.id} {issue.created_at} {issue.summary or ''}, {issue.address or ''}"
        err.print(told, markup=False, highlight=False)


def _preview(kind: RequestType, draft: Draft) -> None:
    asked = {question.primary_key: question.words for question in kind.questions or ()}
    err.print(f"\n{kind.title or ''}, {draft.address} ({draft.lat}, {draft.lng})", markup=False)
    for key, answer in draft.answers.items():
        err.print(f"  {asked.get(key, key)}: {answer}", markup=False, highlight=False)
    if isinstance(draft.image, Path):
        err.print(f"  Photo: {draft.image}", markup=False, highlight=False)


def _tell(outcome: Created | Moderated, *, json: bool) -> int:
    if isinstance(outcome, Moderated):
        told = "Taken, and held until a moderator has read it."
        print_json({"moderated": True}) if json else out.print(told)
    elif json:
        print_json(outcome.issue)
    else:
        out.print(f"Reported as #{outcome.issue.id}. {outcome.url or ''}", soft_wrap=True)
    return OK
