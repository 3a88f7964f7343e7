"""A report that is ready to be sent, and what is wrong with one that is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from seeclickfix_async._core import image as images
from seeclickfix_async._core import validation
from seeclickfix_async._core.image import Image
from seeclickfix_async.errors import InvalidArgumentError, InvalidDraftError
from seeclickfix_async.models import _answer_encoding as answers
from seeclickfix_async.models._answer_encoding import AnswerError
from seeclickfix_async.models._question import Question, QuestionType


@attrs.frozen(kw_only=True)
class Draft:
    """A report as `RequestType.draft()` makes it: everything in it has been checked.

    Attributes:
        request_type_id: The category.
        lat: Latitude in degrees.
        lng: Longitude in degrees.
        address: Where it is, in words.
        answers: By question, as they are sent.
        image: The photo.
        image_field: The question that the photo answers.
        anonymize_reporter: Whether the public may not see who reported it.
        guests: Whether the category takes reports of people who are not signed in.
    """

    request_type_id: int | Literal["other"]
    lat: float = attrs.field(repr=False)
    lng: float = attrs.field(repr=False)
    address: str = attrs.field(repr=False)
    answers: Mapping[str, Any] = attrs.field(repr=False, hash=False)
    image: Image | None = attrs.field(default=None, repr=False)
    image_field: str = "issue_image"
    anonymize_reporter: bool = False
    guests: bool = True

    def body(self) -> dict[str, Any]:
        """What is sent, without the photo (documented)."""
        body: dict[str, Any] = {
            "lat": self.lat,
            "lng": self.lng,
            "address": self.address,
            "request_type_id": self.request_type_id,
            "answers": dict(self.answers),
        }
        return {**body, "anonymize_reporter": True} if self.anonymize_reporter else body


# A note is only to be read, and a photo is an argument of its own.
_UNANSWERED = (QuestionType.NOTE, QuestionType.FILE)


class Faults:
    """Collects what is wrong, so that a person hears of everything at once."""

    def __init__(self) -> None:
        self._errors: dict[str, list[str]] = {}

    def add(self, field: str, words: str) -> None:
        """One more fault."""
        self._errors.setdefault(field, []).append(words)

    def raise_any(self) -> None:
        """Refuse, if there was a fault.

        Raises:
            InvalidDraftError: There was one, or several.
        """
        if self._errors:
            raise InvalidDraftError(self._errors)

    def number(self, field: str, value: Any, bound: float) -> None:
        """A number from -bound to bound."""
        self._check(field, lambda: validation.in_range(field, value, -bound, bound, whole=False))

    def words(self, field: str, value: Any) -> None:
        """A text with something in it."""
        self._check(field, lambda: validation.non_empty_str(field, value))

    def photo(self, image: Image | None, question: Question | None) -> None:
        """A photo, if the form takes one."""
        if question is None and image is not None:
            self.add("image", "This category takes no photo.")
        elif image is not None:
            self._check("image", lambda: images.check(image))
        elif question is not None and question.response_required:
            self.add("image", f"{question.words}: needs a photo.")

    def answers(self, questions: tuple[Question, ...], given: Any) -> dict[str, Any]:
        """The answers as they are sent, in the order of the form."""
        if not isinstance(given, Mapping):
            self.add("answers", "The answers must be a mapping, by the keys of questions.")
            return {}
        asked = {q.primary_key: q for q in questions if q.primary_key is not None}
        for key in given:
            if key not in asked:
                self.add(str(key), f"There is no question {key!r}; there are {', '.join(asked)}.")
        encoded: dict[str, Any] = {}
        for key, question in asked.items():
            answer = given.get(key)
            if not answers.is_blank(answer):
                try:
                    encoded[key] = answers.encode(question, answer)
                except AnswerError as error:
                    self.add(key, f"{question.words}: {error}.")
            elif question.response_required and question.question_type not in _UNANSWERED:
                self.add(key, f"{question.words}: needs an answer.")
        return encoded

    def _check(self, field: str, check: Any) -> None:
        try:
            check()
        except InvalidArgumentError as error:
            self.add(field, error.reason)
