"""Pseudo-relevance feedback: what a second search with the terms or vectors of the first one's best documents gives.

    python -m benchmarks.expansion [--collections scifact nfcorpus] [--folder runs/quality] [--without-anserini]
                                   [--markdown FILE.md] [--json] [--check]

RM3 and Rocchio over BM25, vector feedback over MiniLM, each at its published settings and against its own first search:
means, the difference with its 95% bootstrap interval, and p of the paired t-test, corrected after Holm over the systems
of a collection. RM3 and Rocchio are compared with Anserini's, document for document, where Pyserini is installed.
Vectors are kept in the folder, so a second start encodes nothing.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import rankify
from benchmarks.command import DATA, MODEL, Row, parser, reported, vectors
from rankify.errors import MissingExtra
from rankify.retrieve.lucene import Lucene, java
from rankify.retrieve.rm3 import RM3
from rankify.retrieve.rocchio import Rocchio
from rankify.retrieve.vector_prf import VectorPRF
from rankify.stages import Retriever, Stage
from rankify.types import Run

DEPTH = 1000
MEASURES = "nDCG@10 R@100 AP"
BELOW = 0.01  # R@100 of RM3 on NFCorpus rises by more; less means that something is wrong


class Anserini(Lucene):
    """Lucene with the vectors of its documents in the index, which its feedback needs."""

    def __init__(self, corpus: Any, folder: str) -> None:
        self.corpus, self.k1, self.b, self.threads = corpus, 0.9, 0.4, 1
        self._java = java()
        words = ["-input", "", "-collection", "JsonCollection", "-threads", "1", "-index", folder, "-storeDocvectors"]
        indexer = self._java("io.anserini.index.SimpleIndexer")(words)
        for batch in self._records():
            indexer.addRawDocuments(batch)
        indexer.close()
        self._searcher = self._java("io.anserini.search.SimpleSearcher")(folder)
        self._searcher.set_bm25(self.k1, self.b)

    def rm3(self, queries: Any) -> Run:
        """Its RM3 at its defaults: 10 terms, 10 documents, .5 for the query, terms filtered."""
        self._searcher.set_rm3(None, 10, 10, 0.5, False, True)
        run = self.retrieve(queries, DEPTH)
        self._searcher.unset_rm3()
        return run

    def rocchio(self, queries: Any) -> Run:
        """Its Rocchio at its defaults: 10 terms, 10 documents, 1 and .75, nothing negative."""
        self._searcher.set_rocchio(None, 10, 10, 10, 10, 1.0, 0.75, 0.15, False, False)
        run = self.retrieve(queries, DEPTH)
        self._searcher.unset_rocchio()
        return run


def main() -> int:
    options = parser(__doc__ or "", check="where a run is not Anserini's, or worse")
    options.add_argument("--without-anserini", action="store_true", help="no comparison with Anserini")
    return reported(options.parse_args(), measured, shown=shown, lines=lines, missed=missed)


def missed(rows: list[Row]) -> Iterator[str]:
    """The rows that are not Anserini's, or fell."""
    for row in rows:
        if row["as Anserini"] not in ("", whole(row)) or fell(row):
            yield f"{row['system']} on {row['collection']}: {row}"


def whole(row: dict[str, Any]) -> str:
    """How agreement on every query is written."""
    return f"{row['queries']} of {row['queries']}"


def fell(row: dict[str, Any]) -> bool:
    return bool(row["collection"] == "nfcorpus" and row["system"] == "rm3" and row["R@100 -"] < BELOW)


def measured(collection: str, options: Any) -> list[Row]:
    """A row for every first search and every second one."""
    data = rankify.dataset(str(DATA / collection))
    bm25 = rankify.retriever("bm25?threads=1", data.corpus)
    dense: Any = rankify.retriever(f"dense:{MODEL}", data.corpus, folder=vectors(options, collection))
    theirs = {} if options.without_anserini else anserini(data)
    found = against(data, bm25, "bm25", {"rm3": RM3(bm25), "rocchio": Rocchio(bm25)}, theirs)
    again = {"vector-prf": VectorPRF(dense), "vector-prf, average": VectorPRF(dense, method="average")}
    found += against(data, dense, "MiniLM", again, {})
    return [{"collection": collection, **row} for row in found]


def anserini(data: Any) -> dict[str, Run]:
    """Anserini's runs by system; none where it is not installed."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            lucene = Anserini(data.corpus, str(Path(folder) / "index"))
        except MissingExtra as missing:
            print(f"not compared with Anserini: {missing}", file=sys.stderr)
            return {}
        return {"rm3": lucene.rm3(data.queries.queries), "rocchio": lucene.rocchio(data.queries.queries)}


def against(data: Any, first: Retriever, name: str, systems: dict[str, Stage], theirs: dict[str, Run]) -> list[Row]:
    """The first search, and each second one with its differences from it."""
    runs = {name: (first % DEPTH)(data.queries)}
    seconds = {}
    for system, stage in systems.items():
        start = time.perf_counter()
        runs[system] = (stage % DEPTH)(runs[name])
        seconds[system] = time.perf_counter() - start
    compared = rankify.compare(runs, data.qrels, MEASURES, baseline=name)
    rows = []
    for system, means in compared.means.items():
        row: dict[str, Any] = {"system": system, "queries": compared.queries}
        for measure in MEASURES.split():
            own = [d for d in compared.differences if d.system == system and d.measure == measure]
            row |= {measure: means[measure], f"{measure} -": own[0].difference if own else None}
            row |= {f"{measure} low": own[0].low if own else None, f"{measure} high": own[0].high if own else None}
            row |= {f"{measure} p": own[0].t_test_corrected if own else None}
        rows.append({**row, "as Anserini": agreement(runs[system], theirs.get(system)), "s": seconds.get(system)})
    return rows


def agreement(mine: Run, theirs: Run | None) -> str:
    """On how many queries all documents are the same in the same order."""
    if theirs is None:
        return ""
    same = sum(one.ids == other.ids for one, other in zip(mine, theirs, strict=True))
    return f"{same} of {len(mine)}"


def cells(row: dict[str, Any]) -> list[str]:
    """A row as it is shown: means with their differences, significant ones in bold."""
    found = [row["collection"], row["system"]]
    for measure in MEASURES.split():
        found.append(f"{row[measure]:.4f}".removeprefix("0"))
        if row[f"{measure} -"] is None:
            found.append("")
            continue
        low, high = (f"{row[f'{measure} {end}']:+.3f}" for end in ("low", "high"))
        p = row[f"{measure} p"]
        text = f"{row[f'{measure} -']:+.4f} [{low}, {high}]"
        found.append(f"**{text}**" if p <= 0.05 else text)
    return [*found, row["as Anserini"]]


COLUMNS = ["collection", "system", *(c for m in MEASURES.split() for c in (m, "difference")), "as Anserini"]


def lines(rows: list[Row]) -> list[list[str]]:
    """All but the seconds, which are another number on every machine."""
    return [COLUMNS, ["---", "---", *["---:"] * (len(COLUMNS) - 2)], *map(cells, rows)]


def shown(rows: list[Row]) -> None:
    table = Table(title="A second search, against the first; bold: p <= .05, paired t-test after Holm")
    for column in [*COLUMNS, "s"]:
        table.add_column(column, justify="left" if column in {"collection", "system"} else "right")
    for row in rows:
        table.add_row(*(c.replace("[", "\\[") for c in cells(row)), "" if row["s"] is None else f"{row['s']:.1f}")
    Console(width=max(180, Console().width)).print(table)


if __name__ == "__main__":
    sys.exit(main())
