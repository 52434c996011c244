"""Every fusion against ranx, on the same real runs: the same documents, scores and order, and the time of both.

    python -m benchmarks.fusion [--collections scifact nfcorpus] [--depth 100] [--queries 100]
                                [--folder runs/quality] [--markdown FILE.md] [--json] [--check]

Three runs of the test queries are fused: BM25, MiniLM and BM25 with other parameters, as files have them, with strictly
falling scores: ranx sorts equal scores in an order of its own before it fuses. A fusion is asked for with each
normalisation that it takes. Trained ones learn from the same queries in both. Vectors are kept in the folder.

Left out of a comparison, and counted: queries for which a list is empty, which ranx cannot hold, and, where scores are
normalised, those for which all scores of a list are the same, which ranx makes 0 and we 1 (of n: 1/n).
ranx's SegFuse takes the sizes of segments (5, 15, 35) for their ends; to compare the rest, ours is asked to do so, too.
ranx's Condorcet depends on the order of a Python set, which differs from start to start; see `majorities`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import rankify
from benchmarks.command import DATA, MODEL, Row, parser, reported, vectors
from rankify import registry
from rankify.fuse import Fuser, fitted
from rankify.fuse.judged import Judged, by_segment
from rankify.fuse.trained import SegFuse
from rankify.io.trec import read_run, write_run
from rankify.types import Run

PARTS = ("bm25", f"dense:{MODEL}", "bm25?k1=1.6&b=0.9")
WEIGHTS = [0.2, 0.5, 0.3]
EQUAL, LEARNT = 1e-9, 1e-5  # largest differences of scores, relative from 1 up; what is learnt is kept with six digits
NORMS = {
    "minmax": "min-max", "max": "max", "sum": "sum", "zscore": "zmuv", "rank": "rank", "borda": "borda", "none": None,
}  # fmt: skip
OWN_RULE = {"weighted": {"zscore"}}  # where it gives what a list lacks the list's last score, and ranx gives it 0


class SegFuseOfRanx(SegFuse):
    """SegFuse with the sizes of segments as their ends, and as many documents as they could hold."""

    ENDS = (5, 15, 35, 75, 155, 315, 635, 1275, 2555, 5115)

    @classmethod
    def learn(cls, judged: Judged) -> list[float]:
        return by_segment(judged, lambda _: cls.ENDS, full=True).tolist()


@dataclass(frozen=True)
class Case:
    """A fusion under both names."""

    name: str
    ranx: str
    ours: dict[str, Any]
    theirs: dict[str, Any]
    normed: bool = False
    learns: str = ""


CASES = [
    *(Case(f"comb{c}", c, {}, {}, normed=True) for c in ("sum", "mnz", "anz", "min", "max", "med")),
    Case("combgmnz", "gmnz", {"gamma": 0.5}, {"gamma": 0.5}, normed=True),
    Case("weighted", "wsum", {"weights": WEIGHTS}, {"weights": WEIGHTS}, normed=True),
    Case("wmnz", "wmnz", {"weights": WEIGHTS}, {"weights": WEIGHTS}, normed=True),
    Case("mixed", "mixed", {"weights": WEIGHTS}, {"weights": WEIGHTS}, normed=True),
    Case("rrf", "rrf", {"k": 60}, {"k": 60}),
    Case("isr", "isr", {}, {}),
    Case("log-isr", "log_isr", {}, {}),
    Case("logn-isr", "logn_isr", {"sigma": 0.01}, {"sigma": 0.01}),
    Case("rbc", "rbc", {"phi": 0.8}, {"phi": 0.8}),
    Case("borda", "bordafuse", {}, {}),
    Case("borda", "w_bordafuse", {"weights": WEIGHTS}, {"weights": WEIGHTS}),
    Case("condorcet", "condorcet", {}, {}),
    Case("condorcet", "w_condorcet", {"weights": WEIGHTS}, {"weights": WEIGHTS}),
    Case("bayesfuse", "bayesfuse", {}, {}, learns="log_odds"),
    Case("mapfuse", "mapfuse", {}, {}, learns="map_scores"),
    Case("probfuse", "probfuse", {"segments": 25}, {"n_segments": 25}, learns="probs"),
    Case("segfuse", "segfuse", {}, {}, learns="probs"),
    Case("slidefuse", "slidefuse", {"window": 5}, {"w": 5}, learns="probs"),
    Case("posfuse", "posfuse", {}, {}, learns="probs"),
]


def main() -> int:
    options = parser(__doc__ or "", check="when a result is not ranx's")
    options.add_argument("--depth", type=int, default=100, help="how many documents each list has at most")
    options.add_argument("--queries", type=int, default=100, help="how many queries at most, the first ones")
    return reported(options.parse_args(), measured, shown=shown, lines=lines, missed=different)


def different(rows: list[Row]) -> Iterator[str]:
    """The fusions that are not ranx's."""
    for row in rows:
        if row["equal"] < row["compared"]:
            yield f"{row['collection']}: {row['fusion']} differs from ranx's {row['ranx']}"


