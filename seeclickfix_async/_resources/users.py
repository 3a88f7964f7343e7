"""Accounts."""

from __future__ import annotations

from typing import SupportsIndex

import attrs

from seeclickfix_async._api import body as bodies
from seeclickfix_async._api.listing_queries import PointQuery, plain_params
from seeclickfix_async._api.page import Page
from seeclickfix_async._api.pagination import Pager
from seeclickfix_async._api.query import page_params
from seeclickfix_async._api.reading import read_object, read_written
from seeclickfix_async._api.requestor import CollectionRoute, Requestor
from seeclickfix_async._api.unverified import read_unverified_page
from seeclickfix_async._core import validation
from seeclickfix_async._core.error_secrets import hide_arguments
from seeclickfix_async._core.image import Image
from seeclickfix_async._core.numbers import Id, Number
from seeclickfix_async._core.secret import Secret, as_secret
from seeclickfix_async._transport.multipart import Attachment
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import Notice, User
from seeclickfix_async.models._returned import Returned

_NAME = (3, 40)  # characters (documented)
_PASSWORD = (4, 40)


@attrs.frozen
class _Profile(Returned):
    id: int | None = None


@attrs.frozen
class Users:
    """`client.users`. Source: API pages "Users" and "Profile"."""

    _api: Requestor = attrs.field(repr=False)

    async def me(self) -> User | None:
        """Return the account that the token belongs to; None without a token.

        Raises:
            AuthenticationError: The service refuses the token.
        """
        response = await self._api.get("/profile")
        # Without a user, the response is {"id": null} with status 200 (documented).
        if read_object(response, _Profile).id is None:
            return None
        return read_object(response, User)

    def notices(self, *, page: SupportsIndex = 1) -> Pager[Notice]:
        """List the notices to the signed-in user (observed in the service's apps, unverified).

        The form of the response is assumed. Unknown members are in `Notice.fields`, the rest in
        `Page.response`.

        Args:
            page: The first page, from 1.

        Raises:
            AuthenticationError: There is no token, or the service refuses it.
            DecodeError: The response contains no list.
        """

        async def get_page(number: int) -> Page[Notice]:
            response = await self._api.get("/profile/notices", params=page_params(number))
            hook = self._api.transport.hook
            return read_unverified_page(response, Notice, "notices", number, hook=hook)

        return Pager(get_page, page)

    async def get(self, id: Id) -> User:
        """Return an account.

        Raises:
            NotFoundError: There is no account with this id.
        """
        number = validation.positive_id("id", id)
        return await self._api.get_object(User, "/users/{id}", id=number)

    def near(
        self,
        *,
        lat: Number,
        lng: Number,
        page: SupportsIndex = 1,
        per_page: SupportsIndex | None = None,
    ) -> Pager[User]:
        """List the accounts around a point, nearest first (documented).

        Args:
            lat: Latitude in degrees.
            lng: Longitude in degrees.
            page: The first page, from 1.
            per_page: Accounts per page.

        Raises:
            InvalidArgumentError: An argument is invalid.
        """
        query = PointQuery(lat=lat, lng=lng, per_page=per_page)
        route = CollectionRoute(User, "users", "/users", plain_params(query))
        return self._api.pager(route, page)

    @hide_arguments
    async def register(
        self,
        *,
        name: str,
        email: str,
        password: str | Secret,
        accept_terms: bool,
        place_url_name: str | None = None,
        image: Image | None = None,
    ) -> User:
        """Create an account (documented; accounts may have moved to CivicPlus since).

        Args:
            name: 3 to 40 characters.
            email: An address, to which a mail for its confirmation is sent.
            password: 4 to 40 characters.
            accept_terms: Must be True: the person has accepted the service's terms.
            place_url_name: The `url_name` of the place where the person lives.
            image: A photo of the person.

        Raises:
            InvalidArgumentError: An argument is invalid; nothing was sent.
            ValidationError: The service refuses the account; `errors` has the reasons, by field.
            AnswerLostError: The account may exist.
        """
        if accept_terms is not True:
            raise InvalidArgumentError(
                "accept_terms", "must be True: the person has to accept the terms first."
            )
        body = _account(name, email, password, place_url_name)
        for field in ("name", "email", "password"):
            validation.require(field, body.get(field))
        return await self._write("POST", "/users", {**body, "accept_terms": True}, image)

    @hide_arguments
    async def update(
        self,
        *,
        name: str | None = None,
        email: str | None = None,
        password: str | Secret | None = None,
        place_url_name: str | None = None,
        image: Image | None = None,
    ) -> User:
        """Change the signed-in user's account (documented); other fields stay unchanged.

        Args:
            name: As for `register()`.
            email: As for `register()`.
            password: As for `register()`.
            place_url_name: As for `register()`.
            image: As for `register()`.

        Raises:
            InvalidArgumentError: An argument is invalid, or none was passed.
            AuthenticationError: There is no token, or the service refuses it.
            ValidationError: The service refuses the change; `errors` has the reasons, by field.
            AnswerLostError: The account may have been changed.
        """
        body = _account(name, email, password, place_url_name)
        if not body and image is None:
            raise InvalidArgumentError("name", "must be passed, or another field to change.")
        return await self._write("PUT", "/profile", body, image)

    async def _write(
        self, method: str, route: str, body: dict[str, object], image: Image | None
    ) -> User:
        attachment = None if image is None else Attachment("uploaded_data", image)
        secrets = (Secret(str(body["password"])),) if "password" in body else ()
        response = await self._api.write(
            method, route, body, attachment=attachment, secrets=secrets
        )
        return read_written(response, User)


def _account(
    name: str | None, email: str | None, password: str | Secret | None, place: str | None
) -> dict[str, object]:
    """Validate the fields of an account. Only here is the password taken out of its Secret."""
    secret = None if password is None else as_secret(password).reveal()
    if name is not None:
        validation.str_of_length("name", name, *_NAME)
    if secret is not None:
        validation.str_of_length("password", secret, *_PASSWORD)
    for argument, value in (("email", email), ("place_url_name", place)):
        if value is not None:
            validation.non_empty_str(argument, value)
    return bodies.drop_none(
        name=name,
        email=email,
        password=secret,
        password_confirmation=secret,
        place_url_name=place,
    )
