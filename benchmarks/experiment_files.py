"""The files of an experiment: what they hold apart from times, and which of its work they say is finished."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rankify.experiment.beginnings import REMEMBERED

Identity = tuple[tuple[str, int, int], ...]  # of each of its files: the name, the inode and when it was last written
Finished = Mapping[str, Identity]

KINDS = {
    "index": "indexes", "tuning": "tuned systems", "stage": "steps of pipelines", "run": "runs", "answers": "answers",
    "measures": "measures of a collection", "publication": "tables, report and manifest",
}  # fmt: skip
TIMES = b"where the time went"  # the title of the last tables
_PARTS = (  # of the report: those tables, and the plots of effectiveness against cost
    re.compile(rb"<h2[^>]*>[^<]*: where the time went</h2>.*?</table></div>", re.DOTALL),
    re.compile(rb"<figure>\s*<h2[^>]*>[^<]*: effectiveness against cost</h2>.*?</figure>", re.DOTALL),
)


def contents(folder: Path) -> dict[str, bytes]:
    """What every file holds, by name, apart from times."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): timeless(path.relative_to(folder), path.read_bytes()) for path in files}


def timeless(name: Path, held: bytes) -> bytes:
    """The bytes of a file without what says when the work was done, for how long, and by which of several starts.

    - `results.txt`, `.md`, `.tex`: without the tables "where the time went", which are the last
    - `report.html`: without these, and without the plots of effectiveness against cost, which are drawn from seconds
    - `results.json`: without `took`
    - records in `runs/` and `answers/`: without `seconds`, `finished`, `remembered`, `built`, and `kept` of a stage
    - `manifest.json`: without these, `started`, and the hashes of what contains times
    - `stages/`: without the seconds of each step, and how many replies were there already

    All other files are returned as they are.
    """
    top = name.parts[0]
    if name.suffix == ".npz":
        return _stage(held)
    if top == "report.html":
        for part in _PARTS:
            held = part.sub(b"", held)
        return held
    if name.stem == "results" and name.suffix != ".json":
        return held.partition(TIMES)[0]
    if name.suffix == ".json" and (top in ("runs", "answers") or len(name.parts) == 1):
        return json.dumps(_undated(json.loads(held)), ensure_ascii=False, indent=1).encode()
    return held


def _undated(said: Mapping[str, Any]) -> dict[str, Any]:
    """A record, the summary or the manifest without times."""
    manifest = "files" in said
    dated = {"seconds", "finished", "remembered", "built", "started", "took"} | ({"key"} if manifest else set())
    kept = {key: value for key, value in said.items() if key not in dated}
    if "stages" in kept:
        kept["stages"] = [{k: v for k, v in one.items() if k in ("stage", "counts")} for one in kept["stages"]]
    for records in {"cells", "readings"} & {*kept}:
        kept[records] = list(map(_undated, kept[records]))
    if manifest:
        dated_files = ("report.html", "results.")
        kept["files"] = {file: "" if file.startswith(dated_files) else h for file, h in said["files"].items()}
    return kept


def _stage(held: bytes) -> bytes:
    """The arrays that a step left, and what it counted."""
    with np.load(io.BytesIO(held), allow_pickle=False) as arrays:
        told = json.loads(arrays["reports"].tobytes())
        reports = [[s, {name: n for name, n in counts.items() if name != REMEMBERED}] for s, _, counts in told]
        rest = b"".join(name.encode() + arrays[name].tobytes() for name in sorted({*arrays} - {"reports"}))
    return rest + json.dumps(reports).encode()


def differences(one: Mapping[str, bytes], other: Mapping[str, bytes]) -> list[str]:
    """The files that two folders do not share, a line each."""
    lacking = [f"{name}: only in one of the folders" for name in sorted({*one} ^ {*other})]
    shared = sorted({*one} & {*other})
    return lacking + [f"{name}: {_first(one[name], other[name])}" for name in shared if one[name] != other[name]]


def _first(one: bytes, other: bytes) -> str:
    """Where two texts part."""
    both = zip(one, other, strict=False)
    place = next((at for at, (a, b) in enumerate(both) if a != b), min(len(one), len(other)))
    a, b = (text[max(place - 20, 0) : place + 40] for text in (one, other))
    return f"differs at byte {place:,} (times aside): {a!r} and {b!r}"


def finished(folder: Path) -> dict[str, Identity]:
    """Everything that is finished, as the files say: "KIND NAME" -> its files; a file written anew has another inode.

    A thing is finished when the file is there that is written last. These are: an index with its manifest, what was
    chosen for a tuned system, a step of a pipeline, the record of a run, of answers and of a dataset's measures, and
    the manifest of the whole. Without one of its files it is not.
    """
    found = {f"index {path.parent.name}": _below(path.parent) for path in folder.glob("indexes/*/manifest.json")}
    found |= {f"tuning {_named(path)}": [path] for path in folder.glob("tuned/*/*.json")}
    found |= {f"stage {_named(path)}": [path] for path in folder.glob("stages/*/[!.]*.npz")}
    found |= {f"run {_named(path)}": [path, path.with_suffix(".trec")] for path in folder.glob("runs/*/*.json")}
    found |= {f"answers {_named(path)}": [path, path.with_suffix(".jsonl")] for path in folder.glob("answers/*/*.json")}
    found |= {f"measures {path.stem}": [path, path.with_suffix(".csv")] for path in folder.glob("per-query/*.json")}
    if (folder / "manifest.json").exists():
        whole = [folder / "manifest.json", folder / "report.html", *folder.glob("results.*")]
        found["publication"] = [*whole, *folder.glob("per-query/*.parquet")]
    return {unit: _identity(files) for unit, files in found.items() if all(path.exists() for path in files)}


def _below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("[!.]*") if path.is_file()]


def _named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def _identity(files: Iterable[Path]) -> Identity:
    return tuple(sorted((str(path), path.stat().st_ino, path.stat().st_mtime_ns) for path in files))


def indexing(folder: Path) -> bool:
    """Whether an index was begun and is not finished."""
    return any(not (path / "manifest.json").exists() for path in folder.glob("indexes/[!.]*"))


def rewritten(before: Finished, after: Finished) -> list[str]:
    """What was finished before, and is not there as it was."""
    return [unit for unit, files in before.items() if after.get(unit) != files]
