"""The calls of a client that belong to no resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seeclickfix_async._api.listing_queries import PointQuery, plain_params
from seeclickfix_async._api.requestor import CollectionRoute, Requestor
from seeclickfix_async._core import validation
from seeclickfix_async._core.error_secrets import hide_arguments
from seeclickfix_async._core.numbers import Number
from seeclickfix_async._core.response import Response
from seeclickfix_async._resources.users import Users
from seeclickfix_async.errors import AuthenticationError
from seeclickfix_async.models import RequestTypeOption, User


class ClientCalls:
    """The calls of `AsyncClient` itself."""

    _api: Requestor

    async def verify(self) -> User:
        """Return the account that the token belongs to.

        Use this to check a token: a status of 200 alone proves nothing, because the service also
        returns it without a token (documented).

        Raises:
            AuthenticationError: There is no token, or the service refuses it.
        """
        user = await Users(self._api.current).me()
        if user is None:
            raise AuthenticationError(
                "You are not signed in.",
                code="not_signed_in",
                advice="Pass a token, from the account's security page or OAuth.",
                status=200,
                route="GET /profile",
            )
        return user

    async def report_form(self, *, lat: Number, lng: Number) -> tuple[RequestTypeOption, ...]:
        """List the request types for reports at a point, including community categories.

        With the token of an official, there are more of them (documented).

        Args:
            lat: Latitude in degrees.
            lng: Longitude in degrees.

        Raises:
            InvalidArgumentError: An argument is out of bounds.
        """
        params = plain_params(PointQuery(lat=lat, lng=lng))
        route = CollectionRoute(RequestTypeOption, "request_types", "/issues/new", params)
        return await self._api.get_items(route)

    async def geocode(self, point: str) -> Any:
        """Find the location of a point (documented, except for the form of the response).

        Args:
            point: An address, or coordinates such as `"41.05,-73.54"`.

        Returns:
            The JSON of the response as plain objects.
        """
        point = validation.non_empty_str("point", point)
        return (await self._api.get("/geocode/{point}", point=point)).json()

    @hide_arguments  # headers may have a token, and a body a password
    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | float | bool] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Call any endpoint, with the same rate limiter, retries and errors as the other methods.

        Args:
            method: An HTTP method, such as `"GET"`.
            path: A path of the API, such as `/issues`, or a URL from a response. Only the service's
                own origin receives the token.
            params: The query parameters.
            json: The body, sent as JSON.
            headers: Additional headers.

        Returns:
            The undecoded response.

        Raises:
            InvalidArgumentError: An argument is invalid; nothing was sent.
            StatusError: The service refused the request; subclasses show the reason.
            TransportError: There is no usable response.
        """
        return await self._api.request(method, path, params=params, json=json, headers=headers)
