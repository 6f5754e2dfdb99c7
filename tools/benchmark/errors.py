"""What a measurement fails by, without the benchmark being at fault."""

__all__ = ["NotMeasuredError"]


class NotMeasuredError(Exception):
    """A server under a load that is too much for it; says what it did not do."""
