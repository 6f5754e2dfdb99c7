"""When to look at the ring next.

Strategy: nothing may wait on the daemon's semaphore, so the reader looks; this module says when. It
learns the camera's interval and aims at the moment when the next slot may well be ready: a look
that finds it moves the aim ahead, one that comes too early moves it back by less, each by as much
as the camera's jitter asks for. Once the aim has been good for a while, a look that came too early
moves it by four times as much as one that did not, so that four of five looks are the first and the
last for their slot: the next look costs more than the tenth of a millisecond that it saves. Where
jitter is great, and so is what it saves, both move it alike. A look that came too early is repeated
soon, then ever more rarely. Time comes in as an argument; nothing here sleeps or reads a clock.
"""

from collections import deque
from statistics import median
from typing import Final

__all__ = ["DEFAULT_INTERVAL_NS", "Cadence"]

_US: Final = 1_000
_MS: Final = 1_000_000

DEFAULT_INTERVAL_NS: Final = 33_333_333  # frame_interval_ms 0 means 30 fps

_FINE_NS: Final = 150 * _US  # between looks while the slot is due
_EAGER_NS: Final = 100 * _US  # fine enough to meet a copy of 3.1 MB under way
_LEAD_NS: Final = 500 * _US  # how long before the aim to be awake for that
_STEP_NS: Final = 15 * _US  # the least by which the aim moves
_SPARING_NS: Final = 600 * _US  # behind the aim on average; where it is more, a look is worth it
_STEADY: Final = 60  # slots met without a jump of the aim
_SELDOM: Final = 30  # slots of a known camera, before its interval is worked out anew
_RUN: Final = 8  # finds in a row that chance explains; more say that the aim is far behind
_LONG_RUN: Final = 20  # the same where four of five looks are to be finds
_IDLE_NS: Final = 20 * _MS  # the camera paused
_STUCK_NS: Final = 10 * _MS  # it paused in mid-copy: it may have died and be started again
_AWAY_NS: Final = 50 * _MS  # the camera is gone
_AWAY_AFTER_NS: Final = 5_000 * _MS
_GAP_NS: Final = 2_000 * _MS  # longer than any interval: a pause, nothing to learn from
_HINT_MAX_MS: Final = 60_000  # a frame a minute; what is above it is not meant as an interval
_ENOUGH: Final = 3  # gaps, before their mean is better than the hint
_AIMED_PERIODS: Final = 4  # after so many silent periods the phase is no longer worth aiming at


