"""People."""

from __future__ import annotations

import attrs

from seeclickfix_async._api import body as bodies
from seeclickfix_async._api.pagination import Pager
from seeclickfix_async._api.point_query import PointQuery, plain_params
from seeclickfix_async._api.reading import read_object, read_written
from seeclickfix_async._api.requestor import CollectionRoute, Requestor
from seeclickfix_async._core import validation
from seeclickfix_async._core.image import Image
from seeclickfix_async._core.secret import Secret, as_secret
from seeclickfix_async._transport.multipart import Attachment
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.models import User

_NAME = (3, 40)  # characters (documented)
_PASSWORD = (4, 40)


@attrs.frozen
class _Profile:
    id: int | None = None


@attrs.frozen
class Users:
    """`client.users`. Source: API pages "Users" and "Profile"."""

    _api: Requestor = attrs.field(repr=False)

    async def me(self) -> User | None:
        """The account that the token belongs to; None when nobody is signed in.

        Raises:
            AuthenticationError: The service refuses the token.
        """
        response = await self._api.get("/profile")
        # Without a user, the response is {"id": null} with status 200 (documented).
        if read_object(response, _Profile).id is None:
            return None
        return read_object(response, User)

    async def get(self, id: int) -> User:
        """One account.

        Raises:
            NotFoundError: There is none of this id.
        """
        number = validation.positive_id("id", id)
        return await self._api.get_object(User, "/users/{id}", id=number)

    def near(
        self, *, lat: float, lng: float, page: int = 1, per_page: int | None = None
    ) -> Pager[User]:
        """List the people around a point, nearest first (documented).

        Args:
            lat: Latitude in degrees.
            lng: Longitude in degrees.
            page: The page to begin with, from 1.
            per_page: People on a page.

        Raises:
            InvalidArgumentError: The point or the paging is none.
        """
        query = PointQuery(lat=lat, lng=lng, per_page=per_page)
        route = CollectionRoute(User, "users", "/users", plain_params(query))
        return self._api.pager(route, page)

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
        """Make an account (documented; accounts may have moved to CivicPlus since).

        Args:
            name: 3 to 40 characters.
            email: An address that gets a mail to confirm it.
            password: 4 to 40 characters.
            accept_terms: Must be True: the person has accepted the service's terms.
            place_url_name: Where the person lives: a place's `url_name`.
            image: A picture.

        Raises:
            InvalidArgumentError: An argument cannot be used; nothing was sent.
            ValidationError: The service refuses; `errors` says what, by field.
            AnswerLostError: The account may exist.
        """
        if accept_terms is not True:
            raise InvalidArgumentError("accept_terms", "must be True: ask the person first.")
        body = _account(name, email, password, place_url_name)
        for field in ("name", "email", "password"):
            validation.require(field, body.get(field))
        return await self._write("POST", "/users", {**body, "accept_terms": True}, image)

    async def update(
        self,
        *,
        name: str | None = None,
        email: str | None = None,
        password: str | Secret | None = None,
        place_url_name: str | None = None,
        image: Image | None = None,
    ) -> User:
        """Change the signed-in user's account (documented); what is not given stays.

        Args:
            name: As for `register()`.
            email: As for `register()`.
            password: As for `register()`.
            place_url_name: As for `register()`.
            image: A picture.

        Raises:
            InvalidArgumentError: An argument cannot be used, or there is none.
            AuthenticationError: Nobody is signed in.
            ValidationError: The service refuses; `errors` says what, by field.
            AnswerLostError: It may have been changed.
        """
        body = _account(name, email, password, place_url_name)
        if not body and image is None:
            raise InvalidArgumentError("name", "give something to change.")
        return await self._write("PUT", "/profile", body, image)

    async def _write(
        self, method: str, route: str, body: dict[str, object], image: Image | None
    ) -> User:
        picture = None if image is None else Attachment("uploaded_data", image)
        response = await self._api.write(method, route, body, attachment=picture)
        return read_written(response, User)


def _account(
    name: str | None, email: str | None, password: str | Secret | None, place: str | None
) -> dict[str, object]:
    """What was given of an account, checked; the password leaves its Secret only here."""
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
