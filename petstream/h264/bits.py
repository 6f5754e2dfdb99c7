"""Reading syntax elements bit by bit: u(n), ue(v) and se(v) of H.264 clauses 7.2 and 9.1.

Strategy: nothing is buffered. Each read takes the few bytes it needs from the RBSP as one integer,
so that a read costs the same however long the RBSP is, and every read is checked against its end.
"""

from petstream.errors import StreamError

__all__ = ["BitReader"]

# ue(v) goes up to 2^32 - 2, which takes 31 leading zeros, a one and 31 bits more (9.1).
_MAX_LEADING_ZEROS = 31
# Bytes that hold the longest code, 63 bits, from any bit of the first byte on.
_WINDOW = 9


class BitReader:
    """A position in an RBSP, moved on by each read.

    Every read raises StreamError (``bad_syntax``) when the RBSP ends too early or the code is
    longer than the standard allows; the position is then of no use any more.
    """

    __slots__ = ("_position", "_rbsp", "_size")

    def __init__(self, rbsp: bytes) -> None:
        self._rbsp = rbsp
        self._position = 0
        self._size = len(rbsp) * 8

    @property
    def position(self) -> int:
        """Bits read so far."""
        return self._position

    def u(self, bits: int) -> int:
        """Read an unsigned number of this many bits, most significant first."""
        start = self._position
        end = start + bits
        if end > self._size:
            raise _ends_early(self._size, end)
        self._position = end
        last = (end + 7) >> 3
        window = int.from_bytes(self._rbsp[start >> 3 : last], "big")
        return (window >> (last * 8 - end)) & ((1 << bits) - 1)

    def flag(self) -> bool:
        """Read one bit."""
        start = self._position
        if start >= self._size:
            raise _ends_early(self._size, start + 1)
        self._position = start + 1
        return bool(self._rbsp[start >> 3] >> (7 - (start & 7)) & 1)

    def skip(self, bits: int) -> None:
        """Pass over this many bits."""
        end = self._position + bits
        if end > self._size:
            raise _ends_early(self._size, end)
        self._position = end

    def ue(self) -> int:
        """Read an unsigned Exp-Golomb code: 0 to 2^32 - 2."""
        start = self._position
        first = start >> 3
        chunk = self._rbsp[first : first + _WINDOW]
        # Bits of the chunk from the position on; those before it are masked away.
        bits = len(chunk) * 8 - (start & 7)
        window = int.from_bytes(chunk, "big") & ((1 << bits) - 1) if bits > 0 else 0
        zeros = bits - window.bit_length()
        if zeros > _MAX_LEADING_ZEROS:
            raise StreamError(
                "bad_syntax",
                f"exp-golomb code at bit {start} has more than {_MAX_LEADING_ZEROS} leading zeros",
            )
        length = 2 * zeros + 1
        if length > bits:
            raise _ends_early(self._size, start + length)
        self._position = start + length
        return (window >> (bits - length)) - 1

    def se(self) -> int:
        """Read a signed Exp-Golomb code (9.1.1): 0, 1, -1, 2, -2, ..."""
        code = self.ue()
        return (code + 1) >> 1 if code & 1 else -(code >> 1)

    def ue_at_most(self, maximum: int, name: str) -> int:
        """Read an unsigned Exp-Golomb code and refuse one over its limit.

        Args:
            maximum: the highest value that the standard allows.
            name: the syntax element, for the message.
        """
        value = self.ue()
        if value > maximum:
            raise StreamError("bad_syntax", f"{name} is {value}, maximum is {maximum}")
        return value


def _ends_early(size: int, wanted: int) -> StreamError:
    return StreamError("bad_syntax", f"rbsp has {size} bits, but its syntax needs {wanted} or more")
