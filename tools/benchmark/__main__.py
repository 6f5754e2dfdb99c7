"""The command line of ``tools/bench``."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.benchmark.counter import compile_counter
from tools.benchmark.plan import Load, Plan, carry_out
from tools.benchmark.plot import render_svg
from tools.benchmark.profiler import Profiler
from tools.benchmark.report import (
    machine,
    render_json,
    render_slopes,
    render_table,
    render_threads,
    render_write,
)
from tools.benchmark.run import measure
from tools.benchmark.servers import POLLING_STOCK, STOCK, THIS, Subject
from tools.benchmark.streams import make_stream

SUBJECTS: Final = {
    "petstream": (THIS,),
    "stock": (STOCK,),
    "both": (THIS, STOCK),
    "all": (THIS, STOCK, POLLING_STOCK),
}
VIEWERS_SHORT: Final = (0, 1, 5, 10)
VIEWERS_FULL: Final = (0, 1, 5, 10, 50)
VIEWERS_OF_LOADS: Final = 10
BIT_RATES_MBPS: Final = (1.0, 5.0, 20.0)  # beside the 8 of the default
GOP_LENGTHS: Final = (10, 60, 150)  # beside 30
LOADS: Final = (
    *(Load(VIEWERS_OF_LOADS, mbps=mbps) for mbps in BIT_RATES_MBPS),
    *(Load(VIEWERS_OF_LOADS, gop=gop) for gop in GOP_LENGTHS),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print what was found; 1 if the sender that counts could not be measured once."""
    options = _parse(arguments)
    with tempfile.TemporaryDirectory() as directory:
        library = compile_counter(Path(directory))
        if options.profile:
            profiler = Profiler(options.seconds, Path(directory))
            stream, viewers = make_stream(), max(options.viewers)
            measure(THIS, stream, viewers, options.seconds, library, profiler.watch)
            print(profiler.render())
            return 0
        plan = _plan(options)
        every, medians = carry_out(plan, library)
    if not medians:
        print("nothing could be measured: see above why", file=sys.stderr)
        return 1
    described = ", ".join(f"{name} {value}" for name, value in machine().items())
    print(f"{described}; 8 Mbps, GOP 30; {plan.runs} runs of {plan.seconds:g} s, medians\n")
    print(render_table(medians), render_slopes(medians), render_write(medians), sep="\n\n")
    if options.threads:
        print("", render_threads(medians), sep="\n")
    if options.json is not None:
        options.json.write_text(render_json(every, medians))
    if options.plot is not None:
        options.plot.write_text(render_svg([m for m in medians if m.load_is_default]))
    measured = sum(row.subject == plan.subjects[0].name for row in every)
    return int(measured < plan.runs * (len(plan.loads) + len(plan.more_loads)))


def _plan(options: argparse.Namespace) -> Plan:
    subjects = SUBJECTS[options.sender]
    if options.repository is not None:
        subjects = (*subjects, Subject("other", options.repository.resolve()))
    return Plan(
        subjects=subjects,
        loads=[Load(viewers) for viewers in options.viewers],
        more_loads=LOADS if options.loads else (),
        runs=options.runs,
        seconds=options.seconds,
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/bench", description="Measure petstream: CPU, memory and latency over viewers."
    )
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--short", action="store_true", help="0 to 10 viewers, once (the default)")
    mode.add_argument("--full", action="store_true", help="0 to 50 viewers, and all loads, 3 times")
    mode.add_argument("--profile", action="store_true", help="where the CPU goes, by py-spy")
    parser.add_argument(
        "--sender",
        choices=SUBJECTS,
        default="both",
        help="stock is aiortc's own; all: also with a reader that looks each millisecond",
    )
    parser.add_argument("--repository", type=Path, help="another checkout to measure beside this")
    parser.add_argument("--viewers", type=_numbers, help="such as 0,1,10")
    parser.add_argument("--seconds", type=float, help="of each measurement")
    parser.add_argument("--runs", type=int, help="of everything")
    parser.add_argument(
        "--loads", action="store_true", default=None, help="also over bit rate and GOP length"
    )
    parser.add_argument("--threads", action="store_true", help="CPU by thread as well")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    parser.add_argument("--plot", type=Path, help="a file for the plot, SVG")
    options = parser.parse_args(arguments)
    defaults = (VIEWERS_FULL, 30.0, 3, True) if options.full else (VIEWERS_SHORT, 10.0, 1, False)
    for name, default in zip(("viewers", "seconds", "runs", "loads"), defaults, strict=True):
        if getattr(options, name) is None:
            setattr(options, name, default)
    return options


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
