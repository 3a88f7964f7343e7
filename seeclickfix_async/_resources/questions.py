"""Questions to a city, and the answers to questions."""

from __future__ import annotations

from typing import SupportsIndex

import attrs

from seeclickfix_async._api.listing_queries import QuestionQuery, Subset, plain_params
from seeclickfix_async._api.pagination import Pager
from seeclickfix_async._api.reading import read_written
from seeclickfix_async._api.requestor import CollectionRoute, Requestor
from seeclickfix_async._core import validation
from seeclickfix_async._core.numbers import Id
from seeclickfix_async.models import PlaceAnswer, PlaceQuestion


@attrs.frozen
class Questions:
    """`client.questions`. Source: API pages `Questions` and `Answers`; never observed."""

    _api: Requestor = attrs.field(repr=False)

    def list(
        self,
        place_url: str,
        *,
        search: str | None = None,
        subset: Subset | None = None,
        page: SupportsIndex = 1,
        per_page: SupportsIndex | None = None,
    ) -> Pager[PlaceQuestion]:
        """List the questions to a city.

        Args:
            place_url: The city's `url_name`; only cities have questions (documented).
            search: Words to find.
            subset: Only those that are answered, or only those that are not.
            page: The first page, from 1.
            per_page: Questions per page.

        Raises:
            InvalidArgumentError: An argument is invalid.
        """
        place = validation.non_empty_str("place_url", place_url)
        query = QuestionQuery(search=search, subset=subset, per_page=per_page)
        route = CollectionRoute(
            PlaceQuestion,
            "questions",
            "/{place}/questions",
            plain_params(query),
            {"place": place},
        )
        return self._api.pager(route, page)

    async def get(self, id: Id) -> PlaceQuestion:
        """Return a question.

        Raises:
            NotFoundError: There is no question with this id.
        """
        number = validation.positive_id("id", id)
        return await self._api.get_object(PlaceQuestion, "/questions/{id}", id=number)

    async def ask(self, place_url: str, question: str) -> PlaceQuestion:
        """Send a question to a city.

        Args:
            place_url: The city's `url_name`.
            question: The question.

        Raises:
            AuthenticationError: There is no token, or the service refuses it.
            ValidationError: The service does not accept the question.
            AnswerLostError: The service may have received it: read before you send it again.
        """
        place = validation.non_empty_str("place_url", place_url)
        body = {"question": validation.non_empty_str("question", question)}
        response = await self._api.write("POST", "/{place}/questions", body, place=place)
        return read_written(response, PlaceQuestion)

    async def answers(self, id: Id) -> tuple[PlaceAnswer, ...]:
        """List the answers to a question.

        Args:
            id: The question's id.

        Raises:
            NotFoundError: There is no such question.
        """
        number = validation.positive_id("id", id)
        route = CollectionRoute(
            PlaceAnswer, "answers", "/questions/{id}/answers", path={"id": number}
        )
        return await self._api.get_items(route)

    async def answer(self, id: Id, answer: str) -> PlaceAnswer:
        """Answer a question.

        Raises:
            AuthenticationError: There is no token, or the service refuses it.
            NotFoundError: There is no such question.
            ValidationError: The service does not accept it.
            AnswerLostError: The service may have received it: read before you send it again.
        """
        number = validation.positive_id("id", id)
        body = {"answer": validation.non_empty_str("answer", answer)}
        response = await self._api.write("POST", "/questions/{id}/answers", body, id=number)
        return read_written(response, PlaceAnswer)
