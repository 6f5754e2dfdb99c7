"""The gate against a model of the daemon, under random interleavings."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from petstream.shm.gate import Gate
from petstream.shm.sample import Sample

MS = 1_000_000
INTERVAL_NS = 33 * MS


class Daemon(RuleBasedStateMachine):
    """Claims, copies and posts; the gate sees only what a reader can sample.

    Attributes:
        whole: counts whose copy was finished.
        first: the first count the model knows about; older ones are whole.
        lost: torn, as the gate said.
        unclaimed_ns: the look before the newest claim was seen; it came in between.
        silent: there was a silence after which a gate that knows nothing yet fears a death.
        stalled: the last copy that ended took so long that it looked like a death.
        deaths: since the gate had last handed out everything.
    """

    lost: frozenset[int] = frozenset()
    died = False
    unpaused = 0  # claims since a look met a pause
    silent = False
    stalled = False
    claimed_ns = 0
    deaths = 0

    @initialize(
        index=st.integers(2, 100),
        value=st.integers(0, 50),
        copying=st.booleans(),
    )
    def start(self, index: int, value: int, copying: bool) -> None:
        self.index, self.value, self.waiters, self.now_ns = index, value, 0, 0
        self.copying = copying
        self.alive = True
        self.first = index - 1
        self.whole = set() if copying else {self.first}
        self.seen_dead = False
        self.seen_index, self.looked_ns, self.unclaimed_ns = index, 0, 0
        self.gate = Gate(self.head())

    def head(self) -> Sample:
        return Sample(self.index, 0, self.value, self.waiters, self.now_ns)

    def pass_time(self, ms: float) -> None:
        self.now_ns += int(ms * MS)

    @rule(ms=st.sampled_from([0.05, 0.3, 1, 5, 33, 150]))
    def look(self, ms: float) -> None:
        self.pass_time(ms)
        start = self.gate.released
        release = self.gate.observe(self.head(), INTERVAL_NS)
        assert start <= release.torn_until <= release.ready_until
        assert release.ready_until <= max(start, self.index), "released what was not claimed"
        self.lost |= set(range(start, release.torn_until))
        if self.index != self.seen_index:
            self.silent = self.silent or self.now_ns - self.unclaimed_ns > 3 * INTERVAL_NS
            self.seen_index, self.unclaimed_ns = self.index, self.looked_ns
        self.looked_ns = self.now_ns
        handed_out = set(range(release.torn_until, release.ready_until))
        assert handed_out <= self.whole, "handed out a torn count"
        self.seen_dead = not self.alive
        if not self.copying:
            self.unpaused = 0
        if self.gate.released == self.index:
            self.deaths = 0

    @precondition(lambda self: self.alive and not self.copying)
    @rule()
    def claim(self) -> None:
        """Begin the next count; of every few pauses before one the reader meets at least one."""
        if self.unpaused == 6:
            self.look(0.3)
        self.unpaused += 1
        self.index += 1
        self.claimed_ns = self.now_ns
        self.copying = True

    @precondition(lambda self: self.alive and self.copying)
    @rule()
    def post(self) -> None:
        self.whole.add(self.index - 1)
        self.value += 1
        self.stalled = self.now_ns - self.claimed_ns > 3 * INTERVAL_NS
        self.copying = False

    @rule(frames=st.integers(1, 5), meets=st.lists(st.booleans(), min_size=10, max_size=10))
    @precondition(lambda self: self.alive)
    def run(self, frames: int, meets: list[bool]) -> None:
        """Frames at 30 a second, of which the reader meets some copies and some pauses."""
        if self.copying:
            self.post()
        for n in range(frames):
            self.claim()
            if meets[2 * n]:
                self.look(0.3)
            self.post()
            self.pass_time(32)
            if meets[2 * n + 1]:
                self.look(0.3)

    def settle(self) -> None:
        """The daemon runs on undisturbed for a while, and everything is handed out."""
        if not self.alive:
            return
        for _ in range(45):
            self.run(1, [True] * 10)
        assert self.gate.mode == "gate"
        assert self.gate.released == self.index

    def teardown(self) -> None:
        if hasattr(self, "gate"):
            self.settle()


class MortalDaemon(Daemon):
    """A daemon that dies in mid-copy and is started again; nobody else uses the semaphore.

    Three deaths in a row are survived; with more than that the gate holds that somebody else takes
    the posts.
    """

    @precondition(lambda self: self.alive and self.copying and self.deaths < 3)
    @rule()
    def die(self) -> None:
        self.deaths += 1
        self.alive = False
        self.died = True
        self.seen_dead = False

    @precondition(lambda self: not self.alive and self.seen_dead)
    @rule(initialises=st.booleans())
    def restart(self, initialises: bool) -> None:
        """Start again, after so long a silence as it takes where the gate is not learned yet.

        No daemon is there again within two intervals, nor in 100 ms if it had stalled before.
        """
        if self.gate.mode != "gate":
            self.pass_time(1_100)
        else:
            self.pass_time(101 if self.stalled else 66)
        self.alive = True
        self.copying = False
        if initialises:
            self.value = 0
            self.look(1)  # a new daemon takes longer than that to its first frame

    @invariant()
    def nothing_is_lost_before_the_first_death(self) -> None:
        assert self.died or self.silent or not self.lost


class SharedDaemon(Daemon):
    """An immortal daemon whose semaphore others wait on, drain and initialise."""

    unseen = False  # a post was eaten so that the reader cannot know whose it was

    @rule(waiters=st.integers(0, 3))
    def wait(self, waiters: int) -> None:
        """Others come and go; those who come take what is there, and are seen waiting."""
        self.look(0.3)
        if waiters > self.waiters:
            self.value = 0
        self.waiters = waiters
        self.look(0.3)

    @rule()
    def drain(self) -> None:
        """Somebody takes all posts; in mid-copy that looks as a new daemon's start does."""
        self.unseen = self.unseen or self.copying
        self.look(0.3)
        self.value = 0
        self.look(0.3)

    @rule()
    def drain_unseen(self) -> None:
        self.unseen = self.unseen or self.value > 0
        self.value = 0

    @invariant()
    def nothing_is_lost(self) -> None:
        assert self.unseen or self.silent or not self.lost

    def settle(self) -> None:
        self.waiters = 0
        super().settle()


TestMortalDaemon = MortalDaemon.TestCase
TestSharedDaemon = SharedDaemon.TestCase
TestMortalDaemon.settings = TestSharedDaemon.settings = settings(stateful_step_count=40)
