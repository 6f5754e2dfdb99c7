"""From flags, environment and file to one settings object.

Strategy: each source is read into text by name, together with the words that say where it stood;
then they are laid over each other, flags over environment over file over default, and every text
is parsed once. The first thing wrong ends it with a ConfigError of one line.
"""

import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from petstream.config.option import PREFIX, Option, environment_key, options_of
from petstream.config.settings import CommonConfig, Config, DemoConfig, MonitorConfig
from petstream.config.values import path
from petstream.errors import ConfigError

__all__ = ["Loaded", "load_config"]

C = TypeVar("C", bound=CommonConfig)

# A file or an environment may be shared by all commands, so that a setting which only another
# command has is passed over rather than refused.
_ALL_NAMES = frozenset(
    name for schema in (Config, MonitorConfig, DemoConfig) for name in options_of(schema)
)


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a setting and where it stood."""

    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Loaded(Generic[C]):
    """Settings, and where each came from.

    Attributes:
        config: the settings.
        sources: by name, such as ``{"http": "flag -http"}``; ``default`` where nobody set it.
    """

    config: C
    sources: Mapping[str, str]


def load_config(
    schema: type[C], arguments: Sequence[str], environment: Mapping[str, str]
) -> Loaded[C]:
    """Settings from all sources: flags beat the environment, which beats the file.

    Args:
        schema: Config, MonitorConfig or DemoConfig.
        arguments: the command line after the command's name.
        environment: such as os.environ; only what begins with PETSTREAM_ is looked at.

    Raises:
        ConfigError: a key is unknown or a value bad; names key, value and source in one line.
    """
    options = options_of(schema)
    flags = _read_flags(options, arguments)
    variables = _read_environment(options, environment)
    found = variables | flags
    config_file = found.get("config")
    if config_file is not None and config_file.text:
        found = _read_file(options, config_file) | found
    values: dict[str, Any] = {}
    sources = {}
    for name, option in options.items():
        given = found.get(name, Text(option.default, "default"))
        values[name.replace("-", "_")] = _parse(option, given)
        sources[name] = given.source
    return Loaded(schema(**values), sources)


def _parse(option: Option, given: Text) -> object:
    try:
        return option.parse(given.text)
    except ValueError as error:
        value = "(hidden)" if option.secret else shorten(given.text)
        raise ConfigError(
            f"bad value {value} for {option.name} from {given.source}: {error}"
        ) from None


def _read_flags(options: Mapping[str, Option], arguments: Sequence[str]) -> dict[str, Text]:
    found: dict[str, Text] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        dashes = "--" if word.startswith("--") else "-"
        name, equals, text = word.removeprefix(dashes).partition("=")
        if not word.startswith("-") or not name:
            raise ConfigError(f"unexpected argument {shorten(word)} on the command line")
        option = options.get(name)
        if option is None:
            raise ConfigError(
                f"unknown flag {shorten(dashes + name)}{_hint(name, options, dashes)}"
            )
        if not equals:
            if option.bare is not None and (not rest or rest[0].startswith("-")):
                text = option.bare
            elif rest:
                text = rest.pop(0)
            else:
                raise ConfigError(f"flag {dashes}{name} needs a value ({option.metavar})")
        source = f"flag {dashes}{name}"
        if option.many and name in found:
            text = f"{found[name].text},{text}"
        found[name] = Text(text, source)
    return found


def _read_environment(
    options: Mapping[str, Option], environment: Mapping[str, str]
) -> dict[str, Text]:
    found = {}
    known = {environment_key(name): name for name in _ALL_NAMES | options.keys()}
    for key, text in sorted(environment.items()):
        if not key.startswith(PREFIX):
            continue
        if key not in known:
            hint = _hint(key, known, "")
            raise ConfigError(f"unknown setting {key}={shorten(text)} in the environment{hint}")
        if known[key] in options:
            found[known[key]] = Text(text, f"environment {key}")
    return found


def _read_file(options: Mapping[str, Option], config_file: Text) -> dict[str, Text]:
    where = f"file {config_file.text}"
    found = {}
    for key, value in _load_toml(config_file).items():
        name = key.replace("_", "-")
        if name not in _ALL_NAMES | options.keys() or name == "config":
            hint = _hint(name, options, "")
            raise ConfigError(f"unknown setting {shorten(key)} = {shorten(value)} in {where}{hint}")
        if name in found:
            raise ConfigError(f"setting {name} stands twice in {where}, also with underscores")
        if name in options:
            found[name] = Text(_text_of(options[name], value, where), where)
    return found


def _load_toml(config_file: Text) -> dict[str, object]:
    try:
        return tomllib.loads(path(config_file.text).read_bytes().decode("utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        reason = " ".join(str(error).split())
    raise ConfigError(
        f"bad value {shorten(config_file.text)} for config from {config_file.source}: {reason}"
    )


def _text_of(option: Option, value: object, where: str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    if option.many and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    shown = "(hidden)" if option.secret else shorten(value)
    kind = "a text or a list of texts" if option.many else "a single value"
    raise ConfigError(f"bad value {shown} for {option.name} from {where}: must be {kind}")


def _hint(name: str, known: Iterable[str], prefix: str) -> str:
    close = difflib.get_close_matches(name[:64], known, n=1)
    return f"; did you mean {prefix}{close[0]}?" if close else ""


def shorten(value: object) -> str:
    """The value as Python writes it, on one line and at most 80 characters long.

    What is too long loses its middle: a path is recognised by its end.
    """
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:38]}...{text[-39:]}"
