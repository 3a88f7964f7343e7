"""Reporting: the form at a point, a category's questions, and the report itself."""

from __future__ import annotations

from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _forms as forms
from seeclickfix_async.sandbox import _photos as photos
from seeclickfix_async.sandbox import _responses as answers
from seeclickfix_async.sandbox._city import CATEGORIES, COMMUNITY, City
from seeclickfix_async.sandbox._gateway import Gateway, Handler, origin
from seeclickfix_async.sandbox._overlay import Overlay
from seeclickfix_async.sandbox._photos import Photos
from seeclickfix_async.sandbox._request_body import parse_body
from seeclickfix_async.sandbox._serializers import Serializer

_NOBODY = {"id": 0, "name": "An anonymous SeeClickFix user", "role": "Registered User"}
_OUTSIDE = "Point Issue is not within boundary of associated request type."
_Errors = dict[str, list[str]]


@attrs.define(eq=False)
class ReportRoutes:
    """Takes reports, which are issues from then on."""

    city: City
    door: Gateway
    ledger: Overlay
    photos: Photos

    def table(self) -> dict[tuple[str, str], Handler]:
        """The routes."""
        return {
            ("GET", "/issues/new"): self.form,
            ("GET", "/request_types/{id}"): self.request_type,
            ("POST", "/issues"): self.create,
        }

    async def form(self, request: Request) -> Response:
        """`GET /issues/new`: what can be reported at a point."""
        lat, lng = request.query_params.get("lat"), request.query_params.get("lng")
        if not (_is_number(lat) and _is_number(lng)):
            return answers.no_point()
        here = self.city.covers(float(lat or 0), float(lng or 0))
        known = range(len(CATEGORIES)) if here else [COMMUNITY]
        api = f"{origin(request)}/api/v2"
        options = [forms.option(category, api, lat or "", lng or "") for category in known]
        return answers.fresh(request, {"request_types": options})

    async def request_type(self, request: Request) -> Response:
        """`GET /request_types/:id`, a number or `other`."""
        category = forms.category_of(request.path_params["id"])
        if category is None:
            return answers.no_such_thing()
        return answers.fresh(request, forms.form(category))

    async def create(self, request: Request) -> Response:
        """`POST /issues`."""
        user = self.door.signed_in(request)
        body = await parse_body(request)
        category = forms.category_of(str(body.get("request_type_id", "")))
        errors = self._faults(body, category)
        if errors or category is None:
            return answers.invalid({"errors": errors})
        if self.door.settings.moderated:
            return answers.held_back()
        row = self.city.file(category, float(body["lat"]), float(body["lng"]))
        self._write_down(request, row, user, body)
        make = Serializer(self.city, origin(request), self.ledger, user)
        created = answers.answer(make.issue(row), 201)
        created.headers["Location"] = make.issue(row)["html_url"]
        return created

    def _faults(self, body: dict[str, Any], category: int | None) -> _Errors:
        """What is wrong, in the two forms that are known of this endpoint."""
        errors: _Errors = {}
        lat, lng = body.get("lat"), body.get("lng")
        if not (_is_number(lat) and _is_number(lng)):
            errors["point"] = ["Point can't be blank"]
        elif category and not self.city.covers(float(lat or 0), float(lng or 0)):
            errors["point"] = [_OUTSIDE]
        if not body.get("address"):
            errors["address"] = ["Address can't be blank"]
        if category is None:
            return {**errors, "request_type": ["Request type can't be blank"]}
        if category == forms.BLOCKED:
            errors["base"] = ["This request type does not accept submissions."]
        given = body.get("answers") or {}
        for question in forms.questions(category):
            key = question["primary_key"]
            fault = _fault(question, given.get(key))
            if fault:
                errors[key] = [f"Summary {fault}" if key == "summary" else fault]
        return errors

    def _write_down(self, request: Request, row: int, user: int, body: dict[str, Any]) -> None:
        here, given = origin(request), body["answers"]
        written = self.ledger.open(row)
        written.reporter = user
        photo = given.get("issue_image")
        media = photos.links(here, self.photos.keep(photo) if photo else None)
        icon = f"{here}/assets/categories/no-image.png"
        reporter = self.door.people.ref(user, here)
        anonymous = str(body.get("anonymize_reporter")).lower() == "true"
        written.fields.update(
            summary=given["summary"],
            description=given.get("description", ""),
            address=body["address"],
            reporter={**reporter, **_NOBODY} if anonymous else reporter,
            media={**media, "representative_image_url": media["image_full"] or icon},
        )
        written.details.update(
            integrations=[],
            assignee=None,
            questions=[
                {"question": question["question"], "answer": _read_out(given, question)}
                for question in forms.questions(self.city.category[row])[forms.USUAL :]
            ],
        )


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _fault(question: dict[str, Any], answer: Any) -> str | None:
    """What the service has against an answer."""
    if answer in (None, "", []):
        return "can't be blank" if question["response_required"] else None
    if question["question_type"] == "file":
        fits = isinstance(answer, bytes) and photos.kind_of(answer) is not None
        return None if fits else "must be a png, jpeg or gif"
    keys = {choice["key"] for choice in question.get("select_values", ())}
    chosen = set(answer) if isinstance(answer, list) else {answer} if keys else set()
    if not chosen <= keys:
        return "is not included in the list"
    longest = question["max_length"]
    return f"is longer than {longest}" if longest and len(answer) > longest else None


def _read_out(given: dict[str, Any], question: dict[str, Any]) -> str:
    """An answer as text, as details have it (observed)."""
    answer = given.get(question["primary_key"])
    if answer in (None, "", []):
        return "No Answer Given"
    return ", ".join(answer) if isinstance(answer, list) else str(answer)
