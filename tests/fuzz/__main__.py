"""``python -m tests.fuzz TARGET [libFuzzer options] [corpus folders]``: fuzz one target.

Strategy: coverage of petstream's own code guides the fuzzer (atheris), so only that is
instrumented, and it has to be before it is imported. New inputs go to the first folder.
"""

import sys

import atheris

with atheris.instrument_imports(include=["petstream"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Fuzz until something is found, or the options say that it is enough."""
    name, *options = sys.argv[1:] or [""]
    if name not in TARGETS:
        sys.exit(f"no target {name!r}, choose from: {', '.join(TARGETS)}")
    atheris.Setup([sys.argv[0], *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
