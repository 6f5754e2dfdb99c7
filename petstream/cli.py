"""The command ``petstream``: one function for each subcommand.

Strategy: settings are read first, and whatever is wrong with them, with a port or with a
directory ends the command with one line on stderr and exit code 2. Flask, aiortc and the rest
are imported inside the commands that need them, so that ``petstream version`` is quick.
"""

import difflib
import os
import resource
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from petstream.config import (
    CommonConfig,
    Config,
    DemoConfig,
    Loaded,
    MonitorConfig,
    help_text,
    load_config,
    settings_as_toml,
)
from petstream.errors import ConfigError, PetstreamError
from petstream.logs import configure_logging
from petstream.version import __version__

__all__ = ["main"]

C = TypeVar("C", bound=CommonConfig)

_STOP_TIMEOUT_S: Final = 4.0
_OPEN_FILES: Final = 8192

_USAGE: Final = """\
usage: petstream COMMAND [flags]

  serve     show the camera to browsers and record it
  monitor   the web page to watch and control it
  demo      a simulated camera, serve and monitor in one go
  remux     make an MP4 of a recording, with its true times
  config    print the settings in force as TOML, with where each came from
  version   print the version

petstream COMMAND -help lists the flags of a command.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: the command line after the program's name; sys.argv if None.

    Returns:
        The exit code: 0 after a clean end, 1 after a fault, 2 for what the user has to put right.
    """
    name, *rest = [*(sys.argv[1:] if arguments is None else arguments)] or [""]
    if name in {"help", "-h", "-help", "--help"}:
        print(_USAGE, end="")
        return 0
    command = _COMMANDS.get("version" if name in {"-version", "--version"} else name)
    if command is None:
        return _fail(_unknown_command(name))
    try:
        return command(rest)
    except ConfigError as error:
        return _fail(str(error))
    except PetstreamError as error:
        return _fail(str(error), 1)
    except KeyboardInterrupt:
        return 130


def _serve(arguments: Sequence[str]) -> int:
    """``petstream serve``: the server, until a signal or a fault that cannot be healed."""
    loaded = _load(Config, arguments, "serve", "Show the camera to browsers and record it.")
    if loaded is None:
        return 0
    from petstream.stop_signals import StopSignals

    signals = StopSignals()
    from petstream.memory import settle
    from petstream.server import Server

    server = Server(loaded.config)
    settle()
    server.start()
    signals.arm(lambda: server.stop(_STOP_TIMEOUT_S))
    code = server.wait()
    if not signals.finish():  # it ended by itself
        server.stop(_STOP_TIMEOUT_S)
    return code


def _monitor(arguments: Sequence[str]) -> int:
    """``petstream monitor``: the web page, until a signal."""
    loaded = _load(MonitorConfig, arguments, "monitor", "Serve the web page.")
    if loaded is None:
        return 0
    from petstream.stop_signals import StopSignals

    signals = StopSignals()
    from petstream.web.monitor import MonitorServer

    stopped = threading.Event()
    faults: list[BaseException] = []

    def on_fault(error: BaseException) -> None:
        faults.append(error)
        stopped.set()

    server = MonitorServer(loaded.config, on_fault=on_fault)
    server.start()
    signals.arm(stopped.set)
    stopped.wait()
    server.close(_STOP_TIMEOUT_S)
    return 1 if faults else 0


def _demo(arguments: Sequence[str]) -> int:
    """``petstream demo``: simulator, serve and monitor as child processes."""
    summary = "A simulated camera, petstream serve and petstream monitor in one go."
    loaded = _load(DemoConfig, arguments, "demo", summary)
    if loaded is None:
        return 0
    from petstream.demo import Demo

    return Demo(loaded.config).run()


def _config(arguments: Sequence[str]) -> int:
    """``petstream config [serve|monitor|demo] [flags]``: the settings in force as TOML."""
    schemas: dict[str, type[CommonConfig]] = {
        "serve": Config,
        "monitor": MonitorConfig,
        "demo": DemoConfig,
    }
    name, *rest = [*arguments] or [""]
    if name not in schemas:
        name, rest = "serve", list(arguments)
    summary = f"Print the settings of petstream {name} as TOML."
    if _asks_for_help(rest):
        print(help_text(schemas[name], "petstream config [serve|monitor|demo] [flags]", summary))
        return 0
    print(settings_as_toml(load_config(schemas[name], rest, os.environ)), end="")
    return 0


def _remux(arguments: Sequence[str]) -> int:
    """``petstream remux FILE [-o OUT]``."""
    from petstream.recording.remux_file import REMUX_USAGE, remux_command

    if _asks_for_help(arguments):
        print(REMUX_USAGE, end="")
        return 0
    return remux_command(arguments)


def _version(arguments: Sequence[str]) -> int:
    """``petstream version``."""
    if arguments:
        raise ConfigError(f"unexpected argument {arguments[0]!r} on the command line")
    print(f"petstream {__version__}")
    return 0


_COMMANDS: Final[dict[str, Callable[[Sequence[str]], int]]] = {
    "serve": _serve,
    "monitor": _monitor,
    "demo": _demo,
    "remux": _remux,
    "config": _config,
    "version": _version,
}


def _load(
    schema: type[C], arguments: Sequence[str], command: str, summary: str
) -> Loaded[C] | None:
    """Settings, with logging set up by them; None once help has been printed."""
    if _asks_for_help(arguments):
        print(help_text(schema, f"petstream {command} [flags]", summary), end="")
        return None
    loaded = load_config(schema, arguments, os.environ)
    config = loaded.config
    configure_logging(config.log_level, config.log_color, format=config.log_format)
    _raise_open_files_limit()
    return loaded


def _asks_for_help(arguments: Sequence[str]) -> bool:
    return any(word in {"-h", "-help", "--help"} for word in arguments)


def _raise_open_files_limit() -> None:
    """A viewer and a connection are files each; the usual soft limit of 1,024 is for select()."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _unknown_command(name: str) -> str:
    if not name:
        return f"a command is needed: {', '.join(_COMMANDS)}; see petstream help"
    close = difflib.get_close_matches(name, _COMMANDS, n=1)
    hint = f"did you mean {close[0]}?" if close else "see petstream help"
    return f"unknown command {name[:60]!r}; {hint}"


def _fail(message: str, code: int = 2) -> int:
    print(f"petstream: {' '.join(message.split())}", file=sys.stderr)
    return code
