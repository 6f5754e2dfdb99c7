"""``petstream-sim``: the simulated camera on the command line.

Strategy: the camera runs in a thread of its own; this thread shows what it does and waits for a
signal. The signals that end the program are blocked and fetched, not handled, so that none of
them can interrupt anything half done: the segment is unlinked on every way out.
"""

import argparse
import random
import signal
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final, NoReturn

from petstream.errors import PetstreamError
from simulator.camera import Camera
from simulator.detections import DEFAULT_DETECTIONS
from simulator.fixture import fixture_names
from simulator.progress import Progress
from simulator.ring_writer import DEFAULT_SEGMENT
from simulator.scenario import SCENARIOS, Timeline, compose, parse_timeline

__all__ = ["main"]

_PROGRAM: Final = "petstream-sim"
_INT32_MAX: Final = 2**31 - 1
_RATE_MAX: Final = 100_000
_SEED_MAX: Final = 1_000_000
_END_SIGNALS: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
_LOOK_EVERY_S: Final = 0.1

_DESCRIPTION: Final = """\
Play an H.264 clip into the shared-memory ring, in place of a camera daemon.

The segment is made if there is none, and unlinked at the end; one that is there is taken over,
and stays. While frame_interval_ms in the segment is not 0, it sets the pace instead of --fps
and --speed.

With --scenario things go wrong. What and when is printed on stdout as TOML; that text in a file,
given to --scenario, does the same again.
"""


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulator; 0 after a clean end, 1 after an error, 2 for bad arguments."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.list_scenarios:
        _list_scenarios()
        return 0
    if options.clip is None and options.scenario is None:
        parser.error("a clip or --scenario is needed")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _END_SIGNALS)
    try:
        return _play(options)
    except (PetstreamError, OSError) as error:
        print(f"{_PROGRAM}: {error}", file=sys.stderr)
        return 1
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _play(options: argparse.Namespace) -> int:
    scenario = _scenario(options.scenario, options.seed)
    if scenario is not None and (options.dry_run or not options.quiet):
        print(scenario.to_toml(), end="", flush=True)
    if options.dry_run:
        return 0
    camera = Camera(
        options.clip,
        scenario=scenario,
        shm=options.shm,
        loop=options.loop,
        fps=options.fps,
        speed=options.speed,
        width=options.width,
        height=options.height,
        camera_id=options.camera_id,
        stamp=options.stamp,
        count=options.count,
        detections=options.detections,
    )
    progress = Progress(camera, quiet=options.quiet)
    with camera:
        progress.begin()
        try:
            while camera.is_running:
                # After a SIGCONT Python returns a signal that is none.
                caught = signal.sigtimedwait(_END_SIGNALS, _LOOK_EVERY_S)
                if caught is not None and caught.si_signo in _END_SIGNALS:
                    break
                progress.update()
        finally:
            progress.end()
    progress.summary()
    return 0


def _scenario(source: str | None, seed: int | None) -> Timeline | None:
    """The timeline that an argument means: a file, or names with commas between them."""
    if source is None:
        return None
    if source.endswith(".toml") or "/" in source:
        return parse_timeline(Path(source), seed=seed)
    drawn = random.SystemRandom().randrange(_SEED_MAX) if seed is None else seed
    return compose(source.split(","), drawn)


def _list_scenarios() -> None:
    width = max(map(len, SCENARIOS))
    for name, scenario in SCENARIOS.items():
        print(f"{name:<{width}}  {scenario.summary}")


def _parser() -> _Parser:
    parser = _Parser(
        prog=_PROGRAM,
        description=_DESCRIPTION,
        epilog=f"clips that come with petstream: {', '.join(fixture_names()) or 'none'}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("clip", nargs="?", help="a raw .h264 file, or the name of a clip (default: the scenario's)")
    add("--shm", metavar="NAME", default=DEFAULT_SEGMENT, help="segment (default: %(default)s)")
    add("--loop", action="store_true", help="begin again when the clip is over")
    add("--fps", type=_rate, metavar="RATE", help="access units a second (default: the clip's)")
    add("--speed", type=_rate, metavar="FACTOR", default=Fraction(1), help="multiplies the rate")
    add("--count", type=_positive, metavar="N", help="stop after N access units")
    add("--stamp", action="store_true", help="add an SEI with number, capture time and CRC")
    add("--width", type=_positive, metavar="PIXELS", help="width to write (default: the clip's)")
    add("--height", type=_positive, metavar="PIXELS", help="height to write (default: likewise)")
    add("--camera-id", type=_camera_id, metavar="N", default=0, help="camera id (default: 0)")
    add("--scenario", metavar="NAMES|FILE", help="what goes wrong: names with commas, or a .toml")
    add("--seed", type=_seed, metavar="N", help="draws the scenario's places (default: any)")
    add("--list-scenarios", action="store_true", help="print the scenarios and end")
    add("--dry-run", action="store_true", help="print the scenario's timeline and end")
    add(
        "--detections",
        metavar="NAME",
        nargs="?",
        const=DEFAULT_DETECTIONS,
        help="write the boxes of what moves as well (segment: %(const)s)",
    )
    add("--quiet", action="store_true", help="print nothing but errors")
    return parser


def _rate(text: str) -> Fraction:
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= _RATE_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number over 0 and up to {_RATE_MAX}")
    return rate


def _positive(text: str) -> int:
    return _integer(text, 1)


def _camera_id(text: str) -> int:
    return _integer(text, 0)


def _seed(text: str) -> int:
    return _integer(text, 0)


def _integer(text: str, lowest: int) -> int:
    # isdecimal() also keeps out what int() would take: blanks, underscores and a sign.
    value = int(text) if text.isascii() and text.isdecimal() and len(text) <= 10 else -1
    if not lowest <= value <= _INT32_MAX:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number from {lowest} to {_INT32_MAX}"
        )
    return value
