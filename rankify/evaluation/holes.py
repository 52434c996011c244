"""Documents that nobody judged: how many a run has where it counts, and rankings without them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from rankify.errors import BadInput
from rankify.evaluation.as_trec_eval import known
from rankify.evaluation.printed import table
from rankify.evaluation.ranking import Plain, evaluate, ranked
from rankify.types import Ranking, Run

Judgments = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unjudged:
    """The holes of one run down to a rank.

    Attributes:
        judged: the mean share of judged documents, the measure Judged@k.
        queries: how many queries have a hole.
        holes: each as query id and document id, by query and rank.
    """

    system: str
    cutoff: int
    judged: float
    queries: int
    holes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Holes:
    """The holes of several runs; prints as a table.

    Attributes:
        rows: one for each run and cutoff.
        queries: how many are judged.
    """

    rows: tuple[Unjudged, ...]
    queries: int

    def missing(self) -> tuple[tuple[str, str], ...]:
        """The holes of all runs together, each once: what would have to be judged, by query id and document id."""
        return tuple(sorted({hole for row in self.rows for hole in row.holes}))

    def cells(self) -> list[list[str]]:
        """The rows as text."""
        return [
            [row.system, str(row.cutoff), f"{row.judged:.4f}", f"{len(row.holes):,}", f"{row.queries:,}"]
            for row in self.rows
        ]

    def __str__(self) -> str:
        header = ["system", "k", "judged@k", "holes", "queries with holes"]
        return f"{table(header, self.cells())}\n{self.queries} judged queries; {len(self.missing()):,} pairs to judge"

    def as_dict(self) -> list[dict[str, Any]]:
        """As JSON has it."""
        return [
            {"system": r.system, "k": r.cutoff, "judged": r.judged, "holes": len(r.holes), "queries": r.queries}
            for r in self.rows
        ]


def holes(runs: Mapping[str, Run | Plain], qrels: Judgments, cutoffs: Sequence[int] = (10, 100)) -> Holes:
    """How much of each run nobody judged, down to several ranks.

    A measure takes a document without judgment for one that is not relevant, which is unfair to a system that finds
    what the pool did not have. Runs whose judged@k differ compare badly by it. Then look at measures that leave the
    holes out (`condensed`, or bpref by its name), or judge what is `missing`. infAP leaves out only documents with the
    grade -1, which were pooled; one without any grade it takes for not relevant, as AP does.

    Args:
        runs: runs by name.
        qrels: the judgments; a negative grade is none.
        cutoffs: ranks, whole numbers from 1 up.

    Raises:
        BadInput: there is no run, a cutoff is less than 1, or as `evaluate`.
    """
    if not runs or min(cutoffs, default=0) < 1:
        raise BadInput(f"holes takes a run or more and ranks from 1 up, not {len(runs)} runs and {list(cutoffs)}")
    found = []
    for system, run in runs.items():
        shares = evaluate(run, qrels, [f"Judged@{k}" for k in cutoffs])
        order = {query: ranked(run, query) for query in qrels}
        for k in cutoffs:
            pairs = [(q, d) for q, ids in order.items() for d in ids[:k] if not _known(qrels, q, d)]
            found.append(
                Unjudged(system=system, cutoff=k, judged=shares[f"Judged@{k}"], queries=len({q for q, _ in pairs}),
                         holes=tuple(pairs))
            )  # fmt: skip
    return Holes(rows=tuple(found), queries=len(qrels))


@overload
def condensed(run: Run, qrels: Judgments) -> Run: ...


@overload
def condensed(run: Plain, qrels: Judgments) -> Plain: ...


def condensed(run: Run | Plain, qrels: Judgments) -> Run | Plain:
    """The run with only its judged documents, as if the others had not been found: Sakai's condensed lists.

    Sakai, SIGIR 2007. Of measures that ir-measures can compute so, it is the same as `judged_only=True`. A negative
    grade, a document of the pool that was not judged, is no judgment. A query without judgments is left as it is.
    """
    if isinstance(run, Run):
        return Run(_judged(ranking, qrels) for ranking in run)
    return {
        query: {d: s for d, s in scores.items() if _known(qrels, query, d)} if query in qrels else scores
        for query, scores in run.items()
    }


def _judged(ranking: Ranking, qrels: Judgments) -> Ranking:
    query = ranking.query.id
    if query not in qrels:
        return ranking
    kept: Iterable[Any] = [hit for hit in ranking if _known(qrels, query, hit.document.id)]
    return Ranking(ranking.query, [hit.document for hit in kept], [hit.score for hit in kept])


def _known(qrels: Judgments, query: str, document: str) -> bool:
    return known(qrels[query].get(document))
