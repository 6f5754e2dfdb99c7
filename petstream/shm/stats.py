"""What a ring reader counts."""

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["ReaderStats"]


@dataclass(slots=True)
class ReaderStats:
    """Totals since the reader was made; only the reader's thread writes them.

    Attributes:
        slots_read: handed out.
        slots_lost: claimed, but overwritten or gone with their segment before they were read.
        torn: claimed by a writer that died over them.
        rejected: copied out whole, but unusable, by reason.
        attaches: how often a segment was attached to.
        read_errors: how often an attached segment failed.
    """

    slots_read: int = 0
    slots_lost: int = 0
    torn: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    attaches: int = 0
    read_errors: int = 0
