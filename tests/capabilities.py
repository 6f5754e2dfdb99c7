"""Root without root's right to read what it may not: so that EACCES can be tested as root too."""

import contextlib
import ctypes
import os
from collections.abc import Iterator
from typing import Final

__all__ = ["bound_by_permissions"]

_VERSION_3: Final = 0x20080522  # capset(2)
_DAC_OVERRIDE: Final = 1
_DAC_READ_SEARCH: Final = 2

_libc = ctypes.CDLL(None, use_errno=True)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


@contextlib.contextmanager
def bound_by_permissions() -> Iterator[None]:
    """In here this thread, and those that it starts, are bound by the permissions of files."""
    header, data = _Header(_VERSION_3, 0), (_Data * 2)()
    _call("capget", header, data)
    before = data[0].effective
    data[0].effective = before & ~(1 << _DAC_OVERRIDE | 1 << _DAC_READ_SEARCH)
    _call("capset", header, data)
    try:
        yield
    finally:
        data[0].effective = before
        _call("capset", header, data)


def _call(name: str, header: _Header, data: "ctypes.Array[_Data]") -> None:
    if getattr(_libc, name)(ctypes.byref(header), data) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name} failed: {os.strerror(code)}")
