"""New reports: the request types at a point, their questions, and the report itself."""

from __future__ import annotations

from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _forms as forms
from seeclickfix_async.sandbox import _responses as responses
from seeclickfix_async.sandbox._categories import CATEGORIES, COMMUNITY
from seeclickfix_async.sandbox._city import City
from seeclickfix_async.sandbox._gateway import Gateway, Handler, origin
from seeclickfix_async.sandbox._overlay import Overlay
from seeclickfix_async.sandbox._photos import Photos, issue_media, media_type_of
from seeclickfix_async.sandbox._request_body import parse_body
from seeclickfix_async.sandbox._serializers import NO_ANSWER, Serializer
from seeclickfix_async.sandbox._users import ANONYMOUS_NAME

_ANONYMOUS = {"id": 0, "name": ANONYMOUS_NAME, "role": "Registered User"}
_OUTSIDE = "Point Issue is not within boundary of associated request type."
_Errors = dict[str, list[str]]


@attrs.define(eq=False)
class ReportRoutes:
    """The endpoints for reporting an issue."""

    city: City
    gateway: Gateway
    overlay: Overlay
    photos: Photos

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """Return the handlers by method and path."""
        return {
            ("GET", "/issues/new"): self.request_types,
            ("GET", "/request_types/{id}"): self.request_type,
            ("POST", "/issues"): self.create,
        }

    async def request_types(self, request: Request) -> Response:
        """`GET /issues/new`: the request types at a point."""
        lat, lng = request.query_params.get("lat"), request.query_params.get("lng")
        if not (_is_number(lat) and _is_number(lng)):
            return responses.point_missing()
        in_city = self.city.covers(float(lat or 0), float(lng or 0))
        known = range(len(CATEGORIES)) if in_city else [COMMUNITY]
        api = f"{origin(request)}/api/v2"
        options = [
            forms.request_type_option(category, api, lat or "", lng or "") for category in known
        ]
        return responses.cacheable(request, {"request_types": options})

    async def request_type(self, request: Request) -> Response:
        """`GET /request_types/:id`, a number or `other`."""
        category = forms.parse_category(request.path_params["id"])
        if category is None:
            return responses.not_found()
        return responses.cacheable(request, forms.request_type(category))

    async def create(self, request: Request) -> Response:
        """`POST /issues`."""
        user = self.gateway.require_user(request)
        body = await parse_body(request)
        category = forms.parse_category(str(body.get("request_type_id", "")))
        errors = self._find_errors(body, category)
        if errors or category is None:
            return responses.invalid({"errors": errors})
        if self.gateway.settings.moderated:
            return responses.moderated()
        row = self.city.report_at(category, float(body["lat"]), float(body["lng"]))
        self._store_report(request, row, user, body)
        serializer = Serializer(self.city, origin(request), self.overlay, user)
        created = responses.json_response(serializer.issue(row), 201)
        created.headers["Location"] = serializer.issue(row)["html_url"]
        return created

    def _find_errors(self, body: dict[str, Any], category: int | None) -> _Errors:
        """Return the errors of a report by field, in the two observed forms."""
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
        if category == forms.BLOCKED_CATEGORY:
            errors["base"] = ["This request type does not accept submissions."]
        answers = body.get("answers") or {}
        for question in forms.questions(category):
            key = question["primary_key"]
            error = _find_error(question, answers.get(key))
            if error:
                errors[key] = [f"Summary {error}" if key == "summary" else error]
        return errors

    def _store_report(self, request: Request, row: int, user: int, body: dict[str, Any]) -> None:
        base_url, answers = origin(request), body["answers"]
        changes = self.overlay.edit(row)
        changes.is_report, changes.reporter = True, user
        media = self.photos.store(base_url, answers.get("issue_image"))
        reporter = self.gateway.users.author(user, base_url)
        anonymous = str(body.get("anonymize_reporter")).lower() == "true"
        changes.fields.update(
            summary=answers["summary"],
            description=answers.get("description", ""),
            address=body["address"],
            reporter={**reporter, **_ANONYMOUS} if anonymous else reporter,
            media=issue_media(base_url, media),
        )
        changes.details.update(
            integrations=[],
            assignee=None,
            questions=[
                {"question": question["question"], "answer": _answer_text(answers, question)}
                for question in forms.questions(self.city.category[row])[forms.COMMON_QUESTIONS :]
            ],
        )


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _find_error(question: dict[str, Any], answer: Any) -> str | None:
    """Return the error of an answer to a question; None if it is valid."""
    if answer in (None, "", []):
        return "can't be blank" if question["response_required"] else None
    if question["question_type"] == "file":
        fits = isinstance(answer, bytes) and media_type_of(answer) is not None
        return None if fits else "must be a png, jpeg or gif"
    keys = {choice["key"] for choice in question.get("select_values", ())}
    chosen = set(answer) if isinstance(answer, list) else {answer} if keys else set()
    if not chosen <= keys:
        return "is not included in the list"
    longest = question["max_length"]
    return f"is longer than {longest}" if longest and len(answer) > longest else None


def _answer_text(answers: dict[str, Any], question: dict[str, Any]) -> str:
    """Return an answer to a question as a string, as details have it (observed)."""
    answer = answers.get(question["primary_key"])
    if answer in (None, "", []):
        return NO_ANSWER
    return ", ".join(answer) if isinstance(answer, list) else str(answer)