def searched(collection: str, options: argparse.Namespace) -> tuple[Any, list[Run]]:
    """The collection, and what each part finds for its queries."""
    data = rankify.dataset(str(DATA / collection))
    opened = {"dense": {"folder": vectors(options, collection)}}
    parts = [rankify.retriever(p, data.corpus, **opened.get(p.partition(":")[0], {})) for p in PARTS]
    found = [(part % options.depth)(data.queries[: options.queries]) for part in parts]
    return data, [without_ties(run, data) for run in found]


def without_ties(run: Run, data: Any) -> Run:
    """The run as its file has it, with strictly falling scores: ranx sorts equal scores its own way."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "run.trec"
        write_run(run, path)
        read = {r.query.id: r for r in read_run(path, queries=run, corpus=data.corpus)}
    return Run(read.get(r.query.id, r) for r in run)


def measured(collection: str, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A row for each fusion: on how many queries it is ranx's, how far scores differ, and the seconds of both."""
    data, runs = searched(collection, options)
    full = {r[0].query.id for r in zip(*runs, strict=True) if all(map(len, r))}
    runs = [Run(r for r in run if r.query.id in full) for run in runs]
    qrels = {query: dict(row) for query, row in data.qrels.items() if query in full}
    flat = {r.query.id for run in runs for r in run if np.ptp(r.scores) == 0}
    theirs = [as_ranx(run) for run in runs]
    for case in CASES:
        yield row(collection, case, runs, theirs, qrels, flat)


def as_ranx(run: Run) -> Any:
    from ranx import Run as Ranx

    return Ranx({r.query.id: dict(zip(r.ids, r.scores.tolist(), strict=True)) for r in run})


def row(collection: str, case: Case, runs: list[Run], theirs: list[Any], qrels: Any, flat: set[str]) -> dict[str, Any]:
    norms = [n for n in NORMS if n not in OWN_RULE.get(case.name, set())] if case.normed else [None]
    found = {"equal": 0, "compared": 0, "left out": 0, "difference": 0.0, "ours s": 0.0, "ranx s": 0.0}
    for norm in norms:
        ours, ranx = both(case, norm, runs, theirs, qrels)
        timed(ranx)  # compiled now, if it was not
        (own, our_seconds), (other, ranx_seconds) = timed(ours), timed(ranx)
        found["ours s"] += our_seconds
        found["ranx s"] += ranx_seconds
        skipped = flat if norm not in (None, "none", "rank", "borda") or case.name == "segfuse" else set()
        for ranking in own:
            if ranking.query.id in skipped:
                found["left out"] += 1
                continue
            same, difference = judged(case, ranking, dict(other[ranking.query.id]), runs)
            found["compared"] += 1
            found["equal"] += same
            found["difference"] = max(found["difference"], difference)
    return {"collection": collection, "fusion": case.name, "ranx": case.ranx, "norms": len(norms), **found,
            "ratio": found["ranx s"] / found["ours s"]}  # fmt: skip


