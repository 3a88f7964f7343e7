"""The application `scf`, and what its commands share: options, exit codes, output."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import App, Parameter

from seeclickfix_async import PlaceArea
from seeclickfix_async._api.area import Area, BoundingBox, near
from seeclickfix_async._api.client_options import SITE_VARIABLE, TOKEN_VARIABLE
from seeclickfix_async._cli.terminal import TerminalConsole, err
from seeclickfix_async._core.credentials import PRODUCTION
from seeclickfix_async._version import __version__
from seeclickfix_async.errors import InvalidArgumentError

OK, FAILED, MISUSED, INCOMPLETE, LOCKED, INTERRUPTED = 0, 1, 2, 3, 4, 130
"""Exit codes: success; the service or the network failed; wrong arguments, or a file that
cannot be used; incomplete results; another process is writing the file; Ctrl-C."""

PRODUCT = f"scf/{__version__}"
MODERATED = "Accepted. It becomes visible when a moderator has approved it."

app: App = App(
    name="scf",
    help=f"City service requests from SeeClickFix. A token is read from {TOKEN_VARIABLE}; it "
    f"belongs to the site of {SITE_VARIABLE}, by default {PRODUCTION}.",
    version=__version__,
    suppress_keyboard_interrupt=False,
    console=TerminalConsole(line_break="\n"),  # prints the help only
    error_console=err,
    default_parameter=Parameter(negative=()),  # no --no-json, and no --empty-near
)

Site = Annotated[str, Parameter(env_var=SITE_VARIABLE)]
Flag = Annotated[bool, Parameter(show_default=False)]
Json = Flag
Place = str | None
Near = tuple[float, float, float] | None
Box = tuple[float, float, float, float] | None


def parse_area(place: Place, around: Near, box: Box) -> Area | None:
    """Return the area of --place, --near or --box, or None without one.

    Raises:
        InvalidArgumentError: There are several, or one is not a valid area.
    """
    areas: list[Area] = []
    if place is not None:
        areas.append(PlaceArea(place))
    if around is not None:
        areas.append(near(*around))
    if box is not None:
        areas.append(BoundingBox(*box))
    if len(areas) > 1:
        raise InvalidArgumentError("area", "use only one of --place, --near and --box.")
    return areas[0] if areas else None


def warn_empty_place(place: str) -> int:
    """Warn that a place has no issues, and return the exit code.

    The service returns an empty list for an unknown name, too.
    """
    err.print(
        f"scf: there are no issues at {place!r}. Is it the place's url_name? "
        "scf places LAT LNG lists the places at a point.",
    )
    return INCOMPLETE


def assume_utc(time: datetime | None) -> datetime | None:
    """Return the time, in UTC if it has no time zone."""
    return time.replace(tzinfo=UTC) if time is not None and not time.tzinfo else time
