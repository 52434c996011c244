"""The collections, runs and judgments that the commands' arguments name."""

from __future__ import annotations

from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankify.cli.command import Misuse
from rankify.errors import BadInput

if TYPE_CHECKING:
    from rankify.cli.screen import Screen
    from rankify.datasets import Dataset
    from rankify.stages import Answering, Stage
    from rankify.types import Qrels, Run


def collection(screen: Screen, name: str, split: str | None = None, *, queries: bool = True) -> Dataset:
    """The collection that DATA names. Where its queries are not needed, documents alone are one."""
    import rankify

    with screen.step(f"Opening {name}"):
        file = documents_file(name)
        if queries and file == Path(name):
            raise Misuse(f"{name} has documents but no queries; give some, or a folder that has them")
        found = rankify.dataset(name, split=split) if queries or file is None else _unasked(file)
        found.corpus  # noqa: B018 - opened here, so that what is wrong with it is said before any work
    return found


def documents_file(name: str) -> Path | None:
    """The file of documents that a folder or a path stands for; None for a catalogue's name or a file of questions."""
    from rankify.datasets import named
    from rankify.io import beir
    from rankify.io.jsonl import records

    path = Path(name)
    if named(name) or not path.exists():
        return None
    if path.is_dir():
        return beir.corpus_file(path)
    asks = ".json" in "".join(path.suffixes[-2:]) and any("question" in found for _, found in islice(records(path), 1))
    return None if asks else path


def _unasked(file: Path) -> Dataset:
    """Documents without queries."""
    from rankify.corpus_file import open_corpus
    from rankify.datasets import Dataset
    from rankify.types import Qrels, Run

    return Dataset(name=file.name, open_corpus=partial(open_corpus, file), all_queries=Run(()), qrels=Qrels())


def asked(data: Dataset, *, query: str | None = None, file: Path | None = None) -> Run:
    """The query typed, or those of a file, or the collection's own."""
    from rankify.io.tables import read_queries
    from rankify.io.trec import read_topics
    from rankify.types import Query, Run

    if query is not None and file is not None:
        raise Misuse("a query and a file of queries: give one of the two")
    if query is not None:
        if not query.strip():
            raise Misuse("the query is empty; write what you are looking for")
        return Run.of([Query("query", query)])
    if file is not None:
        return read_topics(file) if _has_tags(file) else read_queries(file)
    if not len(data.queries):
        raise Misuse(f"{data.name} has no queries of its own; give some")
    return data.queries


def _has_tags(file: Path) -> bool:
    """Whether a file of queries is in TREC's `<top>` layout."""
    from rankify.io.files import lines

    return next((line for _, line in lines(file) if line.strip()), "").lstrip().startswith("<")


def judgments(screen: Screen, name: str, split: str | None) -> tuple[Qrels, int | None]:
    """Relevance judgments of a file or a collection, and the lowest grade that its binary measures count."""
    from rankify.io.trec import read_qrels

    if Path(name).is_file():
        return read_qrels(name), None
    data = collection(screen, name, split)
    if not len(data.qrels):
        raise BadInput(f"{data.name} has no relevance judgments")
    return data.qrels, data.rel


def built(screen: Screen, text: str, data: Dataset, *, folder: Path | None = None, depth: int | None = None) -> Any:
    """The pipeline over the collection, with its first index in a folder, cut to a depth."""
    import rankify
    from rankify.stages import Answering, WithoutQuery

    with screen.step(f"Preparing {text}"):
        pipeline: Stage | Answering = rankify.pipeline(kept_in(text, folder), data.corpus)
    stage = pipeline.stage if isinstance(pipeline, Answering) else pipeline
    if depth:
        stage = stage % depth
    if data.drop_identical_ids:
        stage = stage >> WithoutQuery()
    return Answering(stage, pipeline.reader) if isinstance(pipeline, Answering) else stage


def kept_in(text: str, folder: Path | None) -> str:
    """The pipeline's text, its first retriever opening the index in a folder.

    >>> kept_in("bm25?k1=1.2 % 100 >> embedding:x", Path("indexes/a"))
    'bm25?k1=1.2&folder=indexes/a % 100 >> embedding:x'
    """
    if folder is None:
        return text
    from urllib.parse import quote

    first, blank, rest = text.strip().partition(" ")
    if "(" in first:
        raise Misuse(f"--index does not say which part of {first!r} it is for; write bm25?folder={folder} inside")
    return f"{first}{'&' if '?' in first else '?'}folder={quote(str(folder))}{blank}{rest}"
