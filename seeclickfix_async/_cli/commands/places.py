"""`scf places`."""

from __future__ import annotations

from rich.table import Table

from seeclickfix_async._cli.app import OK, Json, Site
from seeclickfix_async._cli.session import make_client
from seeclickfix_async._cli.terminal import out, print_json_lines
from seeclickfix_async._core.credentials import PRODUCTION


async def places(
    lat: float,
    lng: float,
    /,
    *,
    name: str | None = None,
    limit: int = 20,
    base_url: Site = PRODUCTION,
    json: Json = False,
) -> int:
    """List the places at a point, nearest first, with the url_name for --place.

    Args:
        lat: Latitude in degrees.
        lng: Longitude in degrees.
        name: Print only the url_name of the place with this name.
        limit: The largest number of places.
        base_url: The service's address.
        json: Print one place per line as JSON.
    """
    async with make_client(base_url) as client:
        if name is not None:
            area = await client.places.resolve(name, lat=lat, lng=lng)
            out.print(area.place_url)
            return OK
        found = await client.places.near(lat=lat, lng=lng, per_page=min(limit, 100)).collect(limit)
    if json:
        print_json_lines(found)
        return OK
    table = Table("ID", "Name", "State", "Type", "url_name", box=None)
    for place in found:
        cells = (place.name, place.state, place.place_type, place.url_name)
        table.add_row(str(place.id), *(cell or "" for cell in cells))
    out.print(table)
    return OK
