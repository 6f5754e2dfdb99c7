"""From the bytes of a slot to a canonical access unit.

Strategy: the contents of a slot are sorted first, then its parameter sets are remembered, for each
camera apart, and those that its slices name are looked up. An IDR picture goes out with all of
them in front; everything else stays as views into the slot's bytes, in its order. Whatever breaks
the chain of reference pictures (a lost slot, an unusable one, another camera, another SPS) marks
the next access unit as a discontinuity.
"""

from collections import Counter

from petstream.errors import StreamError
from petstream.h264.access_unit import AccessUnit
from petstream.h264.contents import DROP_REASONS, Contents, read_contents
from petstream.h264.parameter_sets import ParameterSetCache, ParameterSets
from petstream.slot import Slot

__all__ = ["MAX_CAMERAS", "Processor"]

# Cameras whose parameter sets are remembered at once: switching back needs no new ones, and a
# daemon that writes nonsense as camera_id cannot make us keep more.
MAX_CAMERAS = 8


class Processor:
    """Makes access units from slots, in order. One thread calls process; others may read."""

    def __init__(self) -> None:
        # NAL units left out because no decoder may see them, by reason; delimiters and filler,
        # which are in order, are not counted.
        self.dropped_nal_units: Counter[str] = Counter(dict.fromkeys(DROP_REASONS, 0))
        # What the newest picture refers to; None before the first and while it is unknown.
        self.parameter_sets: ParameterSets | None = None
        # Whether this camera, under this SPS, has written a B slice.
        self.b_frames_seen = False
        # By camera_id, the one in use last; at most MAX_CAMERAS.
        self._caches: dict[int, ParameterSetCache] = {}
        # Camera and SPS of the picture before: a picture of another can refer to none of it.
        self._previous: tuple[int, bytes | None] | None = None
        # A picture has been lost since the last access unit.
        self._lost = False

    @property
    def has_headers(self) -> bool:
        """Whether the parameter sets of the newest picture are known."""
        return self.parameter_sets is not None

    @property
    def may_have_b_frames(self) -> bool:
        """Whether pictures may come in another order than shown: by the SPS, or by B slices."""
        sets = self.parameter_sets
        return self.b_frames_seen or (sets is not None and sets.parsed.may_have_b_frames)

    def process(self, slot: Slot) -> AccessUnit:
        """Make the canonical access unit of a slot.

        Raises:
            StreamError: the slot cannot be used, and the next access unit is a discontinuity.
                ``parameter_sets_only`` is the exception: the slot has no picture, so none is
                lost, and its parameter sets are remembered.
        """
        self._lost |= slot.discontinuity
        try:
            contents = read_contents(slot.data)
            if contents.dropped:
                self.dropped_nal_units.update(contents.dropped)
            sets = self._look_up(contents, self._cache_of(slot.camera_id))
        except StreamError:
            self._lost = True
            raise
        if not contents.pps_ids:
            raise self._no_slice(contents, slot)
        return self._make(slot, contents, sets)

    def _cache_of(self, camera_id: int) -> ParameterSetCache:
        cache = self._caches.pop(camera_id, None)
        if cache is None:
            cache = ParameterSetCache()
            if len(self._caches) >= MAX_CAMERAS:
                del self._caches[next(iter(self._caches))]
        self._caches[camera_id] = cache
        return cache

    @staticmethod
    def _look_up(contents: Contents, cache: ParameterSetCache) -> ParameterSets | None:
        """Remember the parameter sets of a slot and find those that its picture needs."""
        for sps in contents.sps:
            cache.add_sps(sps)
        for pps in contents.pps:
            cache.add_pps(pps)
        sets = cache.resolve(contents.pps_ids)
        for sps in contents.late_sps:
            cache.add_sps(sps)
        for pps in contents.late_pps:
            cache.add_pps(pps)
        return sets

    def _no_slice(self, contents: Contents, slot: Slot) -> StreamError:
        if (contents.sps or contents.pps) and not contents.dropped:
            return StreamError(
                "parameter_sets_only", f"slot {slot.sequence} has parameter sets but no picture"
            )
        self._lost = True
        return StreamError(
            "no_slice", f"{len(slot.data)} bytes of slot {slot.sequence} have no slice in them"
        )

    def _make(self, slot: Slot, contents: Contents, sets: ParameterSets | None) -> AccessUnit:
        is_idr = contents.is_idr and sets is not None
        identity = (slot.camera_id, None if sets is None else sets.sps[0])
        changed = identity != self._previous
        # An IDR picture whose parameter sets nobody knows is as good as lost.
        unusable = contents.is_idr and not is_idr
        discontinuity = self._lost or unusable or (changed and not is_idr)
        if changed:
            self.b_frames_seen = False
        self.b_frames_seen |= contents.has_b_slice
        self._previous, self._lost, self.parameter_sets = identity, False, sets
        nal_units = _canonical(contents, sets if is_idr else None)
        return AccessUnit(
            nal_units=nal_units,
            size=sum(map(len, nal_units)),
            is_idr=is_idr,
            discontinuity=discontinuity,
            sequence=slot.sequence,
            frame_number=slot.frame_number,
            capture_ns=slot.capture_ns,
            read_ns=slot.read_ns,
            camera_id=slot.camera_id,
            parameter_sets=sets,
        )


def _canonical(contents: Contents, needed: ParameterSets | None) -> tuple[memoryview, ...]:
    """SPS, PPS, then the rest, with those put in that are needed and not there."""
    sps, pps = contents.sps, contents.pps
    if needed is None:
        return (*sps, *pps, *contents.rest)
    put_in_sps = [memoryview(nal) for nal in needed.sps if nal not in sps]
    put_in_pps = [memoryview(nal) for nal in needed.pps if nal not in pps]
    return (*sps, *put_in_sps, *pps, *put_in_pps, *contents.rest)
