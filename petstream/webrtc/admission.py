"""Viewer slots: taken under a lock before any work is done for an offer, and given back once."""

import threading

from petstream.errors import TooManyViewersError

__all__ = ["Admission", "Slot"]


class Slot:
    """The right to be one viewer, given back once however often ``give_back`` is called."""

    def __init__(self, admission: "Admission") -> None:
        self._admission: Admission | None = admission

    def give_back(self) -> None:
        """Let the next one in (any thread)."""
        admission, self._admission = self._admission, None
        if admission is not None:
            admission.free()


class Admission:
    """The viewer slots. Any thread."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0
        self._lock = threading.Lock()

    def take(self) -> Slot:
        """Take a slot.

        Raises:
            TooManyViewersError: all are taken.
        """
        with self._lock:
            if self.taken >= self.limit:
                raise TooManyViewersError(
                    f"{self.taken} viewers are connected, at most {self.limit} are allowed; "
                    "try again later or raise -max-clients"
                )
            self.taken += 1
        return Slot(self)

    def free(self) -> None:
        """A slot was given back."""
        with self._lock:
            self.taken -= 1
