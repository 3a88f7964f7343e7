"""`scf report`.

It prompts between calls to the service and never during one, so that Ctrl-C at a prompt ends it at
once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import attrs
import msgspec
from cyclopts import Parameter

from seeclickfix_async import AsyncClient
from seeclickfix_async._cli import prompts
from seeclickfix_async._cli.commands.form import parse_type
from seeclickfix_async._cli.exit_codes import FAILED, OK
from seeclickfix_async._cli.interrupts import restored_interrupts, run_stoppable
from seeclickfix_async._cli.messages import describe_faults, print_moderated
from seeclickfix_async._cli.options import SITE, Flag, SiteOptions
from seeclickfix_async._cli.session import make_client
from seeclickfix_async._cli.terminal import err, out, print_json
from seeclickfix_async._core import image as images
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
    answers_file: Annotated[Path | None, Parameter(name="--answers")] = None,
    image: Path | None = None,
    anonymous: Flag = False,
    json: Flag = False,
    options: SiteOptions = SITE,
) -> int:
    """Report a problem: prompt for missing options, show the report, and send it if confirmed.

    With `--answers` it is sent at once, without prompts. Use `scf login` first.

    Args:
        at: LAT LNG.
        address: The address of the problem.
        type: The id of a request type, or "other"; `scf form LAT LNG` lists them.
        answers_file: A JSON file with an object, by the keys of the questions; `scf questions`
            lists them.
        image: A photo: png, jpeg or gif up to 20 MB. Other formats are converted with the extra
            `photos`.
        anonymous: Hide your name from the public.
        json: Print the issue as JSON.
    """
    if image is not None:  # before the first prompt
        images.check(image)
    call = partial(_call, options)
    fields = _Fields(at, address, type, _read_answers(answers_file), image, anonymous)
    if fields.answers is not None:
        draft: Draft | None = _draft_from_options(fields, call)
    else:
        draft = _draft_from_prompts(fields, call)
    if draft is None:
        err.print("Nothing was sent.")
        return OK
    try:
        outcome = call(lambda client: client.issues.create(draft))
    except IssueMayExistError as error:
        err.print(
            "No response was received, and the issue may exist. Check these before you report it "
            "again:"
        )
        lost = error  # which a lambda can use: `error` ends with this block
        _print_issues(call(lambda client: client.issues.find_lost(lost)))
        return FAILED
    return _print_outcome(outcome, json=json)


@attrs.frozen
class _Fields:
    """The fields of the report on the command line, and in the file of `--answers`."""

    at: tuple[float, float] | None
    address: str | None
    type: str | None
    answers: dict[str, Any] | None
    image: Path | None
    anonymous: bool


Call = Callable[[Callable[[AsyncClient], Awaitable[Any]]], Any]


def _call(options: SiteOptions, method: Callable[[AsyncClient], Awaitable[T]]) -> T:
    """Run one call with a client of its own."""

    async def call() -> T:
        async with make_client(options) as client:
            return await method(client)

    with restored_interrupts():  # for the prompts that may follow
        return run_stoppable(call)


def _draft_from_options(fields: _Fields, call: Call) -> Draft:
    if fields.at is None or fields.address is None or fields.type is None:
        raise InvalidArgumentError("answers", "requires --at, --address and --type.")
    request_type = _request_type(fields.type, call)
    return _draft(request_type, fields.at, fields.address, fields.answers or {}, fields)


def _draft_from_prompts(fields: _Fields, call: Call) -> Draft | None:
    """Prompt for the missing fields; return None if the user does not want to send it."""
    call(lambda client: client.verify())  # the service refuses the report without a token
    at = fields.at or _prompt_point()
    address = fields.address or prompts.read_line("Address")
    request_type = _request_type(fields.type or _prompt_type(at, call), call)
    err.print(request_type.title or "", style="bold")
    questions = request_type.questions or ()
    prompted = [q for q in questions if q.question_type != QuestionType.FILE]
    takes_photo = len(prompted) < len(questions)
    answers = {question.primary_key or "": prompts.ask(question) for question in prompted}
    if takes_photo and not fields.image:
        path = prompts.read_line("Photo (a file, or an empty line)")
        fields = attrs.evolve(fields, image=Path(path) if path else None)
    draft = _corrected_draft(request_type, at, address, answers, fields)
    _warn_of_duplicates(call(lambda client: client.issues.duplicates(draft)))
    _preview(request_type, draft)
    return draft if prompts.confirm("Send it?") else None


def _corrected_draft(
    request_type: RequestType,
    at: tuple[float, float],
    address: str,
    answers: dict[str, Answer],
    fields: _Fields,
) -> Draft:
    """Make the draft, and repeat the prompt for each invalid answer to a question."""
    while True:
        try:
            return _draft(request_type, at, address, answers, fields)
        except InvalidDraftError as error:
            invalid = [q for q in request_type.questions or () if q.primary_key in error.errors]
            if len(invalid) < len(error.errors):
                raise
            for fault in describe_faults(error, report):
                err.print(fault)
            answers |= {question.primary_key or "": prompts.ask(question) for question in invalid}


def _draft(
    request_type: RequestType,
    at: tuple[float, float],
    address: str,
    answers: dict[str, Answer],
    fields: _Fields,
) -> Draft:
    return request_type.draft(
        lat=at[0],
        lng=at[1],
        address=address,
        answers=answers,
        image=fields.image,
        anonymize_reporter=fields.anonymous,
    )


def _prompt_point() -> tuple[float, float]:
    parts = prompts.read_line("Latitude and longitude").replace(",", " ").split()
    try:
        lat, lng = map(float, parts)
    except ValueError:
        raise InvalidArgumentError("at", "must be two numbers, such as 41.05 -73.54.") from None
    return lat, lng


def _prompt_type(at: tuple[float, float], call: Call) -> str:
    options = call(lambda client: client.report_form(lat=at[0], lng=at[1]))
    titles = [option.title or str(option.key) for option in options]
    return str(options[prompts.choose("Request type", titles)].key)


def _request_type(type: str, call: Call) -> RequestType:
    found: RequestType = call(lambda client: client.request_types.get(parse_type(type)))
    return found


def _read_answers(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        reason = "does not exist"
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = f"is not one JSON object: {error}"
    raise InvalidArgumentError("answers", f"{path} {reason}.")


def _warn_of_duplicates(duplicates: tuple[DetailedIssue, ...]) -> None:
    if duplicates:
        err.print("It may have been reported already:")
    _print_issues(duplicates)


def _print_issues(issues: Iterable[Issue]) -> None:
    for issue in issues:
        line = f"  #{issue.id} {issue.created_at} {issue.summary or ''}, {issue.address or ''}"
        err.print(line)


def _preview(request_type: RequestType, draft: Draft) -> None:
    labels = {question.primary_key: question.words for question in request_type.questions or ()}
    point = f"({draft.lat}, {draft.lng})"
    err.print()
    err.print(f"{request_type.title or ''}, {draft.address} {point}")
    for key, answer in draft.answers.items():
        err.print(f"  {labels.get(key, key)}: {answer}")
    if isinstance(draft.image, Path):
        err.print(f"  Photo: {draft.image}")


def _print_outcome(outcome: Created | Moderated, *, json: bool) -> int:
    if isinstance(outcome, Moderated):
        print_moderated(json=json)
    elif json:
        print_json(outcome.issue)
    else:
        out.print(f"Reported as #{outcome.issue.id}. {outcome.url or ''}")
    return OK
