"""Where CPU time goes: a sampler of all threads, 25 looks a second.

Strategy: a look at the stacks by itself would mislead. The sampler runs only when it has the
interpreter lock, and threads let go of that mostly to wait, so that they would be seen waiting
although they had worked until just before. Two things put this right:

- During a look threads hand the lock over at once, so that work in Python is seen at all.
- A stack counts as far as its thread was on the CPU both just before and just after the look.

A thread that used no CPU appears nowhere, whatever it waits for.
"""

import ctypes
import random
import sys
import threading
import time
from typing import Final

from petstream.profiling.account import PERIOD_NS, ThreadAccount
from petstream.profiling.stacks import Frame, ModuleNames, Stack
from petstream.profiling.wire import Profile, Sample

__all__ = ["cpu_profile"]

# With the interpreter's usual 5 ms nearly every look would find a thread at a call that lets go of
# the lock by itself: where it waits, or where it enters a library in C.
_SWITCH_INTERVAL_S: Final = 0.00001
_WINDOW_S: Final = 0.0002  # watched before a look and after it
_PR_SET_TIMERSLACK: Final = 29
_libc: Final = ctypes.CDLL(None)
_OUTSIDE: Final = (Frame("[outside Python threads]", "", 0),)


def cpu_profile(seconds: float, stop: threading.Event) -> Profile:
    """Sample the process, on a thread of its own.

    Args:
        seconds: for how long.
        stop: ends it sooner.
    """
    sampler = _Sampler(seconds, stop)
    sampler.start()
    sampler.join()
    if sampler.fault is not None:
        raise sampler.fault
    return sampler.profile()


class _Sampler(threading.Thread):
    """One profile; made, joined and read by one thread.

    Attributes:
        fault: why it ended early.
    """

    def __init__(self, seconds: float, stop: threading.Event) -> None:
        super().__init__(name="profiler", daemon=True)
        self.fault: Exception | None = None
        self._end_ns = int(seconds * 1e9)  # since the beginning
        self._stop_asked = stop
        self._accounts: dict[int, ThreadAccount] = {}  # by thread identifier
        self._ended: list[ThreadAccount] = []
        self._looks = 0
        self._time_ns = time.time_ns()
        self._duration_ns = self._own_ns = self._outside_ns = 0

    def run(self) -> None:
        """Sample until the time is over."""
        switch_interval = sys.getswitchinterval()
        import ctypes

        ctypes.CDLL(None).prctl(29, 1, 0, 0, 0)
        try:
            self._sample()
        except Exception as error:  # noqa: BLE001 - raised again in cpu_profile
            self.fault = error
        finally:
            sys.setswitchinterval(switch_interval)

    def profile(self) -> Profile:
        """What was found."""
        names = ModuleNames()
        samples = [
            _sample(names.stack(stack), cpu_ns, account.name)
            for account in self._all()
            for stack, cpu_ns in account.shares().items()
        ]
        if self._outside_ns >= PERIOD_NS:
            samples.append(_sample(_OUTSIDE, self._outside_ns, "none"))
        return Profile(
            sample_types=(("samples", "count"), ("cpu", "nanoseconds")),
            samples=tuple(samples),
            period_type=("cpu", "nanoseconds"),
            period=PERIOD_NS,
            time_ns=self._time_ns,
            duration_ns=self._duration_ns,
            comments=(
                f"{self._looks} looks, which themselves took {self._own_ns / 1e6:.1f} ms of CPU",
            ),
        )

    def _all(self) -> list[ThreadAccount]:
        return [*self._ended, *self._accounts.values()]

    def _sample(self) -> None:
        begin_ns, own_ns = time.monotonic_ns(), time.thread_time_ns()
        process_ns = time.process_time_ns()
        self._list_threads()
        for account in self._accounts.values():
            account.begin_ns = account.now_ns = account.read()
        switch_interval = sys.getswitchinterval()
        while self._wait(begin_ns):
            sys.setswitchinterval(_SWITCH_INTERVAL_S)
            self._look()
            sys.setswitchinterval(switch_interval)
            self._looks += 1
        self._duration_ns = time.monotonic_ns() - begin_ns
        self._own_ns = time.thread_time_ns() - own_ns
        process_ns = time.process_time_ns() - process_ns
        self._outside_ns = process_ns - self._own_ns - sum(a.total_ns for a in self._all())

    def _wait(self, begin_ns: int) -> bool:
        """Wait into the next period, a random part of it so as not to fall into step."""
        now_ns = time.monotonic_ns() - begin_ns
        due_ns = (now_ns // PERIOD_NS + 1) * PERIOD_NS + random.randrange(PERIOD_NS)
        due_ns = min(due_ns, self._end_ns)
        if due_ns <= now_ns or self._stop_asked.is_set():
            return False
        time.sleep((due_ns - now_ns) / 1e9)
        return True

    def _look(self) -> None:
        """See which threads work, and where."""
        begin_ns = time.monotonic_ns()
        if sys._current_frames().keys() != self._accounts.keys() | {self.ident}:
            self._list_threads()
        active = {i: account for i, account in self._accounts.items() if account.open_look()}
        if not active:
            return
        time.sleep(_WINDOW_S)
        frames = sys._current_frames()
        middle_ns = time.monotonic_ns()
        for ident, account in list(active.items()):
            if ident in frames:
                account.look(frames[ident])
            else:
                del active[ident]
        del frames  # they would keep alive what their calls hold
        if any(account.busy for account in active.values()):
            time.sleep(_WINDOW_S)
        for account in active.values():
            account.close_look(middle_ns - begin_ns, time.monotonic_ns() - middle_ns)

    def _list_threads(self) -> None:
        """Note threads that have begun or ended."""
        by_native_id = {account.native_id: account for account in self._accounts.values()}
        self._accounts = {}
        for thread in threading.enumerate():
            if thread is self or thread.ident is None or thread.native_id is None:
                continue
            account = by_native_id.pop(thread.native_id, None)
            self._accounts[thread.ident] = account or ThreadAccount(thread.name, thread.native_id)
        self._ended.extend(by_native_id.values())


def _sample(stack: Stack, cpu_ns: int, thread: str) -> Sample:
    return Sample(stack, (max(1, round(cpu_ns / PERIOD_NS)), cpu_ns), {"thread": thread})
