"""A camera whose index and semaphore a gate is shown, sample by sample."""

from petstream.shm.gate import Gate
from petstream.shm.sample import Sample

__all__ = ["INTERVAL_NS", "MS", "Camera", "counts"]

MS = 1_000_000
INTERVAL_NS = 33 * MS


class Camera:
    """Builds samples and feeds them; index and value begin at 100 and 50 unless told otherwise."""

    def __init__(self, index: int = 100, value: int = 50) -> None:
        self.index, self.value, self.waiters, self.now_ms = index, value, 0, 0
        self.gate = Gate(self.sample())
        self.whole: list[int] = []
        self.torn: list[int] = []

    def sample(self) -> Sample:
        return Sample(self.index, 0, self.value, self.waiters, self.now_ms * MS)

    def look(self, *, claims: int = 0, posts: int = 0, after_ms: int = 1) -> None:
        """Let the writer do something, then feed one sample."""
        self.index += claims
        self.value += posts
        self.now_ms += after_ms
        start = self.gate.released
        release = self.gate.observe(self.sample(), INTERVAL_NS)
        self.torn += counts(start, release.torn_until)
        self.whole += counts(release.torn_until, release.ready_until)

    def frame(self) -> None:
        """One access unit, seen during and after its copy."""
        self.look(claims=1, after_ms=32)
        self.look(posts=1)


def counts(start: int, end: int) -> list[int]:
    """The counts from ``start`` to before ``end``."""
    return list(range(start, end))
