"""The rankings of an experiment: those of one system on one dataset, finished or still to do."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rankify.experiment.beginnings import REMEMBERED, Beginnings, Found
from rankify.experiment.hashes import file_hash, value_hash
from rankify.experiment.parts import without_folder
from rankify.experiment.records import recorded
from rankify.io.files import writing
from rankify.io.trec import write_run
from rankify.stages import WithoutQuery
from rankify.types import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """The rankings of one system on one dataset; of one that ends in a reader those that it reads.

    It is finished when its record is there, was made by the same pipeline from the same data with the same models and
    versions (`behind`), and its run file is what the record says. The record is written after the run file, both
    whole or not at all, so a kill at any time loses this cell at most.
    """

    folder: Path
    dataset: str
    system: str
    pipeline: str
    behind: Mapping[str, str]

    @property
    def run_file(self) -> Path:
        """Where the run is, as a TREC file."""
        return self.folder / "runs" / self.dataset / f"{self.system}.trec"

    @property
    def record_file(self) -> Path:
        """Where it is written that the cell is finished, and what it cost."""
        return self.folder / "runs" / self.dataset / f"{self.system}.json"

    def record(self, data: Mapping[str, Any]) -> dict[str, Any] | None:
        """The record of a finished cell, or None where there is work to do."""
        found = recorded(self.record_file)
        same = found.get("key") == self.key(data) and self.run_file.is_file()
        return found if same and found.get("sha256") == file_hash(self.run_file) else None

    def key(self, data: Mapping[str, Any]) -> str:
        """What the run depends on, as one fingerprint."""
        parts = [self.pipeline, data["corpus"], data["queries"], data["drop_identical_ids"]]
        return value_hash([*parts, *sorted(self.behind.items())])

    def finish(self, about: Mapping[str, Any], beginnings: Beginnings) -> dict[str, Any]:
        """Searches, writes the run file and then the record, which is returned."""
        built = beginnings.parts.built
        before = dict(built)
        run, found = self.found(about, beginnings)
        write_run(run, self.run_file, tag=self.system)
        record = {
            "key": self.key(about),
            "dataset": self.dataset,
            "system": self.system,
            "pipeline": self.pipeline,
            "behind": dict(self.behind),
            "queries": len(run),
            "documents": sum(map(len, run)),
            "sha256": file_hash(self.run_file),
            "built": {spec: round(s, 6) for spec, s in built.items() if before.get(spec) != s},
            "stages": [
                {
                    "stage": without_folder(report.stage),
                    "seconds": round(report.seconds, 6),
                    "remembered": int(report.counts.get(REMEMBERED, 0)),
                    "counts": {name: count for name, count in report.counts.items() if name != REMEMBERED},
                    "kept": kept,
                }
                for report, kept in zip(found.reports, found.kept, strict=True)
            ],
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        with writing(self.record_file) as file:
            json.dump(record, file, ensure_ascii=False, indent=1)
        return record

    def found(self, about: Mapping[str, Any], beginnings: Beginnings) -> tuple[Run, Found]:
        """The rankings as they are measured and read, and what they took."""
        found = beginnings.found(self.pipeline)
        return (WithoutQuery().apply(found.run) if about["drop_identical_ids"] else found.run), found
