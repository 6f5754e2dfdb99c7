"""The process-shared semaphores inside the segments, worked by the C library."""

import ctypes
import errno
import os
from typing import Any, Final

__all__ = ["init_semaphore", "post_semaphore", "try_semaphore"]

_PROCESS_SHARED: Final = 1

_libc = ctypes.CDLL(None, use_errno=True)
_libc.sem_init.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_uint)
_libc.sem_post.argtypes = (ctypes.c_void_p,)
_libc.sem_trywait.argtypes = (ctypes.c_void_p,)


def init_semaphore(structure: Any, offset: int, value: int = 0) -> None:
    """Make a semaphore of the bytes at ``offset`` of a mapped structure."""
    _check(_libc.sem_init(ctypes.byref(structure, offset), _PROCESS_SHARED, value), "sem_init")


def post_semaphore(structure: Any, offset: int) -> None:
    """sem_post; a saturated semaphore stays as it is, for the daemon does not look either."""
    _check(_libc.sem_post(ctypes.byref(structure, offset)), "sem_post", ignore=errno.EOVERFLOW)


def try_semaphore(structure: Any, offset: int) -> bool:
    """sem_trywait: take one post away; False if there is none."""
    return int(_libc.sem_trywait(ctypes.byref(structure, offset))) == 0


def _check(result: int, call: str, *, ignore: int = 0) -> None:
    code = ctypes.get_errno()
    if result != 0 and code != ignore:
        raise OSError(code, f"{call} failed: {os.strerror(code)}")
