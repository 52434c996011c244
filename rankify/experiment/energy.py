"""Energy that a machine's own counters report: processors and memory by RAPL, GPUs by NVML; None where none does."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

POWERCAP = Path("/sys/class/powercap")
_ZONE = re.compile(r"(intel-rapl:\d+)(:\d+)?")
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
    """Energy of one power zone, as Linux has it in powercap (kernel.org, power/powercap/powercap.html).

    Args:
        zone: its folder.
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
    """The processor packages that RAPL counts, and the memory at each.

    A package's counter has its cores and what else is on the chip ("core", "uncore") in it, which are not read besides.
    Memory ("dram") is a domain of its own, though Linux has its zone below the package's (Intel's Software Developer's
    Manual, volume 3, RAPL domains; Khan et al., RAPL in Action, doi 10.1145/3177754). A whole platform ("psys") is left
    out, for it has both in it.
    """
    found = sorted((z, match) for z in folder.glob("intel-rapl:*") if (match := _ZONE.fullmatch(z.name)))
    whole = {match[1] for zone, match in found if not match[2] and not _name(zone).startswith("psys")}
    return [Rapl(zone) for zone, m in found if m[1] in whole and (not m[2] or _name(zone) == "dram")]


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


def total(joules: Mapping[str, float | None]) -> float | None:
    """Joules of all counters together; None where there are none or one is not known, for a part is not the whole.

    >>> total({"intel-rapl:0": 2.0, "gpu:0": 3.0}), total({"intel-rapl:0": None, "gpu:0": 3.0}), total({})
    (5.0, None, None)
    """
    known = [spent for spent in joules.values() if spent is not None]
    return sum(known) if known and len(known) == len(joules) else None


def _since(last: float, now: float, range: float | None) -> float | None:
    """What was spent between two readings; None where a counter fell and does not say where it begins again."""
    if now >= last:
        return now - last
    return None if range is None else now + range - last
