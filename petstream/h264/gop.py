"""Groups of pictures: what a newcomer is given, and when a listener may listen.

Strategy: a P slice is worth nothing without every picture back to its IDR. So the cache is either
a whole GOP from its IDR on or empty, and the gate is shut from a loss until the next IDR.
"""

from typing import Generic, Protocol, TypeVar

__all__ = ["GopCache", "GopMember", "IdrGate"]


class GopMember(Protocol):
    """What is needed to keep GOPs whole; an AccessUnit has it, and so has what is made of one."""

    @property
    def size(self) -> int:
        """Bytes of all NAL units."""

    @property
    def is_idr(self) -> bool:
        """Decoding can begin here."""

    @property
    def discontinuity(self) -> bool:
        """Something is missing before it."""


Member = TypeVar("Member", bound=GopMember)


class GopCache(Generic[Member]):
    """The access units since the newest IDR, for viewers that join in mid-GOP.

    A GOP that outgrows either limit is let go as a whole: its beginning would be of no use. So are
    access units after a loss. Not thread-safe: the owner holds its lock around every call.
    """

    def __init__(self, max_bytes: int = 16 * 1024 * 1024, max_units: int = 1024) -> None:
        """Make an empty cache.

        Args:
            max_bytes: NAL unit bytes kept at most; 16 MiB are sixteen seconds at 8 Mbit/s.
            max_units: access units kept at most; 1,024 are 34 seconds at 30 frames a second.
        """
        self._max_bytes = max_bytes
        self._max_units = max_units
        # Empty, or an IDR and what followed it without a gap.
        self._units: list[Member] = []
        # Bytes of the units above.
        self.size = 0
        # GOPs let go because they outgrew a limit; viewers then wait for the next IDR.
        self.overflows = 0

    def __len__(self) -> int:
        return len(self._units)

    def add(self, access_unit: Member) -> None:
        """Take the next access unit of the stream."""
        if access_unit.is_idr:
            self.clear()
        elif access_unit.discontinuity:
            self.clear()
            return
        elif not self._units:
            return
        size = self.size + access_unit.size
        if size > self._max_bytes or len(self._units) >= self._max_units:
            self.clear()
            self.overflows += 1
            return
        self._units.append(access_unit)
        self.size = size

    def units(self) -> tuple[Member, ...]:
        """The GOP so far, its IDR first; empty when there is none to start from."""
        return tuple(self._units)

    def clear(self) -> None:
        """Let go of everything; the next IDR fills it again."""
        self._units.clear()
        self.size = 0


class IdrGate:
    """Lets access units pass from an IDR on until something is lost. Not thread-safe."""

    def __init__(self) -> None:
        # Whether the listener has every picture back to the newest IDR.
        self.is_open = False

    def admit(self, access_unit: GopMember) -> bool:
        """Whether the listener can use this access unit.

        An IDR opens the gate; one that is none, but comes after a loss, shuts it.
        """
        if access_unit.is_idr:
            self.is_open = True
        elif access_unit.discontinuity:
            self.is_open = False
        return self.is_open

    def close(self) -> None:
        """Shut it until the next IDR, because the listener lost an access unit."""
        self.is_open = False
