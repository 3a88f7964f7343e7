"""The public names of a package: loaded on first use, and shown under the package's name."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType


def lazy_getattr(
    package: str, lazy_imports: Mapping[str, Sequence[str]]
) -> Callable[[str], object]:
    """Return the `__getattr__` of a package.

    Args:
        package: The name of the package.
        lazy_imports: The names, by the module that defines them; subpackages by an empty name.
    """
    module_of = {name: module for module, names in lazy_imports.items() for name in names}

    def getattr_(name: str) -> object:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if not module_of[name]:
            return importlib.import_module(f".{name}", package)
        module = importlib.import_module(f".{module_of[name]}", package)
        value: object = getattr(module, name)
        publish(package, [value])
        setattr(sys.modules[package], name, value)
        return value

    return getattr_


def publish(package: str, values: Sequence[object]) -> None:
    """Let reprs, tracebacks, pickles and documentation show a public name.

    Args:
        package: The name of the package.
        values: The objects; only classes and functions of private modules change.
    """
    for value in values:
        if isinstance(value, (type, FunctionType)) and "._" in value.__module__:
            if isinstance(value, type):  # whose annotations are looked up in its module
                import inspect  # noqa: PLC0415  # a third of the time to import the package

                value.__annotations__ = inspect.get_annotations(value, eval_str=True)
            value.__module__ = package
