"""Energy that a machine's own counters report: processor packages by RAPL, GPUs by NVML; what none reports is None."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

POWERCAP = Path("/sys/class/powercap")
_PACKAGE = re.compile(r"intel-rapl:\d+")
_TOTAL = "nvmlDeviceGetTotalEnergyConsumption"


class Counter(Protocol):
    """A counter of energy that only grows, until it begins again."""

    name: str

    def read(self) -> float | None:
        """Joules so far; None where the machine does not say."""

    @property
    def range(self) -> float | None:
        """Joules after which it begins again from 0; None where it does not."""


class Rapl:
    """Energy of one processor package, as Linux has it in powercap (kernel.org, power/powercap/powercap.html).

    Args:
        zone: the package's folder. Its parts (cores, memory) are inside, so that they are not read besides.
    """

    def __init__(self, zone: Path) -> None:
        self.zone, self.name = zone, zone.name

    def read(self) -> float | None:
        return self._joules("energy_uj")

    @property
    def range(self) -> float | None:
        return self._joules("max_energy_range_uj")

    def _joules(self, file: str) -> float | None:
        try:
            return int((self.zone / file).read_text("ascii")) / 1e6
        except (OSError, ValueError):  # most systems let only root read it
            return None


def packages(folder: Path = POWERCAP) -> list[Rapl]:
    """The processor packages that RAPL counts; a whole platform ("psys") is left out, for it has the packages in it."""
    zones = sorted(z for z in folder.glob("intel-rapl:*") if _PACKAGE.fullmatch(z.name))
    return [Rapl(zone) for zone in zones if not _name(zone).startswith("psys")]


def _name(zone: Path) -> str:
    try:
        return (zone / "name").read_text("ascii").strip()
    except OSError:
        return ""


class Gpu:
    """Energy of one GPU since its driver was loaded, in NVML's millijoules (Volta and later)."""

    range = None

    def __init__(self, library: ctypes.CDLL, place: int) -> None:
        self.library, self.place, self.name = library, place, f"gpu:{place}"

    def read(self) -> float | None:
        handle, spent = ctypes.c_void_p(), ctypes.c_ulonglong()
        if self.library.nvmlDeviceGetHandleByIndex_v2(self.place, ctypes.byref(handle)):
            return None
        failed = getattr(self.library, _TOTAL)(handle, ctypes.byref(spent))
        return None if failed else spent.value / 1e3


def gpus() -> list[Gpu]:
    """The GPUs that NVML, which comes with NVIDIA's driver, knows; none without it."""
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return []
    count = ctypes.c_uint()
    if library.nvmlInit_v2() or library.nvmlDeviceGetCount_v2(ctypes.byref(count)):
        return []
    return [Gpu(library, place) for place in range(count.value)]


class Meter:
    """Joules since its start, by counter. Whoever else uses the machine is counted, too.

    `note` is to be called more often than a counter begins again: RAPL's do so after some minutes to an hour.
    """

    def __init__(self, counters: Sequence[Counter]) -> None:
        self.counters = counters
        self.start()

    def start(self) -> None:
        """Begins to count, from 0."""
        self._last = {one: one.read() for one in self.counters}
        self._spent: dict[Counter, float | None] = {
            one: None if last is None else 0.0 for one, last in self._last.items()
        }

    def note(self) -> None:
        """Reads every counter that could be read so far."""
        for one, last in self._last.items():
            spent, now = self._spent[one], one.read()
            step = None if now is None or last is None else _since(last, now, one.range)
            self._spent[one] = None if spent is None or step is None else spent + step
            self._last[one] = now

    def joules(self) -> Mapping[str, float | None]:
        """Joules by counter; None of one that could not be read, even once."""
        return {one.name: spent for one, spent in self._spent.items()}


def _since(last: float, now: float, range: float | None) -> float | None:
    """What was spent between two readings; None where a counter fell and does not say where it begins again."""
    if now >= last:
        return now - last
    return None if range is None else now + range - last
