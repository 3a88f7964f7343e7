"""The checks of this repository: `nox -s tests`, `nox -s lint`, ... `.ci/run` runs all of them."""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path

import nox
from packaging.requirements import Requirement

ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)
OLDEST = PYTHONS[0]

# The tests of what calls dependencies; the others are mostly of our own code.
_OF_DEPENDENCIES = [
    f"tests/{name}"
    for name in (
        *("api/test_unreadable_rows.py", "cli/test_commands.py", "cli/test_output.py"),
        *("cli/test_quiet.py", "cli/test_rows.py", "cli/test_session.py", "cli/test_start.py"),
        *("cli/test_terminal.py", "client", "mcp", "models", "oauth", "otel"),
        *("pull/test_dataset.py", "pull/test_excel.py", "pull/test_parquet.py"),
        *("pull/test_photos.py", "pull/test_sqlite.py", "resources/test_photo_conversion.py"),
        *("resources/test_uploads.py", "sandbox", "testing", "tokens", "transport", "web"),
    )
]

nox.needs_version = ">=2025.5"
nox.options.sessions = ["lint", "layers", "types", "tests"]
nox.options.default_venv_backend = "uv|virtualenv"  # uv, where it is, installs ten times as fast


def _group(*names: str) -> tuple[str, ...]:
    return nox.project.dependency_groups(PYPROJECT, *names)


def _lowest_versions() -> list[str]:
    """Return a pin to the lower bound of each dependency and of those of all extras."""
    extras = PYPROJECT["project"]["optional-dependencies"]
    lines = {*PYPROJECT["project"]["dependencies"], *itertools.chain(*extras.values())}
    return [
        f"{requirement.name}=={bound.version}"
        for requirement in map(Requirement, sorted(lines))
        for bound in requirement.specifier
        if bound.operator == ">="
    ]


def _enter_copy(session: nox.Session) -> None:
    """Change to a copy of what would be committed, so that no other file can help."""
    copy = Path(session.virtualenv.location, "checkout")
    shutil.rmtree(copy, ignore_errors=True)
    command = ("git", "ls-files", "-coz", "--exclude-standard")
    listing = session.run(*command, external=True, silent=True, log=False)
    for name in str(listing).split("\0"):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    session.chdir(copy)


def _enter_checkout(session: nox.Session) -> None:
    """Stay in the working directory, where caches are; in CI, change to a copy."""
    if "CI" in os.environ:
        _enter_copy(session)


