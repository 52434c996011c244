"""What an experiment will take of the disk and of the memory, by rule, before it starts.

The rules are upper ends: every query is taken to find as many documents as its pipeline keeps. What is kept from an
earlier start is not counted again, each run and beginning by itself.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankify import catalog, registry
from rankify.errors import BadInput
from rankify.experiment.beginnings import Step, searches_again, steps
from rankify.experiment.fusing import fusion
from rankify.experiment.parts import file_name
from rankify.experiment.plan import Experiment
from rankify.experiment.systems import Work
from rankify.experiment.weights import Weights, here
from rankify.expressions import components
from rankify.grammar import cuts
from rankify.spec import Spec

if TYPE_CHECKING:
    from rankify.corpus import Corpus

DEPTH = 1000  # documents that a search without a cut keeps
SAMPLE = 200  # documents whose texts tell how long the others are
# Bytes, measured on SciFact and NFCorpus; tests compare them with the files of a small experiment.
POSTINGS = 0.34  # of a BM25 index, for a byte of text: a posting of 5 bytes for 15 bytes
PLACE, WORD, WORDS = 20, 18, 10  # of a document in it, of a term, and terms for the root of the bytes of text (Heaps)
TERMS = 200 * 8  # of a learned sparse index, a document: 200 terms of 8 bytes
TOKENS = 5  # bytes of text to a token of late interaction
LINE = 19  # of a run file's line, besides the ids and the system's name
HIT = 16  # of a beginning that is kept: a position and a score
REPORT, QUESTION = 5_000_000, 25_000  # of the report at most, and of a question in it at most
ROW = 60  # of a query's line in a table of values
WIDTH = 768  # dimensions of a model that is not here and of which nothing is known
_WIDTHS = ("hidden_size", "dim", "d_model", "n_embd")  # what configurations call it
PROCESS, TORCH = 350_000_000, 500_000_000  # memory of Python with what searches need, and with torch besides
CLOSE = 0.8  # share of what is free from which on it is a close call


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Bytes that an experiment takes, and those that are free; None where that is not known.

    Attributes:
        disk: what is written, by kind.
        memory: at most, of all processes together.
        unknown: models that are not here, whose weights are in neither.
    """

    disk: Mapping[str, int]
    memory: int
    free_disk: int | None
    free_memory: int | None
    unknown: Sequence[str] = ()

    @property
    def pairs(self) -> list[tuple[str, int, int | None, str]]:
        """What is needed and what there is, with the way out where it is too much."""
        disk = "free some, or give a folder on another disk with -o"
        memory = "close other programs, take a machine with more, or index=ivfpq or storage=float16 for dense vectors"
        return [
            ("disk", sum(self.disk.values()), self.free_disk, disk),
            ("memory", self.memory, self.free_memory, memory),
        ]

    def refuse(self) -> None:
        """Raises BadInput where there is less than is needed, with the figures and the way out."""
        for what, needed, free, way_out in self.pairs:
            if free is not None and needed > free:
                raise BadInput(
                    f"about {size(needed)} of {what} are needed and {size(free)} are free; {way_out}; "
                    "--no-estimate starts it all the same"
                )

    def warnings(self) -> list[str]:
        """What is enough, but not by much."""
        return [
            f"about {size(needed)} of {what} are needed and {size(free)} are free: a close call"
            for what, needed, free, _ in self.pairs
            if free is not None and CLOSE * free < needed <= free
        ]


def size(count: int) -> str:
    """Bytes as people read them.

    >>> size(999), size(35_240_000), size(2_100_000_000)
    ('0.0 MB', '35.2 MB', '2.1 GB')
    """
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"


def refuse_too_much(estimate: Estimate, say: Callable[[str], None]) -> None:
    """Raises BadInput where there is less than is needed; says what is enough, but not by much."""
    estimate.refuse()
    for warning in estimate.warnings():
        say(f"warning: {warning}")


