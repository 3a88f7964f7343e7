"""The conversion of issues, comments and request types to results."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from seeclickfix_async.mcp._results import (
    Choice,
    CommentView,
    IssueSummary,
    QuestionView,
    RequestForm,
    RequestTypeView,
)
from seeclickfix_async.mcp._texts import clean, untrusted
from seeclickfix_async.models import (
    Comment,
    Issue,
    Media,
    Question,
    QuestionType,
    RequestType,
    RequestTypeOption,
)
from seeclickfix_async.models._user import OFFICIAL_ROLES

SHORT, LONG = 500, 4000
"""The most characters of a description in a list, and of one that is shown alone."""

_LABEL = 200  # characters of a summary, an address or a title
_NOT_ASKED = (QuestionType.NOTE, QuestionType.FILE, QuestionType.HIDDEN)


def summarize(issue: Issue, names: AbstractSet[str], limit: int) -> IssueSummary:
    """Return an issue without its people; `limit` is the length of its description."""
    type_ = issue.request_type
    return IssueSummary(
        id=issue.id,
        status=issue.status and issue.status.value,
        category=None if type_ is None else label(type_.title),
        request_type_id=type_.id if type_ is not None and isinstance(type_.id, int) else None,
        summary=untrusted(issue.summary, _LABEL, names),
        description=untrusted(issue.description, limit, names),
        address=untrusted(issue.address, _LABEL, names),
        lat=issue.lat,
        lng=issue.lng,
        created_at=issue.created_at,
        updated_at=issue.updated_at,
        closed_at=issue.closed_at,
        votes=issue.rating,
        has_photo=_has_photo(issue.media),
        url=issue.html_url,
    )


def show_comment(comment: Comment, issue: Issue, names: AbstractSet[str]) -> CommentView:
    """Return a comment without its author."""
    author, reporter = comment.commenter, issue.reporter
    is_official = author is not None and author.role in OFFICIAL_ROLES
    # All anonymous people share the id 0.
    is_reporter = bool(author and reporter and author.id and author.id == reporter.id)
    return CommentView(
        author="city" if is_official else "reporter" if is_reporter else "resident",
        automatic=comment.automatic,
        comment=untrusted(comment.comment, LONG, names),
        created_at=comment.created_at,
        has_photo=_has_photo(comment.media),
    )


def show_request_type(option: RequestTypeOption | RequestType) -> RequestTypeView:
    """Return a request type."""
    return RequestTypeView(
        id=option.key,
        title=label(option.title) or "",
        organization=label(option.organization),
    )


def show_form(request_type: RequestType) -> RequestForm:
    """Return a request type with the questions of its form."""
    questions = request_type.questions or ()
    return RequestForm(
        request_type=show_request_type(request_type),
        questions=[
            _show_question(question)
            for question in questions
            if question.primary_key is not None and question.question_type not in _NOT_ASKED
        ],
    )


def label(text: str | None) -> str | None:
    """Return a title of the city."""
    return clean(text, _LABEL) or None


def _show_question(question: Question) -> QuestionView:
    return QuestionView(
        key=question.primary_key or "",
        question=clean(question.words, LONG),
        type=str(question.question_type or ""),
        required=bool(question.response_required),
        choices=[
            Choice(key=choice.key or "", name=label(choice.name) or "")
            for choice in question.select_values or ()
        ],
    )


def _has_photo(media: Media | None) -> bool:
    return media is not None and media.image_full is not None
