"""`scf probe`."""

from __future__ import annotations

from seeclickfix_async._cli.exit_codes import FAILED, OK
from seeclickfix_async._cli.options import QUERY, SITE, Flag, QueryOptions, SiteOptions
from seeclickfix_async._cli.session import make_client
from seeclickfix_async._cli.terminal import err, multiline, out, print_raw, set_quiet
from seeclickfix_async.errors import InvalidArgumentError
from seeclickfix_async.probe import probe as probe_service


async def probe(
    *, query: QueryOptions = QUERY, json: Flag = False, options: SiteOptions = SITE
) -> int:
    """Check what the service does today against what this program assumes.

    It sends at most 20 requests, which only read. The report has no personal data, and can be
    attached to a bug report. The exit code is 1 if something differs.

    Args:
        json: Print the report as JSON.
    """
    filters = query.filters()
    if "request_types" in filters:
        raise InvalidArgumentError("request_type", "cannot be used here.")
    async with make_client(options) as client:
        report = await probe_service(client, area=filters.get("area"))
    set_quiet(options.quiet and report.holds)  # what differs is wrong
    if json:
        print_raw(report.to_json() + "\n")
    else:
        (err if options.quiet and not report.holds else out).print(multiline(str(report)))
    return OK if report.holds else FAILED
