"""What all commands of `scf` share."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from rich.console import Console

from seeclickfix_async import PlaceArea
from seeclickfix_async._api.area import Area, BoundingBox, near
from seeclickfix_async._client import TOKEN_VARIABLE
from seeclickfix_async._version import __version__
from seeclickfix_async.errors import InvalidArgumentError

OK, FAILED, MISUSED, INCOMPLETE, LOCKED, INTERRUPTED = 0, 1, 2, 3, 4, 130
"""Exit codes: done; the service or the network failed; wrong arguments; not everything; another
process is writing the file; Ctrl-C."""

PRODUCT = f"scf/{__version__}"

app: App = App(
    name="scf",
    help=f"City service requests from SeeClickFix. A token is read from {TOKEN_VARIABLE}.",
    version=__version__,
    suppress_keyboard_interrupt=False,
    default_parameter=Parameter(negative=()),  # no --no-json, and no --empty-near
)
out: Console = Console()
err: Console = Console(stderr=True, soft_wrap=True)

Site = Annotated[str, Parameter(env_var="SEECLICKFIX_BASE_URL")]
Flag = Annotated[bool, Parameter(show_default=False)]
Json = Flag
Place = str | None
Near = tuple[float, float, float] | None
Box = tuple[float, float, float, float] | None


def parse_area(place: Place, around: Near, box: Box) -> Area | None:
    """The area of the three options, of which one may be given.

    Raises:
        InvalidArgumentError: Several are given, or one is no area.
    """
    given: list[Area] = []
    if place is not None:
        given.append(PlaceArea(place))
    if around is not None:
        given.append(near(*around))
    if box is not None:
        given.append(BoundingBox(*box))
    if len(given) > 1:
        raise InvalidArgumentError("area", "give one of --place, --near and --box.")
    return given[0] if given else None


def nothing_at(place: str) -> int:
    """Say that a place has nothing: the service answers so for a name that it does not know."""
    err.print(
        f"scf: there is nothing at {place!r}. Is it the place's url_name? "
        "scf places LAT LNG lists those around a point.",
        markup=False,
    )
    return INCOMPLETE


def parse_datetime(moment: datetime | None) -> datetime | None:
    """A moment that is UTC unless it says otherwise."""
    return moment.replace(tzinfo=UTC) if moment is not None and not moment.tzinfo else moment


def print_json(value: object) -> None:
    """Print a value on one line."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()
