"""Recording access units to files that always play, without ever holding up a viewer.

Making them, on the recorder thread:

- ``recorder``: start, stop and status from any thread, and the recorder thread's loop
- ``mailbox``: how a call reaches a thread and comes back
- ``engine``: what the recorder thread does
- ``pre_roll``: the last seconds, in memory, for a recording that begins before /start
- ``session``, ``limits``: one recording: IDR gate, times, counts, one file after another
- ``raw``, ``mp4``: the two formats, behind ``writer.Writer``
- ``directory``: where files are made and watched; ``names`` gives them their names
- ``recording_file``: a file and its ``sidecar``: where each piece ends, and when it is shown
- ``output``: a file that takes each piece whole or not at all; ``syscalls`` is below it
- ``status``: what /status tells

What becomes of them, on threads of its own:

- ``library``: all of it, for REST; ``call_thread`` is a thread that answers
- ``housekeeper``: left-overs finished (``recovery``), room made (``retention``)
- ``catalog``, ``entry``: which recordings there are; ``sidecar_file`` reads their figures
- ``scan_raw``, ``scan_mp4``, ``decoding``: what a file holds whose sidecar is lost
- ``media``, ``remux``, ``mp4_header``: their bytes, as they are or as MP4; ``remux_file`` on the
  command line
- ``pictures``: thumbnails and snapshots
"""

from petstream.recording.directory import check_directory
from petstream.recording.engine import RecorderCounters, Source
from petstream.recording.names import RecordingFormat
from petstream.recording.recorder import Recorder
from petstream.recording.status import RecordingStatus

__all__ = [
    "Recorder",
    "RecorderCounters",
    "RecordingFormat",
    "RecordingStatus",
    "Source",
    "check_directory",
]
