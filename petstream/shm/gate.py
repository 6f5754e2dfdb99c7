"""Which slots of the ring are whole: the semaphore gate, and lag one where it cannot be used.

Strategy: a state machine without I/O, fed with samples of index and semaphore. It hands out every
count exactly once and in order, as whole or as torn. Index minus semaphore value is the number of
claims without a post, plus a constant, the *base*:

- Learning: a post seen while the index stands still, or a claim seen while the value stands still,
  proves the base. Anything else (the smallest difference so far, a difference that repeats) does
  not: a writer without pauses is in mid-copy in nearly every sample.
- Gate: the excess over the base is 0 between two copies, and then every claimed slot is whole.
  1 is a copy in flight: wait. 2 and more is a post that never came: the writer died in mid-copy and
  was started again. The next post shows it alive; the counts that may be the dead one are torn.
  1 before and after a long silence may be a death too: the next claim, if in time, tells.
  Counts that were claimed in less time than a daemon takes to start again are whole but the newest.
- Lag one: somebody else waits on the semaphore, or its value fell or is at its end. A count is
  whole once a later one has been claimed, unless the writer was silent for so long in between
  that it may have died.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from .layout import SEM_VALUE_MAX
from .sample import Sample

__all__ = ["Gate", "Release"]

_MS: Final = 1_000_000
_RESTART_NS: Final = 100 * _MS  # no daemon is started again in less
_SOONEST_NS: Final = 66 * _MS  # nor in less than this, if several died in a row
_STUCK_NS: Final = 60 * _MS  # in mid-copy; a writer that only lacks a CPU mostly ends it sooner
_INITIALISED_NS: Final = 50 * _MS  # from a death to the first claim after sem_init, at the least
_RELEARN_NS: Final = 1_000 * _MS  # quiet time after the semaphore was last seen out of order
_HELD_MAX: Final = 8  # of 30 slots; a writer that never pauses has made the gate useless by then
_DEATHS_MAX: Final = 3  # in a row without one post; beyond that somebody eats the posts
_FAST_NS: Final = 5 * _MS  # below this interval pauses are too short to be sure to see one


class Release(NamedTuple):
    """What becomes of the counts that follow those released before.

    Those before ``torn_until`` are torn, those from there to before ``ready_until`` whole.
    """

    torn_until: int
    ready_until: int


@dataclass(frozen=True, slots=True)
class _Alarm:
    """The sample in which the most posts were missing."""

    index: int
    excess: int
    value: int


class Gate:
    """The state machine for one run of the daemon's index."""

    def __init__(self, first: Sample) -> None:
        self._last = first
        self._base: int | None = None  # the difference when no copy is in flight
        self._clue: int | None = None  # the same, proven too soon after the semaphore's disorder
        self._floor: int | None = None  # while learning: the smallest difference, never below base
        self._quiet_ns = first.now_ns + (0 if first.is_usable else _RELEARN_NS)
        self._claimed_ns = first.now_ns  # when the index was last seen to move
        self._unclaimed_ns = first.now_ns  # the look before that: it moved in between
        self._claims_before = 1  # how many claims were seen when the index was last seen to move
        self._saw_claim = False
        self._saw_death = False  # since the base was last proven
        self._alarm: _Alarm | None = None
        self._suspect_until: int | None = None  # counts before it may have died with their writer
        self._suspect_for_long = False
        self._suspect_is_dead = False  # more than one copy without a post: no need to wait and see
        self._doubt_until: int | None = None  # claimed before a silence, with a post missing
        self._silent_until: int | None = None  # the same while learning
        #: every count before this one has been handed out
        self.released = first.index - 1 if first.index else 0
        #: the base is proven and no copy is in flight: the same sample again tells nothing
        self.at_rest = False

    @property
    def mode(self) -> str:
        """``gate``, ``lag one`` or ``learning`` (lag one until the base is proven)."""
        if self._base is not None:
            return "gate"
        return "learning" if self._last.now_ns >= self._quiet_ns else "lag one"

    @property
    def in_flight(self) -> bool:
        """Whether counts were claimed that are not released: worth looking again soon."""
        if self._base is None:
            return self._last.index - self.released > 1
        return self.released != self._last.index

    def observe(self, sample: Sample, interval_ns: int) -> Release:
        """Take the next sample, in order of time; the index must not have gone back.

        Args:
            sample: index and semaphore at one moment.
            interval_ns: the camera's present interval, to tell a pause from a death.
        """
        last, self._last = self._last, sample
        claims = sample.index - last.index
        if self._is_calm(last, sample):
            release = Release(self.released, sample.index)
        else:
            release = self._judge(last, sample, claims, interval_ns)
        if claims:
            self._claimed_ns, self._unclaimed_ns = sample.now_ns, last.now_ns
            self._claims_before = claims
            self._saw_claim = True
        self.released = release.ready_until
        self.at_rest = self._base is not None and self.released == sample.index
        return release

    def _is_calm(self, last: Sample, sample: Sample) -> bool:
        """Whether no copy was or is under way; then nothing is in question, and so it mostly is."""
        index, value = sample.index, sample.value
        return (
            index - value == self._base
            and 0 <= value - last.value == index - last.index
            and sample.waiters == 0
            and value < SEM_VALUE_MAX
        )

    def _judge(self, last: Sample, sample: Sample, claims: int, interval_ns: int) -> Release:
        silence_ns = sample.now_ns - self._claimed_ns
        learning = self._base is None  # what was claimed before it was proven stays with lag one
        if self._is_regular(last, sample):
            if self._base is None:
                self._learn(last, sample, claims, interval_ns)
        else:
            self._suspect(last, sample, claims, silence_ns > _pause_ns(interval_ns))
            self._distrust(sample)
        release = None
        if self._silent_until is not None:
            release = self._after_silence(last, sample, claims, interval_ns)
        elif self._base is not None and not (claims and learning):
            if claims:
                release = self._resume(last, sample, interval_ns)
            if release is None:
                release = self._through_gate(last, sample, interval_ns)
        if release is None:
            release = self._lag_one(last, sample, claims, interval_ns)
            self._note_floor(sample)
            if self._base is not None:
                self._saw_death = False
        return release

    def _is_regular(self, last: Sample, sample: Sample) -> bool:
        if not sample.is_usable or sample.value < last.value:
            return False
        return self._base is None or self._excess(sample) >= 0

    def _excess(self, sample: Sample) -> int:
        """Claims without a post; negative only if the base is no longer true."""
        return sample.difference - (self._base or self._clue or 0)

    def _learn(self, last: Sample, sample: Sample, claims: int, interval_ns: int) -> None:
        posts = sample.value - last.value
        if not last.is_usable:
            return
        is_quiet = sample.now_ns >= self._quiet_ns
        if (claims, posts) == (0, 1):
            self._clue = sample.difference
            if is_quiet:
                self._suspect_until = None
        elif (claims, posts) == (1, 0) and sample.value > 0:  # 0 is what is left by who eats posts
            if self._gap_ns(sample) > max(_RESTART_NS, 3 * interval_ns):
                return  # the copy before may never have ended
            self._clue = last.difference
        else:
            return
        if is_quiet:
            self._base, self._clue = self._clue, None

    def _gap_ns(self, sample: Sample) -> int:
        """From the claim before to this one at most, however late the reader saw the first."""
        return sample.now_ns - self._unclaimed_ns

    def _was_stuck(self, last: Sample) -> bool:
        """Whether the copy in flight was so for too long, begun halfway before it was seen."""
        begun_ns = (self._unclaimed_ns + self._claimed_ns) // 2
        return last.now_ns - begun_ns > _STUCK_NS

    def _longest_gap_ns(self, last: Sample, sample: Sample, interval_ns: int) -> int:
        """The longest silence there can have been since the last claim of the sample before."""
        others = self._claims_before - 1 + sample.index - last.index - 1
        return self._gap_ns(sample) - others * interval_ns

    def _is_next(self, last: Sample, sample: Sample, interval_ns: int) -> bool:
        """Whether this is the one claim that was due, with none but the one before held back."""
        is_due = self._gap_ns(sample) <= min(interval_ns * 3 // 2, _RESTART_NS)
        return is_due and sample.index == last.index + 1 == self.released + 2

    def _is_burst(self, last: Sample, sample: Sample) -> bool:
        """Whether several counts were claimed in less time than a daemon takes to start again."""
        is_quick = sample.now_ns - last.now_ns < _SOONEST_NS
        return is_quick and self.released == last.index < sample.index - 1

    def _resume(self, last: Sample, sample: Sample, interval_ns: int) -> Release | None:
        """After a silence in mid-copy: was it a death? None if that is not known, or not asked.

        The silence is as long as it can have been: a reader that came late did not see all of it.
        """
        excess = self._excess(sample)
        gap_ns = self._longest_gap_ns(last, sample, interval_ns)
        doubt_until, self._doubt_until = self._doubt_until, None
        if doubt_until is not None and 1 <= excess <= 2 and gap_ns < _in_time_ns(interval_ns):
            # Counts that follow in good time are whole; the missing post was that of an older one.
            if excess == 2 and self._gap_ns(sample) >= _SOONEST_NS:
                # Or of two: the next post tells how many, unless this one may have died as well.
                self._doubt_until = doubt_until if self._gap_ns(sample) < _RESTART_NS else None
                return None
            self._alarm = None
            self._base = (self._base or 0) + 1 if excess == 2 else None
            self._note_death()
            return Release(doubt_until, sample.index - 1)
        was_stuck = self._excess(last) == 1 and self._was_stuck(last)
        may_be_death = (doubt_until is not None or was_stuck) and gap_ns > _RESTART_NS
        if may_be_death and self._alarm is None and 1 <= excess <= 2:
            self._doubt_until = last.index
        return None

    def _through_gate(self, last: Sample, sample: Sample, interval_ns: int) -> Release | None:
        """Release by the excess; None if the gate turns out to be of no use."""
        excess = self._excess(sample)
        alarm = self._alarm
        if alarm is not None and sample.value > alarm.value:
            return self._bury(alarm, sample, excess)
        if excess == 0:
            self._doubt_until = None
            return Release(self.released, sample.index)
        # No daemon starts again so soon.
        is_eaten = excess == 2 and alarm is None and self._is_next(last, sample, interval_ns)
        if is_eaten or excess > _DEATHS_MAX + 1:  # the last of them may be a living copy
            self._distrust(sample)
            return None
        if excess >= 2:
            if alarm is None or excess > alarm.excess:
                self._alarm = _Alarm(sample.index, excess, sample.value)
        elif self._is_burst(last, sample):
            return Release(self.released, sample.index - 1)
        elif last.index - self.released > _HELD_MAX:  # not only since the last look
            return self._give_up(sample, interval_ns)
        return Release(self.released, self.released)

    def _bury(self, alarm: _Alarm, sample: Sample, excess: int) -> Release | None:
        """Posts were missing, and now one came: the writer lives, its predecessors died."""
        dead = max(alarm.excess, excess) - 1
        if excess < dead:
            self._distrust(sample)  # more posts than one writer can make
            return None
        last_claim = sample.index if excess > alarm.excess else alarm.index
        torn_until = last_claim - 1
        if self._doubt_until is not None and dead == 1:
            torn_until = self._doubt_until
        self._base = (self._base or 0) + dead
        self._alarm = self._doubt_until = None
        return Release(torn_until, sample.index if excess == dead else torn_until)

    def _give_up(self, sample: Sample, interval_ns: int) -> Release | None:
        """No pause between two copies in many counts: no pause there, or a death not noticed."""
        self._distrust(sample)
        if interval_ns < _FAST_NS:
            return None
        self._note_death()
        torn_until = sample.index - 1
        return Release(torn_until, torn_until)

    def _distrust(self, sample: Sample) -> None:
        self._base = self._clue = self._floor = None
        self._alarm = self._doubt_until = None
        self._quiet_ns = sample.now_ns + _RELEARN_NS

    def _suspect(self, last: Sample, sample: Sample, claims: int, is_long: bool) -> None:
        """The semaphore changed hands while a copy was in flight: was it a new daemon's doing?"""
        # Whoever takes the posts as they come, so that a clue misleads, leaves no two lying.
        is_known = self._base is not None or (self._clue is not None and last.value > 1)
        if not is_known or self._excess(last) < 1:
            return
        # A new daemon initialises it to 0, and posts only after a claim of its own.
        fell = sample.value < last.value and (claims > 0 or sample.value == 0)
        if is_long or (fell and sample.waiters == 0):
            self._suspect_until = last.index
            self._suspect_for_long = is_long
            self._suspect_is_dead = self._excess(last) >= 2

    def _lag_one(self, last: Sample, sample: Sample, claims: int, interval_ns: int) -> Release:
        torn_until = self.released
        if self._suspect_until is not None:
            if self._is_cleared(last, sample, claims, interval_ns):
                self._suspect_until = None
            elif claims or self._suspect_is_dead:
                torn_until, self._suspect_until = self._suspect_until, None
                self._note_death()
        elif claims and self.released != last.index:
            if self._fell_silent_in_mid_copy(last, sample, interval_ns):
                self._silent_until = last.index
                return self._after_silence(last, sample, 0, interval_ns)
            if self._is_long(sample, interval_ns):
                torn_until = last.index
                self._floor = None
        return Release(torn_until, max(torn_until, sample.index - 1))

    def _is_cleared(self, last: Sample, sample: Sample, claims: int, interval_ns: int) -> bool:
        """The copy's own post, the next claim when due, or a waiter that explains the value."""
        if self._suspect_is_dead:
            return False
        if claims:
            in_time_ns = max(_INITIALISED_NS, interval_ns * 3 // 2)
            return self._gap_ns(sample) <= min(in_time_ns, _RESTART_NS)
        if sample.value > last.value:
            return True
        return sample.waiters > 0 and not self._suspect_for_long

    def _note_death(self) -> None:
        self._saw_death = True
        self._floor = None

    def _note_floor(self, sample: Sample) -> None:
        """Take the smallest difference, while nobody disturbs the semaphore."""
        if sample.now_ns < self._quiet_ns:
            return
        if self._floor is None or sample.difference < self._floor:
            self._floor = sample.difference

    def _fell_silent_in_mid_copy(self, last: Sample, sample: Sample, interval_ns: int) -> bool:
        """Whether a post was missing that once was not, for as long as a restart takes."""
        floor = last.difference if self._floor is None else self._floor
        if not 1 <= last.difference - floor <= _DEATHS_MAX:
            return False
        return (
            self._was_stuck(last) and self._longest_gap_ns(last, sample, interval_ns) > _RESTART_NS
        )

    def _after_silence(
        self, last: Sample, sample: Sample, claims: int, interval_ns: int
    ) -> Release:
        """The post came after all, or it is still missing when the next count is claimed."""
        silent_until = self._silent_until
        assert silent_until is not None
        if self._floor is not None and sample.difference <= self._floor:
            self._silent_until = None
            return Release(self.released, sample.index - 1)
        if self._floor is None or self._base is not None or claims:
            if claims and self._longest_gap_ns(last, sample, interval_ns) > _RESTART_NS:
                silent_until = last.index  # silent a second time: either may have been a death
            self._silent_until = None
            self._note_death()
            return Release(silent_until, sample.index - 1)
        return Release(self.released, self.released)

    def _is_long(self, sample: Sample, interval_ns: int) -> bool:
        """Whether the writer was silent for so long that it may have died.

        Before the first claim the silence may be longer than seen; who died once may die again.
        """
        silence_ns = sample.now_ns - self._claimed_ns
        if self._saw_claim and not self._saw_death:
            return silence_ns > max(1_000 * _MS, 10 * interval_ns)
        return silence_ns > _pause_ns(interval_ns)


def _in_time_ns(interval_ns: int) -> int:
    """A claim that comes no later is the same writer's as the one before."""
    return max(_RESTART_NS, interval_ns * 3 // 2)


def _pause_ns(interval_ns: int) -> int:
    """A silence longer than this may be a death."""
    return max(_RESTART_NS, 3 * interval_ns)
