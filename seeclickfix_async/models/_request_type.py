"""Request types: the categories of reports, and their forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from seeclickfix_async._core import validation
from seeclickfix_async._core.image import Image
from seeclickfix_async._core.numbers import Number
from seeclickfix_async.models._answer_encoding import Answer
from seeclickfix_async.models._common import Int64, Link
from seeclickfix_async.models._draft import Draft, DraftValidator
from seeclickfix_async.models._model import Model
from seeclickfix_async.models._question import Question, QuestionType
from seeclickfix_async.models._returned import Returned

RequestTypeId = int | Literal["other"]
"""The id of a request type, or `"other"` for reports that fit no request type (documented)."""


@attrs.frozen
class RequestTypeOption(Model):
    """A request type in the list for a point.

    `organization` is None for community categories, which no city handles. `organization`,
    `title` and `url` are documented; the other fields are observed. If the service sent no `id`, it
    is the one in `url`, or `"other"`.
    """

    id: Int64 | Literal["other"] | None = None
    title: str | None = None
    organization: str | None = None
    url: Link | None = None
    is_other: bool | None = None
    location_required: bool | None = None
    block_submission: bool | None = None
    permit_guest_reporting: bool | None = None
    permit_anonymous_reporting: bool | None = None
    private_visibility: bool | None = None
    potential_duplicate_issues_url: Link | None = None

    def __attrs_post_init__(self) -> None:
        if self.id is None:
            id_in_url = validation.parse_identifier((self.url or "").rpartition("/")[2])
            object.__setattr__(self, "id", id_in_url or "other")

    @property
    def key(self) -> RequestTypeId:
        """The id for `client.request_types.get()`: `id`, which is never None here."""
        return "other" if self.id is None else self.id


@attrs.frozen
class RequestType(Returned):
    """A category with its questions (documented; the last four fields observed).

    If the service sent no `id`, it is `"other"`.
    """

    id: Int64 | Literal["other"] | None = None
    title: str | None = None
    organization: str | None = None
    questions: tuple[Question, ...] | None = None
    block_submission: bool | None = None
    permit_guest_reporting: bool | None = None
    permit_anonymous_reporting: bool | None = None
    private_visibility: bool | None = None

    def __attrs_post_init__(self) -> None:
        if self.id is None:
            object.__setattr__(self, "id", "other")

    @property
    def key(self) -> RequestTypeId:
        """The value of `request_type_id` in a report: `id`, which is never None here."""
        return "other" if self.id is None else self.id

    def draft(
        self,
        *,
        lat: Number,
        lng: Number,
        address: str,
        answers: Mapping[str, Answer],
        image: Image | None = None,
        anonymize_reporter: bool = False,
    ) -> Draft:
        """Validate a report for this request type. Send it with `client.issues.create(draft)`.

        All arguments are checked against the questions and rules of the request type. If `image`
        is a path, the first bytes of the file are read.

        Args:
            lat: Latitude of the problem in degrees.
            lng: Longitude of the problem in degrees.
            address: The street address, or a description of the location.
            answers: The values for the questions, by their `primary_key`: strings, keys of
                choices, numbers, booleans, dates or aware datetimes. Numbers, dates and datetimes
                may be strings, and booleans `"true"` or `"false"`, as in HTML forms.
            image: A photo: a path, bytes, an open binary file or an upload of a web framework; see
                `prepare_photo` for what the service accepts.
            anonymize_reporter: Hide the reporter's name from the public.

        Returns:
            The validated report; nothing has been sent.

        Raises:
            InvalidDraftError: An argument is invalid; `errors` lists all errors, by question.
        """
        questions = self.questions or ()
        validator = DraftValidator()
        validator.check_number("lat", lat, 90)
        validator.check_number("lng", lng, 180)
        validator.check_string("address", address)
        encoded = validator.encode_answers(questions, answers)
        photo_question = next((q for q in questions if q.question_type == QuestionType.FILE), None)
        validator.check_image(image, photo_question)
        if self.block_submission:
            validator.add("base", "This category does not accept reports.")
        if anonymize_reporter and self.permit_anonymous_reporting is False:
            validator.add("anonymize_reporter", "This category does not accept anonymous reports.")
        validator.raise_errors()
        image_field: dict[str, Any] = (
            {"image_field": photo_question.primary_key} if photo_question else {}
        )
        return Draft(
            request_type_id=self.key,
            lat=lat,
            lng=lng,
            address=validation.exact_str(address),
            answers=encoded,
            image=image,
            anonymize_reporter=anonymize_reporter,
            guests=self.permit_guest_reporting is not False,
            **image_field,
        )