def estimated(experiment: Experiment, works: Mapping[str, Work], folder: Path, jobs: int = 1) -> Estimate:
    """What an experiment takes, given the work on its datasets, its folder, and how many processes run it.

    Args:
        works: by label, of the datasets that were opened; what these are tuned on is counted, too.
    """
    disk, held = dict.fromkeys(("indexes", "runs", "beginnings", "report and values"), 0), [0]
    needed: dict[str, tuple[int, int]] = {}
    for work in works.values():
        texts, ids = _lengths(work.data.corpus)
        searches = {system: work.searches(system) for system in experiment.systems}
        indexes, taught = _lessons(work)
        indexes |= {
            name: need for text in searches.values() for name, need in _indexes(text, work.about, texts).items()
        }
        needed |= indexes
        held.append(sum(memory for _, memory in indexes.values()) + int(texts * work.about["documents"]) + taught)
        left = {system: text for system, text in searches.items() if not work.ranked(system)}
        disk["runs"] += _runs(work, left, ids)
        disk["beginnings"] += _beginnings(work, left)
        disk["report and values"] += work.about["asked"] * len(searches) * ROW
    disk["indexes"] = sum(n for name, (n, _) in needed.items() if not any((folder / "indexes").glob(name)))
    disk["report and values"] += min(REPORT, sum(work.about["asked"] for work in works.values()) * QUESTION)
    models = Weights.of([part for text in _whole(experiment) for part in components(text)])
    judges = Weights.of(experiment.judges.parts())
    memory = jobs * (PROCESS + max(held) + models.total) + judges.total
    return Estimate(
        disk=disk, memory=memory + TORCH * max(jobs * models.networks, judges.networks), free_disk=_free_disk(folder),
        free_memory=_free_memory(), unknown=sorted({*models.unknown, *judges.unknown}),
    )  # fmt: skip


def _runs(work: Work, left: Mapping[str, str], ids: float) -> int:
    """Bytes of the run files of systems that are not finished."""
    about = work.about
    line = LINE + ids + _mean(len(query.id) for query in work.data.queries.queries)
    kept = {system: min(passed(text)[-1][1], about["documents"]) for system, text in left.items()}
    return sum(int(about["asked"] * count * (line + len(system))) for system, count in kept.items())


def _beginnings(work: Work, left: Mapping[str, str]) -> int:
    """Bytes of the beginnings of systems that are not finished, but for those that are kept."""
    ranked = {step.beginning: before for text in left.values() for step, before in befores(text)}
    file, most = work.beginnings().file, work.about["documents"]
    return sum(
        work.about["asked"] * HIT * min(before, most)
        for beginning, before in ranked.items()
        if not file(beginning).is_file()
    )


def _lessons(work: Work) -> tuple[dict[str, tuple[int, int]], int]:
    """What tuning takes: the indexes that it searches, and memory for texts of other collections and for its runs."""
    indexes: dict[str, tuple[int, int]] = {}
    texts, runs = dict[str, float](), [0]
    for (label, system), lesson in work.taught.items():
        if label != work.label:
            continue
        about, parts = lesson.about, lesson.untuned.parts
        each, _ = _lengths(lesson.data.corpus)
        if about["corpus"] != work.about["corpus"]:
            texts[about["corpus"]] = each * about["documents"]
        if work.pipeline(system) is None:
            indexes |= {name: need for part in parts for name, need in _indexes(part, about, each).items()}
            runs.append(about["asked"] * HIT * sum(min(passed(one)[-1][1], about["documents"]) for one in parts))
    return indexes, int(sum(texts.values())) + max(runs)


def _whole(experiment: Experiment) -> list[str]:
    """The pipelines with their readers; of tuned ones the parts, and what follows them."""
    untuned = experiment.untuned
    texts = [text for label, text in experiment.systems.items() if label not in untuned]
    return [*texts, *(untuned[label].searches + untuned[label].after for label in untuned)]


def passed(text: str) -> list[tuple[int, int]]:
    """How many documents each step of a pipeline ranks, and how many of them its cuts pass on.

    >>> passed("bm25 % 100 >> a % 20 >> top(5, b)"), passed("bm25")
    ([(100, 100), (100, 20), (20, 20)], [(1000, 1000)])
    >>> passed("bm25 % 9 >> rm3(bm25)"), passed("bm25 % 9 >> rrf(bm25 % 5, bm25) % 7")
    ([(9, 9), (1000, 1000)], [(9, 9), (1000, 7)])
    """
    found: list[tuple[int, int]] = []
    for step in steps(text):
        asked = [int(cut[1]) for cut in cuts(step.text)]
        finds = not found or fusion(step.text) or searches_again(step.text)
        before = min(asked) if asked else DEPTH if finds else found[-1][1]
        found.append((before, min([before, *step.cuts])))
    return found


