"""Collections in a folder: BEIR's layout, with run files and other names of judgments as they are found."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rankify.corpus import Corpus
from rankify.corpus_file import open_corpus
from rankify.datasets.collection import Dataset, refuse_unknown_queries
from rankify.io import beir
from rankify.io.tables import read_queries
from rankify.io.trec import read_run
from rankify.types import Qrels, Run


def from_folder(folder: Path, *, split: str | None = None, name: str = "", **options: Any) -> Dataset:
    """The collection in a folder.

    Args:
        folder: corpus.jsonl, queries.jsonl, and qrels/<split>.tsv or a file such as qrels.<split>.txt; perhaps runs,
            named run.<name>.trec or <name>.trec, gzip too.
        split: which judgments; without it `test`, or the only ones there are, or none where there are none.
        name: what to call it; without one, the folder's name.
        options: further fields of the `Dataset`.

    Raises:
        BadInput: a file is missing or malformed, or a judged query has no text.
        UnknownName: the folder has no such split; the message lists those it has.
    """
    documents = beir.corpus_file(folder)
    queries = read_queries(beir.queries_file(folder))
    split = split or _only_split(folder)
    qrels = beir.read_split(folder, split) if split else Qrels()
    if split:
        refuse_unknown_queries(str(beir.splits(folder)[split]), queries, qrels)
    return Dataset(
        name=name or folder.resolve().name,
        open_corpus=partial(open_corpus, documents),
        all_queries=queries,
        qrels=qrels,
        split=split,
        judged_elsewhere=partial(_judged_elsewhere, folder, split),
        open_runs=_runs(folder, queries, documents),
        **options,
    )


def _judged_elsewhere(folder: Path, split: str) -> set[str]:
    """The queries that other splits of a folder judge."""
    return {id for other in beir.splits(folder) if other != split for id in beir.read_split(folder, other)}


def _only_split(folder: Path) -> str:
    """The split that nobody named; empty where nothing is judged, which is enough to search."""
    found = list(beir.splits(folder))
    return "test" if len(found) > 1 else "".join(found)


def _runs(folder: Path, queries: Run, documents: Path) -> dict[str, Callable[[], Run]]:
    found = sorted(
        p for p in folder.iterdir() if p.name.removesuffix(".gz").endswith(".trec") and "qrels" not in p.name
    )
    return {_label(path): partial(_run, path, queries, documents) for path in found}


def _label(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".trec").removeprefix("run.")


def _run(path: Path, queries: Run, documents: Path) -> Run:
    corpus: Corpus = open_corpus(documents)
    return read_run(path, queries=queries, corpus=corpus)
