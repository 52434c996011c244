"""Collections in BEIR's layout: corpus.jsonl, queries.jsonl and qrels/<split>.tsv in a folder, gzip too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from rankify.documents import Document
from rankify.errors import BadInput, UnknownName
from rankify.io.files import Name
from rankify.io.qrels import read_qrels, write_qrels
from rankify.io.tables import write_documents, write_queries
from rankify.types import Qrels, Query, Run

_CORPUS = ("corpus.jsonl", "corpus.jsonl.gz", "corpus.tsv", "corpus.tsv.gz")
_QUERIES = ("queries.jsonl", "queries.jsonl.gz", "queries.tsv", "queries.tsv.gz")


def corpus_file(folder: Name) -> Path:
    """The file of a folder that holds its documents."""
    return _first(Path(folder), _CORPUS)


def queries_file(folder: Name) -> Path:
    """The file of a folder that holds its queries."""
    return _first(Path(folder), _QUERIES)


def _first(folder: Path, names: Iterable[str]) -> Path:
    if not folder.is_dir():
        raise BadInput(f"no folder {folder}; check the path")
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    if found is None:
        raise BadInput(f"{folder} is no collection: it has none of {', '.join(names)}")
    return found


def splits(folder: Name) -> dict[str, Path]:
    """The files of judgments by split: qrels/<split>.tsv, or qrels.<split>.txt and the like beside the corpus."""
    folder = Path(folder)
    inside = sorted((folder / "qrels").glob("*")) if (folder / "qrels").is_dir() else []
    found = {_stem(path): path for path in inside if _is_table(path)}
    beside = sorted(path for path in folder.glob("qrels*") if path.is_file() and _is_table(path))
    return {**{_stem(path).removeprefix("qrels").lstrip(".-_") or "test": path for path in beside}, **found}


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(".tsv").removesuffix(".txt").removesuffix(".trec")


def _is_table(path: Path) -> bool:
    return Path(path.name.removesuffix(".gz")).suffix in (".tsv", ".txt", ".trec")


def read_split(folder: Name, split: str) -> Qrels:
    """The judgments of a split.

    Raises:
        UnknownName: the folder has no such split; the message lists those it has.
    """
    found = splits(folder)
    if split not in found:
        raise UnknownName.among(f"split of {folder}", split, found)
    return read_qrels(found[split])


def write_beir(
    folder: Name, documents: Iterable[Document], queries: Iterable[Query] | Run, qrels: Mapping[str, Qrels]
) -> None:
    """Writes a collection, with the judgments of each split. Queries come last: a folder that has them is whole."""
    folder = Path(folder)
    write_documents(documents, folder / "corpus.jsonl")
    for split, judgments in qrels.items():
        write_qrels(judgments, folder / "qrels" / f"{split}.tsv")
    write_queries(queries, folder / "queries.jsonl")
