"""Questions and answers about a place, and geocoding (documented, not observed)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _responses as responses
from seeclickfix_async.sandbox._city import END
from seeclickfix_async.sandbox._gateway import Gateway, Handler, origin
from seeclickfix_async.sandbox._listing import PLACE_URL, paginate
from seeclickfix_async.sandbox._request_body import parse_body
from seeclickfix_async.sandbox._streets import CENTER
from seeclickfix_async.sandbox._timestamps import format_timestamp

_Row = dict[str, Any]


@attrs.define(eq=False)
class QuestionRoutes:
    """The endpoints of questions and answers, and of geocoding."""

    gateway: Gateway
    _questions: dict[int, _Row] = attrs.field(factory=dict)
    _answers: dict[int, list[_Row]] = attrs.field(factory=dict)
    _ids: Iterator[int] = attrs.field(factory=lambda: itertools.count(501))

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """Return the handlers by method and path; paths that begin with a place must be last."""
        return {
            ("GET", "/geocode/{point}"): self.geocode,
            ("GET", "/questions/{id:int}"): self.question,
            ("GET", "/questions/{id:int}/answers"): self.answers,
            ("POST", "/questions/{id:int}/answers"): self.answer,
            ("GET", "/{place}/questions"): self.questions,
            ("POST", "/{place}/questions"): self.ask,
        }

    async def geocode(self, request: Request) -> Response:
        """`GET /geocode/:point`: its response is not documented."""
        lat, lng = CENTER
        point: str = request.path_params["point"]
        return responses.cacheable(request, {"lat": lat, "lng": lng, "address": point})

    async def questions(self, request: Request) -> Response:
        """`GET /:place_url/questions`."""
        if request.path_params["place"] != PLACE_URL:
            return responses.not_found()
        query = dict(request.query_params)
        answered = {"answered": {True}, "unanswered": {False}}.get(query.get("subset", ""))
        rows = [
            row
            for number, row in self._questions.items()
            if query.get("search", "").lower() in row["question"].lower()
            and (answered is None or (number in self._answers) in answered)
        ]
        page = paginate(rows, request.url, query)
        body = responses.collection("questions", list(page.rows), page.pagination)
        return responses.cacheable(request, body)

    async def ask(self, request: Request) -> Response:
        """`POST /:place_url/questions`."""
        if request.path_params["place"] != PLACE_URL:
            return responses.not_found()
        created = await self._create(request, "question", "asker")
        self._questions[created["id"]] = created
        return responses.json_response(created, 201)

    async def question(self, request: Request) -> Response:
        """`GET /questions/:id`."""
        return responses.cacheable(request, self._find_question(request))

    async def answers(self, request: Request) -> Response:
        """`GET /questions/:id/answers`: no paging is documented."""
        rows = self._answers.get(self._find_question(request)["id"], [])
        return responses.cacheable(request, {"answers": rows, "errors": None})

    async def answer(self, request: Request) -> Response:
        """`POST /questions/:id/answers`."""
        question = self._find_question(request)["id"]
        created = await self._create(request, "answer", "answerer")
        created.update(question_id=question, total_votes=0, accepted_at=None)
        self._answers.setdefault(question, []).append(created)
        return responses.json_response(created, 201)

    def _find_question(self, request: Request) -> _Row:
        row = self._questions.get(request.path_params["id"])
        if row is None:
            raise responses.RefusedError(responses.not_found())
        return row

    async def _create(self, request: Request, key: str, author_key: str) -> _Row:
        user = self.gateway.require_user(request)
        text = (await parse_body(request)).get(key)
        if not text:
            raise responses.RefusedError(responses.invalid({"errors": {key: "can't be blank."}}))
        return {
            "id": next(self._ids),
            key: text,
            author_key: self.gateway.users.author(user, origin(request)),
            "locale": "en",
            "created_at": format_timestamp(END),
            "updated_at": format_timestamp(END),
        }
