"""``python -m petstream`` is the command ``petstream``."""

import sys

from petstream.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
