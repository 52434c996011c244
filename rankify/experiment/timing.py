"""Times one system on one dataset in a process of its own, so that no system inherits another's memory or caches.

`python -m rankify.experiment.timing` reads what to time from standard input, a line of JSON, and writes the record. It
ends when its standard input does, so that it does not outlive the process that started it.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rankify import registry
from rankify.datasets import Dataset
from rankify.errors import RankifyError
from rankify.experiment.beginnings import Beginnings
from rankify.experiment.efficiency import Efficiency, latency, timed
from rankify.experiment.energy import Meter, gpus, packages, total
from rankify.experiment.parts import Parts
from rankify.experiment.sources import Source
from rankify.io.files import writing
from rankify.spec import Spec
from rankify.stages import Reader
from rankify.types import Query, Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What to time.

    Attributes:
        folder: the experiment's, where indexes are.
        file: where the record goes.
        key: what the record depends on, as one fingerprint.
        searches: the pipeline up to the reader.
        reader: the reader's spec; "" without one.
        source: the dataset.
        plan: which queries, how often.
    """

    folder: str
    file: str
    key: str
    searches: str
    reader: str
    source: Mapping[str, Any]
    plan: Mapping[str, int]


class Fresh(Parts):
    """Components on the experiment's indexes; language models are asked anew: a reply that is kept takes no time."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.indexes: set[Path] = set()

    def _built(self, key: tuple[str, str, str, str], spec: str | Spec, *args: Any, **options: Any) -> Any:
        kept = self._kept(*key)
        place = kept.get("folder") or Spec.parse(key[1]).options.get("folder")
        made = registry.load(key[0], spec, *args, **options, **kept)
        if place and key[0] == "retriever":
            self.indexes.add(Path(str(place)))
        return made

    def bytes(self) -> int | None:
        """What the indexes take on disk; None where none is kept there."""
        files = {file for folder in self.indexes for file in folder.rglob("*") if file.is_file()}
        return sum(file.stat().st_size for file in files) if files else None


def measured(task: Task) -> dict[str, Any]:
    """Latency, memory, index bytes and energy of a system."""
    plan, data = Efficiency(**task.plan), Source(**task.source).open()
    parts = Fresh(Path(task.folder) / "indexes")
    ask = _asker(task, data, parts)
    meter = Meter([*packages(), *gpus()])
    seconds = timed(ask, data.queries.queries, plan, ready=meter.start, after=meter.note)
    joules = meter.joules()
    return {
        "latency_ms": latency(seconds),
        "asked": len(seconds),
        "drawn": len(seconds) // plan.repetitions,
        "peak_rss": peak_memory(),
        "peak_gpu": peak_gpu_memory(),
        "index_bytes": parts.bytes(),
        "joules": joules,
        "joules_per_query": None if (spent := total(joules)) is None else spent / len(seconds),
    }


def _asker(task: Task, data: Dataset, parts: Fresh) -> Callable[[Query], object]:
    """What answers one query, as the experiment does."""
    drops = data.drop_identical_ids
    stage = Beginnings(Path(task.folder) / "stages", data, {}, parts).stage(task.searches, drops=drops)
    if not task.reader:
        return lambda query: stage([query])
    reader: Reader = parts.load("reader", task.reader)
    reader = reader.searching_with(stage)
    return lambda query: reader(stage([query]) if reader.reads_first else Run.of([query]))


def peak_memory(status: Path = Path("/proc/self/status")) -> int | None:
    """Bytes of memory that this process held at most; None where the system does not say (it is Linux's VmHWM).

    `ru_maxrss` would begin with what the process that started this one held.
    """
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text("utf-8")) if status.exists() else None
    return int(found[1]) * 1024 if found else None


def peak_gpu_memory() -> int | None:
    """Bytes that PyTorch's tensors took at most, over all GPUs; None where it was not used or there is no GPU."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    return sum(int(torch.cuda.max_memory_allocated(i)) for i in range(torch.cuda.device_count()))


def _leave_with_input() -> None:
    os.read(sys.stdin.fileno(), 1)  # not through sys.stdin, whose lock a thread must not hold when Python ends
    os._exit(1)


def main() -> None:
    """Reads a task, measures, and writes the record last."""
    task = Task(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_leave_with_input, daemon=True).start()
    try:
        found = measured(task)
        finished = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with writing(task.file) as file:
            json.dump({"key": task.key, **found, "finished": finished}, file, ensure_ascii=False, indent=1)
    except RankifyError as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
