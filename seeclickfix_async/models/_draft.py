"""A validated report, and the validation of its arguments."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import attrs

from seeclickfix_async._core import image as images
from seeclickfix_async._core import numbers, validation
from seeclickfix_async._core.image import Image
from seeclickfix_async.errors import InvalidArgumentError, InvalidDraftError
from seeclickfix_async.models._answer_encoding import AnswerError, encode, is_blank
from seeclickfix_async.models._model import Model
from seeclickfix_async.models._question import Question, QuestionType


@attrs.frozen(kw_only=True)
class Draft(Model):
    """A validated report, made by `RequestType.draft()`.

    Attributes:
        request_type_id: The request type.
        lat: Latitude in degrees.
        lng: Longitude in degrees.
        address: The street address, or a description of the location.
        answers: The encoded values, by the `primary_key` of their question.
        image: The photo.
        image_field: The `primary_key` of the question that the photo belongs to.
        anonymize_reporter: True to hide the reporter's name from the public.
        guests: False if the request type accepts reports of signed-in users only.
    """

    request_type_id: int | Literal["other"]
    lat: float = attrs.field(converter=numbers.as_number, repr=False)
    lng: float = attrs.field(converter=numbers.as_number, repr=False)
    address: str = attrs.field(repr=False)
    answers: Mapping[str, Any] = attrs.field(repr=False, hash=False)
    image: Image | None = attrs.field(default=None, repr=False)
    image_field: str = "issue_image"
    anonymize_reporter: bool = False
    guests: bool = True

    __json_types__: ClassVar[Mapping[str, Any]] = {"image": str | None}

    def to_json(self) -> str:
        """Return all fields as a JSON document; the photo as the path of its file.

        Raises:
            InvalidArgumentError: The photo is not a path.
        """
        if not isinstance(self.image, str | os.PathLike | None):
            raise InvalidArgumentError(
                "image", "must be a path here. Write the photo to a file, and make the draft of it."
            )
        return super().to_json()

    def body(self) -> dict[str, Any]:
        """Return the body of the request, without the photo (documented)."""
        body: dict[str, Any] = {
            "lat": self.lat,
            "lng": self.lng,
            "address": self.address,
            "request_type_id": self.request_type_id,
            "answers": dict(self.answers),
        }
        return {**body, "anonymize_reporter": True} if self.anonymize_reporter else body


# A note is information to display, and the photo is an argument of its own.
_NOT_IN_ANSWERS = (QuestionType.NOTE, QuestionType.FILE)


class DraftValidator:
    """Collects the errors of a report, so that all of them can be reported at once."""

    def __init__(self) -> None:
        self._errors: dict[str, list[str]] = {}

    def add(self, field: str, message: str) -> None:
        """Record an error of a question or an argument."""
        self._errors.setdefault(field, []).append(message)

    def raise_errors(self) -> None:
        """Raise the recorded errors, if there are any.

        Raises:
            InvalidDraftError: At least one error was recorded.
        """
        if self._errors:
            raise InvalidDraftError(self._errors)

    def check_number(self, field: str, value: Any, bound: float) -> None:
        """Check a number from -bound to bound."""
        self._check(field, lambda: validation.number_in_range(field, value, -bound, bound))

    def check_string(self, field: str, value: Any) -> None:
        """Check a string, which must not be blank."""
        self._check(field, lambda: validation.non_empty_str(field, value))

    def check_image(self, image: Image | None, question: Question | None) -> None:
        """Check the photo against the form's photo question, if the form has one."""
        if question is None and image is not None:
            self.add("image", "This category does not accept a photo.")
        elif image is not None:
            self._check("image", lambda: images.check(image))
        elif question is not None and question.response_required:
            self.add("image", f'"{question.words}" needs a photo.')

    def encode_answers(self, questions: tuple[Question, ...], answers: Any) -> dict[str, Any]:
        """Return the values to send, in the order of the form."""
        if not isinstance(answers, Mapping):
            self.add("answers", "must be a mapping from question keys to values.")
            return {}
        by_key = {q.primary_key: q for q in questions if q.primary_key is not None}
        for key in answers:
            if key not in by_key:
                known = ", ".join(by_key) or "none"
                self.add(str(key), f"There is no question {key!r}. The questions are: {known}.")
        encoded: dict[str, Any] = {}
        for key, question in by_key.items():
            answer = answers.get(key)
            if not is_blank(answer):
                try:
                    encoded[key] = encode(question, answer)
                except AnswerError as error:
                    self.add(key, f'"{question.words}" {error}.')
            elif question.response_required and question.question_type not in _NOT_IN_ANSWERS:
                self.add(key, f'"{question.words}" is required.')
        return encoded

    def _check(self, field: str, check: Callable[[], object]) -> None:
        try:
            check()
        except InvalidArgumentError as error:
            self.add(field, error.reason)
