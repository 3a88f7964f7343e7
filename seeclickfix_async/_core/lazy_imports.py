"""Package attributes that are imported on first use."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence


def lazy_getattr(
    package: str, lazy_imports: Mapping[str, Sequence[str]]
) -> Callable[[str], object]:
    """Return a `__getattr__` for a package (PEP 562).

    Args:
        package: The name of the package.
        lazy_imports: Attribute names by the submodule that defines them; the key of subpackages
            is the empty string.
    """
    module_of = {name: module for module, names in lazy_imports.items() for name in names}

    def getattr_(name: str) -> object:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if not module_of[name]:
            return importlib.import_module(f".{name}", package)
        module = importlib.import_module(f".{module_of[name]}", package)
        value: object = getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    return getattr_
