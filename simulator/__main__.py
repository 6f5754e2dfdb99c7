"""``python -m simulator``: the same as ``petstream-sim``."""

import sys

from simulator.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