def befores(text: str) -> list[tuple[Step, int]]:
    """The steps of a pipeline and of what its fusions fuse, and how many documents each ranks.

    >>> [(step.beginning, ranked) for step, ranked in befores("rrf(bm25 % 9, bm25) % 7 >> a")]
    [('bm25 % 9', 9), ('bm25', 1000), ('rrf(bm25 % 9, bm25) % 7', 7), ('rrf(bm25 % 9, bm25) % 7 >> a', 7)]
    """
    found: list[tuple[Step, int]] = []
    for step, (before, _) in zip(steps(text), passed(text), strict=True):
        fused = fusion(step.text)
        found += [inner for part in (fused.parts if fused else ()) for inner in befores(part)]
        found.append((step, before))
    return found


def _indexes(text: str, about: Mapping[str, Any], texts: float) -> dict[str, tuple[int, int]]:
    """Bytes on the disk and in memory of each index that a pipeline searches in, by the pattern of its folder."""
    found = {}
    for kind, spec in components(text):
        if kind == "retriever" and (need := _index(spec, about["documents"], texts)):
            decisive = getattr(registry.find(kind, spec.name), "indexed_by", spec.options)
            own = Spec(spec.name, spec.model, {o: v for o, v in spec.options.items() if o in decisive})
            weighted = int(need * 1.6) if spec.name == "bm25" else need  # scores of 4 bytes in the place of counts of 1
            found[f"{file_name(str(own))}-{about['corpus'][:12]}*"] = need, weighted
    return found


def _index(spec: Spec, documents: int, texts: float) -> int:
    """Bytes of a retriever's index; 0 for one that has none here, or of which there is no rule."""
    if spec.name == "bm25":
        return int(POSTINGS * documents * texts + PLACE * documents + WORD * WORDS * sqrt(documents * texts))
    if spec.name in ("sparse", "impact"):
        return documents * TERMS
    if spec.name == "late-interaction":
        tokens = min(texts / TOKENS, float(spec.options.get("document_length") or 180))
        compressed = spec.options.get("index") == "compressed"
        return int(documents * tokens * (36 if compressed else 128 * _bytes(spec, "float16")))
    if spec.name == "dense":
        return int(documents * _width(spec) * _bytes(spec, "float32"))
    return 0


def _bytes(spec: Spec, usual: str) -> float:
    return {"float32": 4, "float16": 2, "bits": 1 / 8}.get(str(spec.options.get("storage", usual)), 4)


def _width(spec: Spec) -> int:
    """Dimensions of an encoder's vectors: as asked, as the catalogue or the checkpoint says, or else `WIDTH`."""
    if asked := spec.options.get("dimensions"):
        return int(asked)
    remote = catalog.models().get(spec.model.replace(":", "/", 1), {}).get("remote", {})
    folder = here(spec.model)
    config = folder / "config.json" if folder else None
    if config and config.is_file():
        said = json.loads(config.read_text("utf-8"))
        return int(next((said[name] for name in _WIDTHS if name in said), WIDTH))
    return int(remote.get("dimension", WIDTH))


def _lengths(corpus: Corpus) -> tuple[float, float]:
    """Bytes of a document's title and text, and of its id, on average over some that lie evenly in the corpus."""
    some = [corpus.document(place) for place in range(0, len(corpus), max(1, len(corpus) // SAMPLE))]
    texts = _mean(len(f"{one.title} {one.text}".encode("utf-8", "replace")) for one in some)
    return texts, _mean(len(one.id) for one in some)


def _mean(values: Iterable[int]) -> float:
    known = list(values)
    return sum(known) / len(known) if known else 0.0


def _free_disk(folder: Path) -> int:
    """Bytes that are free where a folder is, or will be."""
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    return shutil.disk_usage(there).free


def _free_memory() -> int | None:
    """Bytes of memory that are free, or that a container leaves; None where the system does not tell."""
    known = Path("/proc/meminfo")
    if not known.is_file():
        return None
    lines = dict(line.split(":", 1) for line in known.read_text("utf-8").splitlines())
    free = int(lines["MemAvailable"].split()[0]) * 1024
    most, used = (Path("/sys/fs/cgroup") / name for name in ("memory.max", "memory.current"))
    if most.is_file() and used.is_file() and most.read_text("utf-8").strip().isdigit():
        free = min(free, int(most.read_text("utf-8")) - int(used.read_text("utf-8")))
    return free
