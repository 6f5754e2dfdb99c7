"""What a thread tells the kernel: its name, and how exact its sleeps have to be."""

import threading
from pathlib import Path

from petstream.threads import SupervisedThread, sleep_exactly


def test_the_kernel_knows_the_name_of_a_thread() -> None:
    """As far as 15 characters, which is all it keeps."""
    names: list[str] = []
    entered = threading.Event()

    def loop(stop: threading.Event) -> None:
        names.append(Path("/proc/thread-self/comm").read_text().rstrip())
        entered.set()
        stop.wait()

    thread = SupervisedThread("a-rather-long-name", loop, on_fatal=lambda *_: None)
    thread.start()
    assert entered.wait(5)
    thread.request_stop()
    assert thread.join(5)
    assert names == ["a-rather-long-n"]


def test_exact_sleeps_are_those_of_one_thread() -> None:
    """The thread that asked for it, and no other."""
    slacks: list[str] = []

    def ask() -> None:
        sleep_exactly()
        slacks.append(Path(f"/proc/{threading.get_native_id()}/timerslack_ns").read_text().strip())

    before = Path("/proc/self/timerslack_ns").read_text()
    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert slacks == ["1000"]
    assert Path("/proc/self/timerslack_ns").read_text() == before
