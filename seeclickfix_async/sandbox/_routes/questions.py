"""Questions to the city and their answers, and where a point is (all documented only)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response

from seeclickfix_async.sandbox import _responses as answers
from seeclickfix_async.sandbox._city import CENTER, END
from seeclickfix_async.sandbox._gateway import Gateway, Handler, origin
from seeclickfix_async.sandbox._listing import PLACE_URL, window
from seeclickfix_async.sandbox._request_body import parse_body
from seeclickfix_async.sandbox._timestamps import format_timestamp

_Row = dict[str, Any]


@attrs.define(eq=False)
class QuestionRoutes:
    """Keeps questions and answers."""

    door: Gateway
    _questions: dict[int, _Row] = attrs.field(factory=dict)
    _answers: dict[int, list[_Row]] = attrs.field(factory=dict)
    _numbers: Iterator[int] = attrs.field(factory=lambda: itertools.count(501))

    def table(self) -> dict[tuple[str, str], Handler]:
        """The routes; the one that begins with a place comes last."""
        return {
            ("GET", "/geocode/{point}"): self.geocode,
            ("GET", "/questions/{id:int}"): self.question,
            ("GET", "/questions/{id:int}/answers"): self.answers,
            ("POST", "/questions/{id:int}/answers"): self.answer,
            ("GET", "/{place}/questions"): self.questions,
            ("POST", "/{place}/questions"): self.ask,
        }

    async def geocode(self, request: Request) -> Response:
        """`GET /geocode/:point`: what it answers is not documented."""
        lat, lng = CENTER
        point: str = request.path_params["point"]
        return answers.fresh(request, {"lat": lat, "lng": lng, "address": point})

    async def questions(self, request: Request) -> Response:
        """`GET /:place_url/questions`."""
        if request.path_params["place"] != PLACE_URL:
            return answers.no_such_thing()
        query = dict(request.query_params)
        answered = {"answered": {True}, "unanswered": {False}}.get(query.get("subset", ""))
        rows = [
            row
            for number, row in self._questions.items()
            if query.get("search", "").lower() in row["question"].lower()
            and (answered is None or (number in self._answers) in answered)
        ]
        page = window(rows, str(request.url.replace(query="")), query, most=100)
        body = answers.collection("questions", list(page.rows), page.pagination)
        return answers.fresh(request, body)

    async def ask(self, request: Request) -> Response:
        """`POST /:place_url/questions`."""
        if request.path_params["place"] != PLACE_URL:
            return answers.no_such_thing()
        written = await self._written(request, "question", "asker")
        self._questions[written["id"]] = written
        return answers.answer(written, 201)

    async def question(self, request: Request) -> Response:
        """`GET /questions/:id`."""
        return answers.fresh(request, self._which(request))

    async def answers(self, request: Request) -> Response:
        """`GET /questions/:id/answers`: no paging is documented."""
        rows = self._answers.get(self._which(request)["id"], [])
        return answers.fresh(request, {"answers": rows, "errors": None})

    async def answer(self, request: Request) -> Response:
        """`POST /questions/:id/answers`."""
        question = self._which(request)["id"]
        written = await self._written(request, "answer", "answerer")
        written.update(question_id=question, total_votes=0, accepted_at=None)
        self._answers.setdefault(question, []).append(written)
        return answers.answer(written, 201)

    def _which(self, request: Request) -> _Row:
        row = self._questions.get(request.path_params["id"])
        if row is None:
            raise answers.Refused(answers.no_such_thing())
        return row

    async def _written(self, request: Request, what: str, who: str) -> _Row:
        user = self.door.signed_in(request)
        text = (await parse_body(request)).get(what)
        if not text:
            raise answers.Refused(answers.invalid({"errors": {what: "can't be blank."}}))
        return {
            "id": next(self._numbers),
            what: text,
            who: self.door.people.ref(user, origin(request)),
            "locale": "en",
            "created_at": format_timestamp(END),
            "updated_at": format_timestamp(END),
        }
