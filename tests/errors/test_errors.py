"""The tree of errors: its docstring, codes, pickles and messages."""

from __future__ import annotations

import ast
import inspect
import pickle
import re
import textwrap

import pytest

import seeclickfix_async
from seeclickfix_async import errors
from seeclickfix_async.errors import AuthorizationError, SeeClickFixError
from seeclickfix_async.errors._counting import counted
from tests.support.error_samples import SAMPLES
from tests.support.repository import ROOT

_CLASSES = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, SeeClickFixError)
]


def test_the_docstring_lists_every_error_with_its_code() -> None:
    lines = [re.sub(r"[^\w ]", " ", line).split() for line in (errors.__doc__ or "").splitlines()]
    listed = {line[0]: line[1] for line in lines if len(line) > 1 and line[0].endswith("Error")}
    own = {cls.__name__: cls.code for cls in _CLASSES if not issubclass(cls, AuthorizationError)}

    assert own.items() <= listed.items()
    assert {cls.__name__ for cls in _CLASSES} == set(listed)


def test_the_page_says_what_to_do_for_each_error_and_code() -> None:
    page = (ROOT / "docs/reference/errors.md").read_text("utf-8")
    _, tree, _, codes, _ = (inspect.getdoc(errors) or "").split("\n\n")

    named = re.findall(r"^\W*(\w+) ", f"{tree}\n{codes}", re.MULTILINE)
    assert textwrap.dedent(tree) in page
    assert re.findall(r"^\| `(\w+)` \| .+ \|$", page, re.MULTILINE) == named


def test_every_class_has_a_unique_code() -> None:
    codes = [cls.code for cls in _CLASSES if not issubclass(cls, AuthorizationError)]

    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", code) for code in codes)


def test_the_docstring_lists_every_code_that_an_error_is_created_with() -> None:
    package = ROOT / seeclickfix_async.__name__
    trees = [ast.parse(path.read_text("utf-8")) for path in package.rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    keywords = [
        keyword.value
        for call in calls
        if ast.unparse(call.func).endswith("Error")
        for keyword in call.keywords
        if keyword.arg == "code"
    ]
    codes = {str(ast.literal_eval(value)) for value in keywords if isinstance(value, ast.Constant)}

    assert codes >= {"ambiguous_name", "pull_complete"}
    assert [code for code in codes if f"    {code} " not in (errors.__doc__ or "")] == []


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_pickles_with_its_data(error: SeeClickFixError) -> None:
    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert type(error).__module__ == errors.__name__  # the public module, not the defining one
    assert str(copy) == str(error)
    assert copy.code == error.code
    assert vars(copy) == vars(error)


def test_there_is_a_sample_of_every_error() -> None:
    concrete = {cls for cls in _CLASSES if not cls.__subclasses__()}

    assert concrete <= {type(error) for error in SAMPLES}


def test_str_is_the_message_followed_by_the_advice() -> None:
    error = errors.ConnectionFailedError("Gone.", advice="Check base_url.", route="GET /issues")

    assert str(error) == "GET /issues: Gone. Check base_url."
    assert (error.message, error.advice) == ("GET /issues: Gone.", "Check base_url.")
    assert str(errors.AuthorizationError("busy", "Later.", "Wait.")) == (
        "The provider refused: busy. Later. Wait."
    )


def test_an_error_can_replace_the_code_of_its_class() -> None:
    error = errors.NotFoundError("no", code="unknown_path")

    assert (error.code, errors.NotFoundError.code) == ("unknown_path", "not_found")
    assert errors.AuthorizationError("invalid_scope").code == "invalid_scope"


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 rows"), (1, "1 row"), (1.0, "1 row"), (0.5, "0.5 rows"), (2000, "2,000 rows")],
)
def test_counted_uses_the_singular_for_one_only(number: float, words: str) -> None:
    assert counted(number, "row") == words


def test_usage_errors_are_also_builtin_exceptions() -> None:
    assert issubclass(errors.InvalidArgumentError, ValueError)
    assert issubclass(errors.ClosedClientError, RuntimeError)


def test_each_refused_input_has_its_reasons_by_field() -> None:
    for error in (
        errors.InvalidArgumentError("image", "is too large."),
        errors.InvalidDraftError({"image": ["is too large."]}),
        errors.ValidationError("refused", errors={"image": ["is too large."]}),
    ):
        assert error.errors == {"image": ["is too large."]}
        assert pickle.loads(pickle.dumps(error)).errors == error.errors
