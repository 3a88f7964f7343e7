"""The response that a returned object was decoded from."""

from __future__ import annotations

from typing import TypeVar

from seeclickfix_async._core.response import Response
from seeclickfix_async.models._model import Model


class Returned(Model):
    """Base class of the objects that a call returns by themselves, with their response.

    The response is not a field: it is not compared, shown, encoded, copied or pickled.
    """

    __slots__ = ("_response",)

    _response: Response

    @property
    def response(self) -> Response | None:
        """The response that contained this object alone: its status, headers and bytes.

        None for a row of a list, whose page has the response; and for an object that was copied,
        pickled, or made by yourself.
        """
        return getattr(self, "_response", None)


ReturnedT = TypeVar("ReturnedT", bound=Returned)


def with_response(returned: ReturnedT, response: Response) -> ReturnedT:
    """Return an object that was just decoded, with its response."""
    object.__setattr__(returned, "_response", response)  # the classes are frozen
    return returned
