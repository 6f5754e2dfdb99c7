"""petstream's commands with less patience for viewers: `python -m tests.impatient serve ...`.

The gate does not sit through the limits that the product has; the night does.
"""

import sys
from typing import Final

from petstream.cli import main
from petstream.webrtc import viewers
from tests.scale import scaled

__all__ = ["CONNECT_S", "SILENCE_S"]

CONNECT_S: Final = scaled(2.0, viewers.CONNECT_TIMEOUT_S)
SILENCE_S: Final = scaled(6.0, viewers.SILENCE_TIMEOUT_S)


if __name__ == "__main__":
    limits = {"CONNECT_TIMEOUT_S": CONNECT_S, "SILENCE_TIMEOUT_S": SILENCE_S}
    for name, limit_s in limits.items():
        setattr(viewers, name, limit_s)
    sys.exit(main(sys.argv[1:]))
