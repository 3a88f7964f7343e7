"""`scf places`."""

from __future__ import annotations

from seeclickfix_async import Place
from seeclickfix_async._cli.exit_codes import OK
from seeclickfix_async._cli.options import ROWS, SITE, RowOptions, SiteOptions
from seeclickfix_async._cli.rows import Layout, RowWriter, flat_layout
from seeclickfix_async._cli.session import make_client
from seeclickfix_async._cli.terminal import out


def _coordinate(place: Place, index: int) -> float | None:
    coordinates = place.center.coordinates if place.center else ()
    return coordinates[index] if len(coordinates) == 2 else None


_PLACES: Layout[Place] = flat_layout(
    {
        "ID": lambda place: place.id,
        "Name": lambda place: place.name,
        "State": lambda place: place.state,
        "Type": lambda place: place.place_type,
        "url_name": lambda place: place.url_name,
    },
    {
        "id": lambda place: place.id,
        "name": lambda place: place.name,
        "url_name": lambda place: place.url_name,
        "county": lambda place: place.county,
        "state": lambda place: place.state,
        "place_type": lambda place: place.place_type,
        "lat": lambda place: _coordinate(place, 1),
        "lng": lambda place: _coordinate(place, 0),
        "html_url": lambda place: place.html_url,
    },
)


async def places(
    lat: float,
    lng: float,
    /,
    *,
    name: str | None = None,
    limit: int = 20,
    rows: RowOptions = ROWS,
    options: SiteOptions = SITE,
) -> int:
    """List the places at a point, nearest first, with the url_name for --place.

    Args:
        lat: Latitude in degrees.
        lng: Longitude in degrees.
        name: Print only the url_name of the place with this name.
        limit: The largest number of places.
    """
    if name is not None:
        async with make_client(options) as client:
            area = await client.places.resolve(name, lat=lat, lng=lng)
        out.print(area.place_url)
        return OK
    with RowWriter(_PLACES, rows) as writer:
        async with make_client(options) as client:
            listing = client.places.near(lat=lat, lng=lng, per_page=min(limit, 100))
            writer.write(await listing.collect(limit))
    return OK
