"""Where access units come from: a clip played in a circle, seen by one camera.

Strategy: a place in the clip and nothing else. Access units that are to be stamped are prepared
once for each clip, for that costs a pass over it.
"""

from simulator.fixture import Fixture
from simulator.stamping import Stampable

__all__ = ["Source"]


class Source:
    """One camera before its clip; one thread uses it.

    Attributes:
        clip: what it sees.
        camera_id, width, height: what is written beside each access unit.
        position: the place in the clip of the next access unit.
    """

    def __init__(
        self, clip: Fixture, *, camera_id: int, width: int, height: int, stamp: bool
    ) -> None:
        self.clip = clip
        self.camera_id = camera_id
        self.width = width
        self.height = height
        self.position = 0
        self._stampable = [Stampable.of(unit) for unit in clip.access_units] if stamp else None

    @property
    def is_at_start(self) -> bool:
        """Whether the next access unit is the clip's first, and so an IDR."""
        return self.position == 0

    def take(self, number: int, capture_ns: int) -> bytes:
        """The next access unit, stamped with these two if the camera stamps."""
        position = self.position
        self.position = (position + 1) % len(self.clip.access_units)
        if self._stampable is None:
            return self.clip.access_units[position]
        return self._stampable[position].stamped(number, capture_ns)
