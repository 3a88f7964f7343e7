"""Request types: the categories of reports, with their questions."""

from __future__ import annotations

import attrs

from seeclickfix_async._api.requestor import Requestor
from seeclickfix_async._core import validation
from seeclickfix_async._core.numbers import Id
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import RequestType


@attrs.frozen
class RequestTypes:
    """`client.request_types`. Source: API page "Request types"."""

    _api: Requestor = attrs.field(repr=False)

    async def get(self, id: Id) -> RequestType:
        """Return a request type with its questions, whose `draft()` makes a report.

        Args:
            id: An integer, or `"other"`; see `RequestTypeOption.id`.

        Raises:
            NotFoundError: There is no request type with this id.
        """
        is_other = isinstance(id, str) and id == "other"
        number = "other" if is_other else validation.to_identifier(id)
        if number is None:
            raise InvalidArgumentError(
                "id", 'must be the id of a request type: an integer from 1, or "other".'
            )
        return await self._api.get_object(RequestType, "/request_types/{id}", id=number)