def both(case: Case, norm: str | None, runs: list[Run], theirs: list[Any], qrels: Any) -> tuple[Any, Any]:
    """What fuses with us and what fuses with ranx, each still to be called; what they learn is learnt before."""
    import ranx
    from ranx import fusion

    fuser = Fuser(SegFuseOfRanx) if case.name == "segfuse" else registry.find("fusion", case.name)
    ours, params = dict(case.ours), dict(case.theirs)
    if case.learns:
        learn = getattr(fusion, f"{case.ranx}_train")
        segments = {"n_segments": params.pop("n_segments")} if "n_segments" in params else {}
        params[case.learns] = learn(ranx.Qrels(qrels), theirs, **segments)
        ours = fitted(fuser, *runs, qrels=qrels, **ours).options
    if norm:
        ours["norm"] = norm
    taken = NORMS[norm] if norm else "min-max" if case.name == "segfuse" else None
    return (partial(fuser, *runs, depth=10_000, **ours), partial(ranx.fuse, theirs, norm=taken, method=case.ranx,
                                                                 params=params))  # fmt: skip


def timed(call: Any) -> tuple[Any, float]:
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def judged(case: Case, own: Any, other: dict[str, float], runs: list[Run]) -> tuple[bool, float]:
    """Whether a ranking is ranx's: the same documents, scores and order, but for the order of equal scores."""
    if case.name == "condorcet":
        wrong = majorities(own.ids, case, [run[own.query.id].ids for run in runs])
        return not wrong and {*own.ids} == {*other}, 0.0
    if {*own.ids} != {*other}:
        return False, float("inf")
    scores = np.array([other[id] for id in own.ids])
    scale = np.maximum(1, np.abs(scores))
    difference = float((np.abs(scores - own.scores) / scale).max())
    allowed = LEARNT if case.learns else EQUAL
    rising = float((np.diff(scores) / scale[1:]).max(initial=0))
    return difference <= allowed and rising <= 2 * allowed, difference


def majorities(ids: list[str], case: Case, lists: list[list[str]]) -> int:
    """How many documents stand right below one that more lists have below it, which Condorcet-fuse never does."""
    weights = case.ours.get("weights", [1] * len(lists))
    places = [{id: place for place, id in enumerate(own)} for own in lists]
    wrong = 0
    for above, below in pairwise(ids):
        pairs = [(own.get(above, np.inf), own.get(below, np.inf)) for own in places]
        wrong += sum(w * ((b < a) - (a < b)) for w, (a, b) in zip(weights, pairs, strict=True)) > 1e-9
    return wrong


def cells(row: dict[str, Any]) -> list[str]:
    """A row as it is shown."""
    count = f"{row['equal']:,} of {row['compared']:,}"
    difference = "majorities" if row["fusion"] == "condorcet" else f"{row['difference']:.0e}"
    seconds = [f"{row['ours s']:.2f}", f"{row['ranx s']:.2f}", f"{row['ratio']:.1f}"]
    return [row["collection"], row["fusion"], row["ranx"], str(row["norms"]), count, str(row["left out"]), difference,
            *seconds]  # fmt: skip


COLUMNS = ["collection", "fusion", "ranx", "norms", "equal", "left out", "largest difference", "s", "ranx s", "ratio"]


def lines(rows: list[Row]) -> list[list[str]]:
    """All but the seconds, which are another number on every machine."""
    table = [COLUMNS, [*["---"] * 3, *["---:"] * (len(COLUMNS) - 3)], *map(cells, rows)]
    return [[*line[:-3], line[-1]] for line in table]


def shown(rows: list[dict[str, Any]]) -> None:
    table = Table(title="Fusion of three runs, against ranx; equal: queries x normalisations")
    for number, column in enumerate(COLUMNS):
        table.add_column(column, justify="left" if number < 3 else "right")
    for row in rows:
        table.add_row(*cells(row))
    Console(width=max(140, Console().width)).print(table)


if __name__ == "__main__":
    sys.exit(main())
