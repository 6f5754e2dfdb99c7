"""Writes what BitReader reads, so that tests can make any syntax they like."""

__all__ = ["BitWriter"]


class BitWriter:
    """Collects syntax elements, most significant bit first."""

    def __init__(self) -> None:
        self._bits: list[str] = []

    def u(self, value: int, bits: int) -> None:
        self._bits.append(f"{value:0{bits}b}" if bits else "")

    def ue(self, value: int) -> None:
        code = f"{value + 1:b}"
        self._bits.append("0" * (len(code) - 1) + code)

    def se(self, value: int) -> None:
        self.ue(2 * value - 1 if value > 0 else -2 * value)

    def raw(self) -> bytes:
        """The bits so far, filled up with zeros."""
        bits = "".join(self._bits)
        bits += "0" * (-len(bits) % 8)
        return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))

    def rbsp(self) -> bytes:
        """The bits so far with rbsp_trailing_bits()."""
        self.u(1, 1)
        return self.raw()
