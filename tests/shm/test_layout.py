"""The byte layout, as the C compiler sees it and as the contract has it."""

import ctypes
import subprocess
from pathlib import Path

from petstream.shm import layout
from petstream.shm.header import c_header

GENERATOR = Path(__file__).parents[2] / "tools" / "gen_shm_header"

STRUCTURES: tuple[type[ctypes.Structure], ...] = (
    layout.Timespec,
    layout.Frame,
    layout.Ring,
    layout.Detection,
    layout.Detections,
)


def python_layout() -> list[str]:
    """Every size and offset, in the words of ``c/layout.c``."""
    lines = []
    for structure in STRUCTURES:
        lines.append(f"{structure.__name__} {ctypes.sizeof(structure)}")
        for name, *_ in structure._fields_:
            field = getattr(structure, name)
            lines.append(f"{structure.__name__}.{name} {field.offset} {field.size}")
    return lines


def test_c_compiler_lays_every_field_out_as_python_does(c_programs: Path) -> None:
    """Each offset and size of the generated header equals that of the ctypes structures."""
    printed = subprocess.run(
        [c_programs / "layout"], check=True, capture_output=True, text=True
    ).stdout
    assert printed.splitlines() == python_layout()


def test_layout_is_that_of_the_contract() -> None:
    """The numbers that camera daemons rely on have not moved."""
    assert layout.RING_SIZE == 93_313_480
    assert layout.FRAME_SIZE == 3_110_448
    assert layout.DETECTIONS_SIZE == 584
    offsets = {line.rsplit(" ", 1)[0] for line in python_layout() if "." in line}
    assert offsets >= {
        "Ring.write_index 0",
        "Ring.frame_interval_ms 4",
        "Ring.new_frame_sem 8",
        "Ring.frames 40",
        "Frame.frame_number 0",
        "Frame.timestamp 8",
        "Frame.camera_id 24",
        "Frame.width 28",
        "Frame.height 32",
        "Frame.format 36",
        "Frame.data_size 40",
        "Frame.data 48",
        "Detections.num_detections 24",
        "Detections.detections 28",
        "Detections.version 548",
        "Detections.update_sem 552",
    }
    assert ctypes.sizeof(layout.Detection) == 52


def test_generator_prints_and_writes_the_header(tmp_path: Path) -> None:
    """The command gives the same text on stdout and in a file."""
    printed = subprocess.run([GENERATOR], check=True, capture_output=True, text=True).stdout
    subprocess.run([GENERATOR, tmp_path / "pet_shm.h"], check=True)
    assert printed == (tmp_path / "pet_shm.h").read_text(encoding="ascii") == c_header()


def test_generator_refuses_options() -> None:
    """An option is answered with the usage, not taken for a file name."""
    assert subprocess.run([GENERATOR, "--help"], capture_output=True, check=False).returncode == 2