class Cadence:
    """The camera's rhythm as the reader sees it.

    Attributes:
        interval_ns: between two access units: the mean of the last few, before that the hint.
    """

    def __init__(self, now_ns: int) -> None:
        self._hint_ns = self.interval_ns = DEFAULT_INTERVAL_NS
        self._aim_ns = now_ns + self.interval_ns  # when the next slot should be ready
        self._sign_ns = now_ns  # the camera's last sign of life
        self._arrived_ns = now_ns  # when the last slot became ready, as far as it is known
        self._missed = False  # the first look for the next slot came too early
        self._finds = 0  # in a row, each by the first look for its slot
        self._steady = 0  # slots since the aim had to jump
        self._unlearned = 0  # slots since the interval was worked out
        self._late_ns = 0  # behind the aim, on average of the slots that were not found at once
        self._gaps: deque[tuple[int, int]] = deque(maxlen=31)  # a second's: time, and slots in it

    def hint(self, frame_interval_ms: int) -> None:
        """Take the ring's own ``frame_interval_ms``; a new value discards what was learned."""
        hint_ns = DEFAULT_INTERVAL_NS
        if 0 < frame_interval_ms <= _HINT_MAX_MS:
            hint_ns = frame_interval_ms * _MS
        if hint_ns != self._hint_ns:
            self._hint_ns = self.interval_ns = hint_ns
            self._aim_ns = self._sign_ns + hint_ns
            self._gaps.clear()

    def arrived(self, now_ns: int, count: int, unwatched_ns: int) -> None:
        """Slots became ready.

        Args:
            now_ns: when they were seen.
            count: how many.
            unwatched_ns: for how long nobody had looked; they came somewhere in between.
        """
        arrived_ns = now_ns - unwatched_ns // 2 if self._missed else now_ns
        self._learn_interval(arrived_ns - self._arrived_ns, count)
        self._sign_ns, self._arrived_ns = now_ns, arrived_ns
        if self._missed:
            self._aim_back(arrived_ns)
        else:
            self._aim_ahead(now_ns)
        self._missed = False

    def claimed(self, now_ns: int) -> None:
        """The index moved but no slot is ready yet; after a silence it is the best there is."""
        self._sign_ns = now_ns
        if now_ns - self._aim_ns > self.interval_ns:
            self._aim_ns = now_ns + self.interval_ns

    def pass_over(self, periods: int) -> None:
        """Aim that many access units later: the ring keeps those in between."""
        self._aim_ns += periods * self.interval_ns

    def wait_ns(self, now_ns: int, *, in_flight: bool, eager: bool) -> int:
        """How long to sleep before the next look, the last one having found nothing more.

        Args:
            now_ns: the time.
            in_flight: the writer is in the middle of a copy, as far as one can see.
            eager: look more often than the slots alone are worth.
        """
        fine_ns, lead_ns = (_EAGER_NS, _LEAD_NS) if eager else (_FINE_NS, 0)
        to_aim_ns = self._aim_ns - lead_ns - now_ns
        self._missed = self._missed or to_aim_ns <= 0
        if to_aim_ns > 0 and not in_flight:
            return to_aim_ns
        overdue_ns = now_ns - self._sign_ns if in_flight else -to_aim_ns
        since_ns = now_ns - self._sign_ns
        limit_ns = _STUCK_NS if in_flight else _IDLE_NS
        if since_ns > _AWAY_AFTER_NS:
            limit_ns = _AWAY_NS
        return max(fine_ns, min(overdue_ns // 4, limit_ns, self._to_next_aim_ns(now_ns, lead_ns)))

    def _aim_ahead(self, now_ns: int) -> None:
        """The slot was there; nobody knows since when."""
        self._finds += 1
        part, run = 1, _RUN
        if self._steady > _STEADY:
            part, run = (8, _LONG_RUN) if self._late_ns < _SPARING_NS else (2, _RUN)
        self._steady = 0 if self._finds > run else self._steady + 1
        step_ns = max(_STEP_NS, self._late_ns // part) << min(max(0, self._finds - run), 10)
        ready_ns = min(self._aim_ns, now_ns) - step_ns
        self._aim_ns = max(ready_ns, now_ns - self.interval_ns // 4) + self.interval_ns

    def _aim_back(self, arrived_ns: int) -> None:
        """The slot came after the first look for it, at about ``arrived_ns``."""
        self._finds = 0
        late_ns = arrived_ns - self._aim_ns
        if 0 <= late_ns <= self.interval_ns // 4:
            self._late_ns += (late_ns - self._late_ns) // 8
            self._steady += 1
            part = 2 if self._steady > _STEADY else 4
            arrived_ns = self._aim_ns + max(4 * _STEP_NS, self._late_ns // part)
        else:
            self._steady = 0
        self._aim_ns = arrived_ns + self.interval_ns

    def _learn_interval(self, gap_ns: int, count: int) -> None:
        """Take the time that ``count`` slots took; a pause is no interval, unless it repeats."""
        if not count <= gap_ns < _GAP_NS:
            return
        self._gaps.append((gap_ns, count))
        self._unlearned += count
        # Who takes several at a time is waited for by nobody; but first they have to teach it.
        is_known = self._steady > _STEADY or (count > 1 and len(self._gaps) == self._gaps.maxlen)
        if is_known and self._unlearned < _SELDOM:
            return
        self._unlearned = 0
        newest = list(self._gaps)[-_ENOUGH:]
        if len(newest) < _ENOUGH:
            return
        if all(2 * gap > 3 * slots * self.interval_ns for gap, slots in newest):
            self._gaps = deque(newest, self._gaps.maxlen)
        longest = 1.5 * median(gap / slots for gap, slots in self._gaps)
        usual = [(gap, slots) for gap, slots in self._gaps if gap <= longest * slots]
        self.interval_ns = sum(gap for gap, _ in usual) // sum(slots for _, slots in usual)

    def _to_next_aim_ns(self, now_ns: int, lead_ns: int) -> int:
        """Until a slot would be due, had the one that is overdue been left out."""
        periods = (now_ns - self._aim_ns) // self.interval_ns + 1
        if periods > _AIMED_PERIODS:
            return _AWAY_NS
        return self._aim_ns + periods * self.interval_ns - lead_ns - now_ns
