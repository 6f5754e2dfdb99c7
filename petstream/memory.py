"""What a process that runs for months does with memory once it has started.

Strategy: the objects that the imports made stay for good, so the garbage collector need not go
through them again and again while access units wait. Of the libraries, some 30 MB, most code runs
once or never: pages that nobody has written to are dropped from this process. The kernel keeps them
in its cache, and maps one again when it is needed after all (madvise(2), MADV_DONTNEED).
"""

import ctypes
import gc
import logging
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["drop_unused_pages", "settle"]

logger = logging.getLogger(__name__)

SMAPS: Final = Path("/proc/self/smaps")  # proc_pid_smaps(5)
HEAD: Final = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S+) [0-9a-f]+ \S+ (\d+)", re.MULTILINE)
READ_ONLY: Final = {"r--p", "r-xp"}


@dataclass(frozen=True, slots=True)
class Mapping:
    """A part of the address space.

    Attributes:
        permissions: such as ``r-xp``.
        inode: of the file it shows; 0 for none.
        held: bytes in memory.
        written: of these, bytes that are not as in the file any more.
    """

    start: int
    end: int
    permissions: str
    inode: int
    held: int
    written: int

    @property
    def is_as_in_its_file(self) -> bool:
        """Whether every page of it can be had again from the file."""
        return self.inode != 0 and self.permissions in READ_ONLY and self.written == 0


def settle() -> None:
    """Call it once everything is imported, and before the first thread is started."""
    gc.collect()
    gc.freeze()
    drop_unused_pages()


def drop_unused_pages() -> int:
    """Let go of the library pages that are in this process's memory; bytes that this freed.

    Safe beside other threads, as long as none of them loads a library meanwhile. Where the kernel
    does not tell what is in memory, nothing is freed.
    """
    try:
        smaps = SMAPS.read_text()
    except OSError as exc:
        logger.debug("library pages stay in memory: %s", exc)
        return 0
    madvise = ctypes.CDLL(None, use_errno=True).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    dropped = 0
    for mapping in _mappings(smaps):
        if mapping.held and mapping.is_as_in_its_file:
            length = mapping.end - mapping.start
            if madvise(mapping.start, length, mmap.MADV_DONTNEED) == 0:
                dropped += mapping.held
    logger.debug("%d KB of libraries are not needed any more", dropped >> 10)
    return dropped


def _mappings(smaps: str) -> Iterator[Mapping]:
    """The mappings that /proc/self/smaps lists."""
    heads = list(HEAD.finditer(smaps))
    ends = [head.start() for head in heads[1:]] + [len(smaps)]
    for head, end in zip(heads, ends, strict=True):
        sizes = {
            name: int(kilobytes) << 10
            for name, kilobytes in re.findall(r"(\w+): +(\d+) kB", smaps[head.end() : end])
        }
        yield Mapping(
            start=int(head[1], 16),
            end=int(head[2], 16),
            permissions=head[3],
            inode=int(head[4]),
            held=sizes["Rss"],
            # A page written to through a private mapping is a copy of its own. One that is merely
            # dirty belongs to a file that the disk has not got yet, and loses nothing.
            written=sizes["Anonymous"],
        )
