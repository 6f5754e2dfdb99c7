"""Gate and cadence together, as a reader has them whose thread is not always given a CPU."""

import random
from dataclasses import dataclass, field

from hypothesis import example, given
from hypothesis import strategies as st

from petstream.shm.cadence import Cadence
from petstream.shm.gate import Gate
from petstream.shm.sample import Sample
from tests.shm.gate_camera import MS, counts

LIVES = 12
FRAMES = 11  # of a life, before the one in whose copy the daemon dies
RESTART_MS = 120
LATE_MS = 20  # what a busy machine makes of a wake-up now and then


@dataclass
class Daemon:
    """A daemon that dies in mid-copy again and again; what it does is known beforehand.

    Attributes:
        steps: time in ns of each step, and whether it is a claim or else a post.
        idrs: the first count of each life.
        torn: the last.
    """

    steps: list[tuple[int, bool]] = field(default_factory=list)
    idrs: list[int] = field(default_factory=list)
    torn: set[int] = field(default_factory=set)


def mortal_daemon(rng: random.Random, interval_ms: float, copy_ms: float) -> Daemon:
    """Its lives, at an interval that now and then is up to half as long again."""
    daemon = Daemon()
    now_ms, count = 50.0, 0
    for _ in range(LIVES):
        daemon.idrs.append(count)
        for _ in range(FRAMES):
            daemon.steps.append((int(now_ms * MS), True))
            daemon.steps.append((int((now_ms + copy_ms) * MS), False))
            now_ms += interval_ms * rng.choice([1, 1, 1, 1, 1.05, 1 + rng.random() / 2])
        daemon.steps.append((int(now_ms * MS), True))
        daemon.torn.add(count + FRAMES)
        count += FRAMES + 1
        now_ms += RESTART_MS
    return daemon


def read(daemon: Daemon, rng: random.Random, late_share: float) -> set[int]:
    """What a reader is told to be whole that comes late to a share of its looks."""
    gate, cadence = Gate(Sample(0, 0, 0, 0, 0)), Cadence(0)
    whole: set[int] = set()
    done = claims = now_ns = looked_ns = 0
    while now_ns < daemon.steps[-1][0]:
        before = claims
        while daemon.steps[done][0] <= now_ns:
            claims += daemon.steps[done][1]
            done += 1
        start = gate.released
        release = gate.observe(Sample(claims, 0, done - claims, 0, now_ns), cadence.interval_ns)
        whole.update(counts(release.torn_until, release.ready_until))
        if ready := len(counts(start, gate.released)):
            cadence.arrived(now_ns, ready, now_ns - looked_ns)
        elif claims != before:
            cadence.claimed(now_ns)
        looked_ns = now_ns
        eager = gate.mode == "learning"
        now_ns += 50_000 + cadence.wait_ns(now_ns, in_flight=gate.in_flight, eager=eager)
        if rng.random() < late_share:
            now_ns += rng.randrange(LATE_MS * MS)
    return whole


@example(seed=85030, interval_ms=10, copy_ms=0.05, late_share=0)  # at first a wrong interval
@example(seed=14588, interval_ms=33.3, copy_ms=0.5, late_share=0.05)  # the last claim seen late
@example(seed=529, interval_ms=33.3, copy_ms=0.05, late_share=0.05)
@given(
    seed=st.integers(0, 2**32),
    interval_ms=st.sampled_from([10, 20, 33.3]),
    copy_ms=st.sampled_from([0.05, 0.5, 3]),
    late_share=st.sampled_from([0, 0.01, 0.05]),
)
def test_no_torn_count_is_handed_out_and_no_new_daemons_idr_is_lost(
    seed: int, interval_ms: float, copy_ms: float, late_share: float
) -> None:
    """Twelve deaths and restarts after 120 ms, the reader late by up to 20 ms in a look of 20."""
    rng = random.Random(seed)
    daemon = mortal_daemon(rng, interval_ms, copy_ms)
    whole = read(daemon, rng, late_share)
    assert not whole & daemon.torn
    assert whole.issuperset(daemon.idrs)
