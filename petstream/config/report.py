"""Settings told to people: the help of a command, and the settings in force as TOML.

Strategy: both are written from the schema; what ``settings_as_toml`` writes can be used as a
file again.
"""

import json
from typing import Any

from petstream.config.loading import Loaded
from petstream.config.option import options_of

__all__ = ["help_text", "settings_as_toml"]


def help_text(schema: type[Any], usage: str, summary: str) -> str:
    """What ``--help`` prints for a command with this schema."""
    lines = [f"usage: {usage}", "", summary, ""]
    for option in options_of(schema).values():
        default = f" (default {option.default})" if option.default else ""
        lines.append(f"  -{option.name} {option.metavar}")
        lines.append(f"        {option.help}{default}")
    lines += [
        "",
        "A flag takes one dash or two, and its value after a space or '='. Every setting also",
        "comes from PETSTREAM_<NAME> and from a TOML file (-config); flags beat the environment,",
        "which beats the file.",
    ]
    return "\n".join(lines) + "\n"


def settings_as_toml(loaded: Loaded[Any]) -> str:
    """The settings in force, one a line, with where each came from as a comment."""
    lines = []
    for name, option in options_of(type(loaded.config)).items():
        value = getattr(loaded.config, name.replace("-", "_"))
        source = " ".join(loaded.sources[name].split())
        if option.secret and value:
            lines.append(f"# {name} is set, and not shown  # {source}")
        elif name == "config":  # a file cannot name a further file
            lines.append(f"# {name} = {_toml_value(value)}  # {source}")
        else:
            lines.append(f"{name} = {_toml_value(value)}  # {source}")
    return "\n".join(lines) + "\n"


def _toml_value(value: object) -> str:
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml_value(str(item)) for item in value) + "]"
    text = "" if value is None else str(value)
    # JSON and TOML strings differ in one character only: TOML wants DEL escaped as well.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