def _readme_command(program: str) -> str:
    """Return the README's command line that runs a program."""
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    return next(line for line in lines if program in line)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests; arguments after `--` go to pytest."""
    _enter_checkout(session)
    session.install("-e", ".[all]", *_group("tests", "docs"))
    session.run("pytest", *session.posargs)


@nox.session(python=OLDEST)
def lowest(session: nox.Session) -> None:
    """Run the tests of what uses dependencies with the lowest allowed versions.

    Once: on asyncio, since trio is no dependency.
    """
    _enter_checkout(session)
    constraints = Path(session.virtualenv.location, "lowest.txt")
    constraints.write_text("\n".join(_lowest_versions()), "utf-8")
    session.install("-e", ".[all]", *_group("tests", "docs"), "-c", str(constraints))
    # anyio below 4.16 leaves a socket open when asyncio cancels a task that is connecting.
    sockets = ("unclosed transport <_SelectorSocketTransport", "unclosed <socket.socket")
    tolerated = [f"-Wignore:{message}:ResourceWarning" for message in sockets]
    once = ("-k", "not trio", "--hypothesis-profile=few")
    session.run("pytest", *_OF_DEPENDENCIES, *once, *tolerated, *session.posargs)


@nox.session(python=OLDEST)
def searches(session: nox.Session) -> None:
    """Search many worlds and schedules in our own code, which the tests leave out."""
    _enter_checkout(session)
    session.install("-e", ".[all]", *_group("tests", "docs"))
    session.run("pytest", "-m", "exhaustive", *session.posargs)


@nox.session(python=OLDEST)
def beside(session: nox.Session) -> None:
    """Resolve all extras together with what is pinned or current elsewhere; install nothing."""
    _enter_checkout(session)
    neighbours = ("fastapi", "mcp", "httpx[cli]")
    pins = ".ci/home-assistant.txt"
    session.install("--dry-run", "--quiet", ".[all]", *neighbours, "--constraint", pins)


@nox.session(python=OLDEST)
def lint(session: nox.Session) -> None:
    """Check the style, the format, and the workflows of the forge."""
    _enter_checkout(session)
    session.install(*_group("lint"))
    session.run("zizmor", "--offline", "--persona", "pedantic", ".github")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session(python=OLDEST)
def layers(session: nox.Session) -> None:
    """Check that imports run downwards only."""
    _enter_checkout(session)
    session.install(*_group("lint"))
    session.run("lint-imports")


@nox.session(python=OLDEST)
def types(session: nox.Session) -> None:
    """Check the types, and that the public ones are complete."""
    _enter_checkout(session)
    session.install(".[all]", *_group("tests", "types", "docs"))
    session.run("mypy")
    session.run("mypy", "noxfile.py")
    session.run("pyright")
    session.chdir(session.virtualenv.location)  # away from the sources, to the installed package
    session.run("pyright", "--ignoreexternal", "--verifytypes", "seeclickfix_async")


@nox.session(python=OLDEST)
def wheel(session: nox.Session) -> None:
    """Check the wheel, installed without extras."""
    _enter_checkout(session)
    session.install(".")
    session.run("python", "-P", "-W", "error", "tests/installed_wheel.py")


@nox.session(python=OLDEST)
def package(session: nox.Session) -> None:
    """Build the package into dist/, twice with the same bytes, and check what it contains."""
    _enter_checkout(session)
    session.install(*_group("release"))
    folders = [ROOT / "dist", Path(session.create_tmp(), "dist")]
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        session.run("python", "-m", "build", "--no-isolation", "--outdir", str(folder))
    first, second = (
        {path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders
    )
    if first != second:
        session.error("Two builds of the same files differ.")
    files = [str(path) for path in sorted(folders[0].iterdir())]
    session.run("twine", "check", "--strict", *files)
    session.run("check-wheel-contents", str(folders[0]))


@nox.session(python=OLDEST)
def audit(session: nox.Session) -> None:
    """Look for known vulnerabilities in the dependencies; needs a network."""
    session.install(".[all]", *_group("audit"))
    session.run("pip-audit", "--local", "--skip-editable")


@nox.session(python=OLDEST)
def docs(session: nox.Session) -> None:
    """Build the documentation site into `site/`, as `tests/test_documentation_site.py` does."""
    session.install(*_group("docs"))
    session.run("zensical", "build", "--clean", "--strict")


@nox.session(python=OLDEST)
def recipes(session: nox.Session) -> None:
    """Run the documented recipes with the programs that they are for."""
    _enter_checkout(session)
    session.install(".[cli,parquet,sandbox]", *_group("recipes"))
    own_settings = ("-o", "addopts=", "-o", "filterwarnings=default", "--confcutdir=tests/recipes")
    session.run("pytest", *own_settings, "tests/recipes", *session.posargs)


@nox.session(python=OLDEST)
def demo(session: nox.Session) -> None:
    """Run the README's demo command in a fresh checkout, and compare what it prints."""
    _enter_copy(session)
    command = _readme_command("bin/scf demo")
    printed = str(session.run("sh", "-c", command, external=True, silent=True))
    shown = (ROOT / "README.md").read_text("utf-8").partition(command)[2].split("```")[2]
    if shown not in printed:
        session.error(f"The README shows something else than this:\n{printed}")


@nox.session(python=PYTHONS)
def readme_tests(session: nox.Session) -> None:
    """Run the README's test command in a fresh checkout."""
    _enter_copy(session)
    session.run("sh", "-c", _readme_command("bin/pytest"), external=True)
