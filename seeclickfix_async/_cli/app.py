"""The application `scf`: its commands are loaded when they are called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cyclopts import App, Group, Parameter

from seeclickfix_async._cli.catalog import COMMANDS
from seeclickfix_async._cli.exit_codes import MEANINGS
from seeclickfix_async._cli.terminal import TerminalConsole, err
from seeclickfix_async._version import __version__

PRODUCT = f"scf/{__version__}"

_HELP = (
    "City service requests from SeeClickFix. A token is read from SEECLICKFIX_TOKEN; it belongs to "
    "the site of SEECLICKFIX_BASE_URL or of the configuration file, by default "
    "https://seeclickfix.com. scf COMMAND --help has the options and examples of a command; "
    "scf doctor checks the settings."
)


_GROUPS = {
    name: Group.create_ordered(name)
    for name in dict.fromkeys(entry.group for entry in COMMANDS.values())
}


def load_command(tokens: Sequence[str]) -> str:
    """Load the command of a command line, and return its name; without a command, an empty string.

    Its own help is its docstring; that of the catalog is for the list of commands.
    """
    name = next((token for token in tokens if token in COMMANDS), "")
    if name:
        app[name].help = None
        app[name].help_format = "markdown"  # joins lines, and takes longer to load
    return name


def _list(title: str, lines: Iterable[str]) -> str:
    return "\n".join((f"{title}:", *(f"  {line}" for line in lines)))


def _examples(name: str) -> str:
    examples = (f"scf {name} {arguments}".rstrip() for arguments in COMMANDS[name].examples)
    return _list("Examples", examples).replace("\n", "\\\n")  # line breaks of Markdown


app: App = App(
    name="scf",
    help=_HELP,
    help_epilogue=_list("Exit codes", (f"{code:3}  {text}" for code, text in MEANINGS.items())),
    help_format="plaintext",
    version=__version__,
    version_format="plaintext",
    suppress_keyboard_interrupt=False,
    console=TerminalConsole(line_break="\n"),  # prints the help only
    error_console=err,
    default_parameter=Parameter(negative=()),  # no --no-json, and no --empty-near
)
for _name, _entry in COMMANDS.items():
    app.command(
        f"seeclickfix_async._cli.commands.{_entry.function}",
        name=_name,
        group=_GROUPS[_entry.group],
        help=_entry.help,
        help_epilogue=_examples(_name),
        **({"help_flags": ()} if _name == "sandbox" else {}),  # it prints its own --help
    )
app.command(
    "seeclickfix_async._cli.commands.completion:install_completion",
    name="--install-completion",
    help="Install completion for bash, zsh or fish.",
)
