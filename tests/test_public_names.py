"""What is public: the folder, the names of each package, and where they say that they come from."""

from __future__ import annotations

import ast
import importlib
import pickle
import pkgutil
import types
from pathlib import Path

import pytest

import seeclickfix_async

_FOLDER = Path(seeclickfix_async.__file__).parent
_PACKAGES = (
    "errors",
    "events",
    "mcp",
    "models",
    "oauth",
    "otel",
    "probe",
    "pull",
    "sandbox",
    "testing",
    "tokens",
    "web",
)
_LAZY = (
    "seeclickfix_async",
    "seeclickfix_async.events",
    "seeclickfix_async.testing",
    "seeclickfix_async.tokens",
)


def _names_for_type_checkers(module: types.ModuleType) -> set[str]:
    """The names that the TYPE_CHECKING block of a module imports."""
    tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
    (block,) = (
        node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node)
    )
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in imports for alias in node.names}


def test_the_folder_shows_what_is_public() -> None:
    modules = {module.name for module in pkgutil.iter_modules([str(_FOLDER)])}

    assert {name for name in modules if not name.startswith("_")} == {*_PACKAGES}


@pytest.mark.parametrize("package", [f"seeclickfix_async.{name}" for name in _PACKAGES])
def test_modules_of_a_public_package_are_private(package: str) -> None:
    folder = Path(str(importlib.import_module(package).__file__)).parent
    modules = {path.stem for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()}

    public = {"fastapi"} if package == "seeclickfix_async.web" else set()  # needs its own extra
    assert {name for name in modules if not name.startswith("_")} == public


@pytest.mark.parametrize("package", _LAZY)
def test_lazy_imports_all_and_the_type_checkers_names_are_the_same(package: str) -> None:
    module = importlib.import_module(package)
    lazy = {name for names in vars(module)["_LAZY_IMPORTS"].values() for name in names}

    assert lazy == set(module.__all__) - {"__version__"}
    assert lazy == _names_for_type_checkers(module)


@pytest.mark.parametrize(
    "package", ["seeclickfix_async", *(f"seeclickfix_async.{p}" for p in _PACKAGES)]
)
def test_all_names_everything_public_of_a_package(package: str) -> None:
    module = importlib.import_module(package)
    for name in module.__all__:
        getattr(module, name)
    public = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and name not in {"annotations", "TYPE_CHECKING"}
        and not (isinstance(value, types.ModuleType) and name not in module.__all__)
        and getattr(value, "__module__", package).startswith("seeclickfix_async")
    }

    assert public - {"lazy_getattr", "publish", "requires_extra"} <= set(module.__all__)
    assert len(set(module.__all__)) == len(module.__all__)


@pytest.mark.parametrize(
    "package", ["seeclickfix_async", *(f"seeclickfix_async.{p}" for p in _PACKAGES)]
)
def test_public_classes_and_functions_show_a_public_module(package: str) -> None:
    module = importlib.import_module(package)
    values = [getattr(module, name) for name in module.__all__]
    classes = [value for value in values if isinstance(value, (type, types.FunctionType))]

    assert classes
    assert [value for value in classes if "._" in value.__module__] == []


def test_a_published_class_is_pickled_by_its_public_name() -> None:
    content = pickle.dumps(seeclickfix_async.BoundingBox(41.0, -73.6, 41.2, -73.4))

    assert b"seeclickfix_async._" not in content
    assert pickle.loads(content) == seeclickfix_async.BoundingBox(41.0, -73.6, 41.2, -73.4)
