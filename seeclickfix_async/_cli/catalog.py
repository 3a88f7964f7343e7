"""The commands of `scf`, with what is known of each before its module is loaded."""

from __future__ import annotations

import attrs

READ, PULL, WRITE, ACCOUNT, TOOLS = (
    "Read",
    "Pull and watch",
    "Report and change",
    "Account",
    "Tools",
)
CHECK_WRITE = "Check whether it was executed before you repeat it."


@attrs.frozen
class Entry:
    """A command.

    Attributes:
        function: Its function, as `module:name` in `_cli.commands`.
        group: The group in the help.
        help: What it does: the first line of its docstring.
        examples: Its arguments in examples.
        changes: Whether it changes something, here or at the service. Its exit code reports the
            change, also if its output is lost; that of other commands reports the output.
        stopped: What to do after Ctrl-C.
    """

    function: str
    group: str
    help: str
    examples: tuple[str, ...]
    changes: bool = False
    stopped: str = ""


COMMANDS = {
    "issues": Entry(
        "read:issues",
        READ,
        "List the newest issues.",
        (
            "--place example-city",
            "--near 41.05 -73.54 500 --status open",
            "--format csv --limit 100",
        ),
    ),
    "show": Entry("read:show", READ, "Show one issue with its comments.", ("1234567",)),
    "places": Entry(
        "places:places",
        READ,
        "List the places at a point, nearest first, with the url_name for --place.",
        ("41.05 -73.54", '41.05 -73.54 --name "Example City"'),
    ),
    "form": Entry(
        "form:form",
        READ,
        "List the request types that are available at a point.",
        ("41.05 -73.54",),
    ),
    "questions": Entry("form:questions", READ, "List the questions of a request type.", ("1234",)),
    "pull": Entry(
        "pull:pull",
        PULL,
        "Pull every issue of an area into FILE, or continue an interrupted pull.",
        (
            "city.db --place example-city",
            "city.db --place example-city --update --quiet",
            "lamps.csv --near 41.05 -73.54 500 --request-type 1234",
        ),
        changes=True,
        stopped="Everything received so far is saved. The same command continues the pull, unless "
        "it is complete.",
    ),
    "watch": Entry(
        "watch:watch",
        PULL,
        "Print the changes to an area's issues until Ctrl-C, oldest first.",
        (
            "--place example-city --cursor feed.json",
            "--place example-city --outbox feed.db --exec ./post",
            "--place example-city --outbox feed.db --notify mailto://user:password@example.com",
        ),
        stopped="With --cursor or --outbox, the same command continues after the last change.",
    ),
    "map": Entry(
        "pull:map_page",
        PULL,
        "Make an HTML page of a pull, with a map, charts and a table, which works offline.",
        ("city.db",),
        changes=True,
    ),
    "demo": Entry(
        "pull:demo",
        PULL,
        "Pull a whole city from a sandbox on this machine into scf-demo.db, and draw its map.",
        ("",),
        changes=True,
    ),
    "report": Entry(
        "report:report",
        WRITE,
        "Report a problem: prompt for missing options, show the report, and send it if confirmed.",
        (
            "--image hole.jpg",
            '--at 41.05 -73.54 --address "1 Main St" --type 1234',
        ),
        changes=True,
        stopped="If you confirmed the report, check whether it exists before you repeat it.",
    ),
    "comment": Entry(
        "comment:comment",
        WRITE,
        "Comment on an issue.",
        ('1234567 "Still there."',),
        changes=True,
        stopped=CHECK_WRITE,
    ),
    "close": Entry(
        "comment:close",
        WRITE,
        "Close an issue with a comment.",
        ('1234567 "It was repaired."',),
        changes=True,
        stopped=CHECK_WRITE,
    ),
    "login": Entry(
        "login:login",
        ACCOUNT,
        "Sign in, in the browser or with a personal access token.",
        ("--token", "--client-id ID", '--register --name "City Bot"'),
        changes=True,
    ),
    "logout": Entry(
        "login:logout",
        ACCOUNT,
        "Delete the token, and revoke it if it is from a login in the browser.",
        ("",),
        changes=True,
    ),
    "whoami": Entry("read:whoami", ACCOUNT, "Show the account that the token belongs to.", ("",)),
    "doctor": Entry(
        "doctor:doctor",
        TOOLS,
        "Check the installation, the settings, the network, the token and the quota.",
        ("", "--json"),
    ),
    "probe": Entry(
        "probe:probe",
        TOOLS,
        "Check what the service does today against what this program assumes.",
        ("--place example-city", "--json"),
    ),
    "api": Entry(
        "api:api",
        TOOLS,
        "Send a request to any path of the API, and print the body of the response.",
        (
            "GET /issues -f per_page=5 -f status=open",
            "POST /issues/1234567/comments --data @c.json",
        ),
        changes=True,
        stopped=CHECK_WRITE,
    ),
    "mcp": Entry(
        "mcp:mcp",
        TOOLS,
        "Serve issues to an assistant over standard input and output (Model Context Protocol).",
        ("", "--allow-write"),
    ),
    "sandbox": Entry(
        "sandbox:sandbox",
        TOOLS,
        "Run a sandbox of the service on this machine until Ctrl-C.",
        ("--limit 0",),
    ),
}
