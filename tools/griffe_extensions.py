"""Extensions of griffe, which reads the package for the reference without running it.

`AttrsConstructors` documents the constructors of attrs classes: griffe knows those of dataclasses.
`ErrorLinks` links errors in docstrings of modules that do not import them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from griffe import (
    Alias,
    Attribute,
    Class,
    Expr,
    ExprCall,
    ExprKeyword,
    Extension,
    Function,
    Module,
    Object,
    Parameter,
    ParameterKind,
    Parameters,
)

_DECORATORS = ("attrs.frozen", "attrs.define")


class AttrsConstructors(Extension):
    """Adds an `__init__` to each attrs class."""

    def on_package(self, *, pkg: Module, **_: Any) -> None:
        """Add the constructors of a package that was loaded."""
        for cls in list(_classes(pkg)):
            if _is_attrs_class(cls) and "__init__" not in cls.members:
                cls.set_member("__init__", _constructor(cls))


class ErrorLinks(Extension):
    """Lets each private module find the errors of the package by name."""

    def on_package(self, *, pkg: Module, **_: Any) -> None:
        """Add the errors to the names of each module; pages list those of public ones."""
        names = [str(name) for name in pkg["errors"].exports or ()]
        for module in _modules(pkg):
            for name in names if "._" in module.path else ():
                if name not in module.members:
                    module.set_member(name, Alias(name, f"{pkg.path}.errors.{name}"))


def _modules(package: Module) -> Iterator[Module]:
    yield package
    for module in package.modules.values():
        if not module.is_alias:
            yield from _modules(module)


def _classes(parent: Object) -> Iterator[Class]:
    for member in parent.members.values():
        if isinstance(member, Class):
            yield member
        if isinstance(member, (Class, Module)):
            yield from _classes(member)


def _is_attrs_class(cls: Class) -> bool:
    return any(decorator.callable_path in _DECORATORS for decorator in cls.decorators)


def _constructor(cls: Class) -> Function:
    parameters = [Parameter("self", kind=ParameterKind.positional_or_keyword)]
    fields = {
        parameter.name: parameter
        for base in reversed([cls, *cls.mro()])
        if _is_attrs_class(base)
        for parameter in _parameters(base)
    }
    # Those without a name come first, as attrs has them.
    parameters += sorted(fields.values(), key=lambda p: p.kind is ParameterKind.keyword_only)
    return Function("__init__", parent=cls, parameters=Parameters(*parameters))


def _parameters(cls: Class) -> Iterator[Parameter]:
    options = [_keywords(decorator.value) for decorator in cls.decorators]
    for attribute in cls.members.values():
        if (
            not isinstance(attribute, Attribute)
            or attribute.annotation is None
            or "instance-attribute" not in attribute.labels  # a property, or a ClassVar
        ):
            continue
        field = {"default": attribute.value}
        if (
            isinstance(attribute.value, ExprCall)
            and attribute.value.canonical_path == "attrs.field"
        ):
            field = _keywords(attribute.value)
        if field.get("init") == "False":
            continue
        named = any(each.get("kw_only") == "True" for each in (*options, field))
        yield Parameter(
            str(field.get("alias", attribute.name.lstrip("_"))).strip("'\""),
            annotation=attribute.annotation,
            kind=ParameterKind.keyword_only if named else ParameterKind.positional_or_keyword,
            default=field.get("default", field.get("factory")),
        )


def _keywords(value: Expr | str | None) -> dict[str, Any]:
    """Return the keyword arguments of a call; their values equal their source as strings."""
    if not isinstance(value, ExprCall):
        return {}
    return {each.name: each.value for each in value.arguments if isinstance(each, ExprKeyword)}
