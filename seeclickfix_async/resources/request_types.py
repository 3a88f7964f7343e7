"""Categories of issues, and what is asked about each."""

from __future__ import annotations

import attrs

from seeclickfix_async import checks
from seeclickfix_async.api import Api
from seeclickfix_async.models import RequestType
from seeclickfix_async.models.form import RequestTypeId


@attrs.frozen
class RequestTypes:
    """`client.request_types`. Source: API page "Request types"."""

    _api: Api = attrs.field(repr=False)

    async def get(self, id: RequestTypeId) -> RequestType:
        """One category with its questions, to make a `draft()` from.

        Args:
            id: Its number, or `"other"`; `RequestTypeOption.key` is one of them.

        Raises:
            NotFoundError: There is none of this id.
        """
        number = id if id == "other" else checks.identifier("id", id)
        return await self._api.get_object(RequestType, "/request_types/{id}", id=number)
