"""NTP timestamps."""

from aiortc.clock import datetime_from_ntp
from hypothesis import example, given
from hypothesis import strategies as st

from petstream.rtp.ntp import middle, ntp_from_unix_ns

# Until the 32 bits of seconds run over, in 2036.
UNIX_NS = st.integers(0, 2_085_978_495 * 10**9)


@given(UNIX_NS)
def test_it_is_the_same_instant(unix_ns: int) -> None:
    """To a microsecond, by aiortc's own conversion."""
    back = datetime_from_ntp(ntp_from_unix_ns(unix_ns))
    assert abs(back.timestamp() - unix_ns / 1e9) < 2e-6


@example((2**32 - 2_208_988_800) * 10**9 - 1, 1)
@given(UNIX_NS, st.integers(1, 10**9))
def test_it_rises(unix_ns: int, later_ns: int) -> None:
    """With every nanosecond, and over the end of the first era in 2036."""
    rise = ntp_from_unix_ns(unix_ns + later_ns) - ntp_from_unix_ns(unix_ns)
    assert 0 < rise % 2**64 < 2**63


def test_the_middle_counts_65536ths() -> None:
    """Half a second apart is half of that."""
    start, end = ntp_from_unix_ns(10**18), ntp_from_unix_ns(10**18 + 5 * 10**8)
    assert middle(end) - middle(start) == 32_768
