"""What can be reported at a place, and what is asked about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from seeclickfix_async._core import validation
from seeclickfix_async._core.image import Image
from seeclickfix_async.models._answer_encoding import Answer
from seeclickfix_async.models._common import Int64, Link
from seeclickfix_async.models._draft import Draft, Faults
from seeclickfix_async.models._question import Question, QuestionType

RequestTypeId = int | Literal["other"]
"""The number of a request type, or `"other"` for what belongs to none (documented)."""


@attrs.frozen
class RequestTypeOption:
    """One of the categories at a point, as the report form lists them.

    `organization` is None for the community, which is no city's business (documented); all but
    it, `title` and `url` are observed.
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

    @property
    def key(self) -> RequestTypeId:
        """What `client.request_types.get()` takes: of old, only the link tells it."""
        if self.id is not None:
            return self.id
        number = validation.parse_identifier((self.url or "").rpartition("/")[2])
        return "other" if number is None else number


@attrs.frozen
class RequestType:
    """A category with its questions (documented; the four rules observed)."""

    id: Int64 | Literal["other"] | None = None
    title: str | None = None
    organization: str | None = None
    questions: tuple[Question, ...] | None = None
    block_submission: bool | None = None
    permit_guest_reporting: bool | None = None
    permit_anonymous_reporting: bool | None = None
    private_visibility: bool | None = None

    @property
    def key(self) -> RequestTypeId:
        """What a report names the category by."""
        return "other" if self.id is None else self.id

    def draft(
        self,
        *,
        lat: float,
        lng: float,
        address: str,
        answers: Mapping[str, Answer],
        image: Image | None = None,
        anonymize_reporter: bool = False,
    ) -> Draft:
        """Write a report of this kind; nothing is sent before `client.issues.create(draft)`.

        Everything is checked at once, against the questions and rules that the city gave. Looks
        at the first bytes of a photo that is a path.

        Args:
            lat: Latitude of the problem in degrees.
            lng: Longitude of the problem in degrees.
            address: Where it is, in words.
            answers: By the `primary_key` of a question: texts, keys to choose, numbers, True or
                False, dates and aware datetimes.
            image: A photo, png, jpeg or gif up to 20 MB: a path, bytes or an open async file.
            anonymize_reporter: Hide from the public who reported it.

        Raises:
            InvalidDraftError: With all faults, by question, in the question's own words.
        """
        questions = self.questions or ()
        faults = Faults()
        faults.number("lat", lat, 90)
        faults.number("lng", lng, 180)
        faults.words("address", address)
        encoded = faults.answers(questions, answers)
        photo = next((q for q in questions if q.question_type == QuestionType.FILE), None)
        faults.photo(image, photo)
        if self.block_submission:
            faults.add("base", "The city takes no reports of this kind.")
        if anonymize_reporter and self.permit_anonymous_reporting is False:
            faults.add("anonymize_reporter", "This category takes no anonymous reports.")
        faults.raise_any()
        more: dict[str, Any] = {"image_field": photo.primary_key} if photo else {}
        return Draft(
            request_type_id=self.key,
            lat=lat,
            lng=lng,
            address=address,
            answers=encoded,
            image=image,
            anonymize_reporter=anonymize_reporter,
            guests=self.permit_guest_reporting is not False,
            **more,
        )
