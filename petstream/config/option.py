"""A setting is declared once, as a field of a frozen dataclass.

Strategy: ``option()`` hangs everything that flags, environment, file and help need on the
dataclass field itself, so that there is no second list to keep true. Every source speaks text;
the default is text too and goes through the same parser.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["PREFIX", "Option", "environment_key", "option", "options_of"]

T = TypeVar("T")

PREFIX = "PETSTREAM_"

_METADATA_KEY = "petstream.option"


@dataclass(frozen=True, slots=True)
class Option:
    """What is known of one setting.

    Attributes:
        parse: turns text into the value; raises ValueError that says what was wrong.
        default: the default as text.
        metavar: what stands for the value in the help.
        help: one line.
        many: the value is a comma-separated list, and a repeated flag adds to it.
        bare: what a flag without a value means; None if it needs one.
        secret: the value may hold a password and is never shown.
        name: as in flags and in the file, with dashes; from the field's name.
    """

    parse: Callable[[str], object]
    default: str
    metavar: str
    help: str
    many: bool = False
    bare: str | None = None
    secret: bool = False
    name: str = ""


def option(
    parse: Callable[[str], T],
    default: str,
    metavar: str,
    help: str,
    *,
    many: bool = False,
    bare: str | None = None,
    secret: bool = False,
) -> T:
    """A dataclass field that is a setting; its default is what ``parse`` makes of ``default``."""
    described = Option(parse, default, metavar, help, many, bare, secret)
    # dataclasses.field() is typed as its default, which is what the annotation needs.
    field: T = dataclasses.field(default=parse(default), metadata={_METADATA_KEY: described})
    return field


def options_of(schema: type[Any]) -> dict[str, Option]:
    """The settings of a dataclass by name, its own before those it inherits."""
    classes = [vars(cls).get("__annotations__", {}) for cls in schema.__mro__]
    fields = {field.name: field for field in dataclasses.fields(schema)}
    found = {}
    for key in dict.fromkeys(key for annotations in classes for key in annotations):
        name = key.replace("_", "-")
        found[name] = dataclasses.replace(fields[key].metadata[_METADATA_KEY], name=name)
    return found


def environment_key(name: str) -> str:
    """The variable that sets an option, such as ``PETSTREAM_RECORD_PATH`` for ``record-path``."""
    return PREFIX + name.replace("-", "_").upper()
