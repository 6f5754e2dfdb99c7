"""How much room recordings may take, and which have to go: decisions, no I/O.

Strategy: the oldest closed, unprotected recordings go first, a little before a limit is reached, so
that the disk and the quota are never full while something may still be removed. When nothing may,
the limit itself ends a recording, and the distance to it refuses a new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from petstream.recording.entry import Entry

__all__ = ["NO_RETENTION", "Plan", "Retention", "size_text"]

FREE_UNKNOWN: Final = 2**62
MARGIN_MAX: Final = 8 * 2**20  # seconds of any stream


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do.

    Attributes:
        remove: these recordings, in this order.
        tight: why no recording should be begun, once they are removed; None if one may.
        exceeded: why a running one has to end; None if it may go on.
    """

    remove: tuple[Entry, ...] = ()
    tight: str | None = None
    exceeded: str | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """The limits; None is none.

    Attributes:
        quota_bytes: what recordings and their sidecars may take together.
        min_free_bytes: what has to stay free on their disk.
    """

    quota_bytes: int | None = None
    min_free_bytes: int | None = None

    @property
    def is_limited(self) -> bool:
        """There is a limit at all."""
        return self.quota_bytes is not None or self.min_free_bytes is not None

    def plan(self, entries: Sequence[Entry], free_bytes: int | None) -> Plan:
        """Decide, for these recordings (the newest first) and this much free space, if known."""
        free_bytes = FREE_UNKNOWN if free_bytes is None else free_bytes
        used = sum(entry.disk_bytes for entry in entries)
        wanted = max(self._over_quota(used), self._short_of_free(free_bytes))
        remove, gained = _oldest(entries, wanted)
        used, free_bytes = used - gained, free_bytes + gained
        return Plan(
            remove,
            tight=None if gained >= wanted else self._reason(used, free_bytes),
            exceeded=self._reason(used, free_bytes) if self._exceeded(used, free_bytes) else None,
        )

    def _over_quota(self, used: int) -> int:
        if self.quota_bytes is None:
            return 0
        return max(0, used - self.quota_bytes + _margin(self.quota_bytes))

    def _short_of_free(self, free_bytes: int) -> int:
        if self.min_free_bytes is None:
            return 0
        return max(0, self.min_free_bytes + _margin(self.min_free_bytes) - free_bytes)

    def _exceeded(self, used: int, free_bytes: int) -> bool:
        over_quota = self.quota_bytes is not None and used > self.quota_bytes
        return over_quota or (self.min_free_bytes is not None and free_bytes < self.min_free_bytes)

    def _reason(self, used: int, free_bytes: int) -> str:
        if self._over_quota(used) and self.quota_bytes is not None:
            state = f"recordings take {size_text(used)} of {size_text(self.quota_bytes)}"
            setting = "-record-quota"
        else:
            wanted = size_text(self.min_free_bytes or 0)
            state = f"{size_text(free_bytes)} are free, {wanted} have to stay so"
            setting = "-record-min-free"
        return (
            f"{state} ({setting}), and all that is left is protected or being written; "
            "remove recordings, or record in shorter files (-record-segment)"
        )


NO_RETENTION: Final = Retention()


def size_text(size: int) -> str:
    """Bytes for people, such as ``1.5 GiB``."""
    value, unit = float(size), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.1f} {unit}" if unit != "bytes" else f"{size} bytes"


def _margin(limit: int) -> int:
    return min(limit // 8, MARGIN_MAX)


def _oldest(entries: Sequence[Entry], wanted: int) -> tuple[tuple[Entry, ...], int]:
    """The oldest that may be removed, until they make up ``wanted`` bytes, and how many."""
    chosen: list[Entry] = []
    gained = 0
    for entry in reversed(entries):
        if gained >= wanted:
            break
        if entry.is_closed and not entry.protected:
            chosen.append(entry)
            gained += entry.disk_bytes
    return tuple(chosen), gained
