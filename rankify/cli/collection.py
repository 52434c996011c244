"""The collections, runs and judgments that the commands' arguments name."""

from __future__ import annotations

import os
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankify.errors import BadInput, Misuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rankify.cli.screen import Screen
    from rankify.datasets import Dataset
    from rankify.spec import Spec
    from rankify.stages import Answering, Stage
    from rankify.types import Qrels, Run


def collection(
    screen: Screen, name: str, split: str | None = None, *, queries: bool = True, corpus: Path | None = None
) -> Dataset:
    """The collection that DATA names. Where its queries are not needed, documents alone are one.

    A `corpus` is the file of the texts that the passages of a file of questions lack.
    """
    import rankify
    from rankify.io import beir

    with screen.step(f"Opening {name}"):
        file = documents_file(name)
        if queries and file == Path(name):
            raise Misuse(f"{name} has documents but no queries; give some, or a folder that has them")
        if split is not None and file is not None and Path(name).is_dir():
            beir.read_split(Path(name), split)  # where documents are enough a wrong name would not be noticed
        if queries or corpus is not None or file is None:
            found = rankify.dataset(name, split=split, corpus=corpus)
        else:
            found = _unasked(file, Path(name))
        found.corpus  # noqa: B018 - opened here, so that what is wrong with it is said before any work
    return found


def writable(output: Path | None) -> None:
    """Raises where a result could not be written in the end, before there is one.

    Raises:
        Misuse: the file to write is a folder, or no file can be written where it would be.
    """
    if output is None:
        return
    if output.is_dir():
        raise Misuse(f"cannot write {output}: it is a folder; name a file in it, e.g. {output / 'result'}")
    above = next(folder for folder in output.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(output if output.exists() else above, os.W_OK):
        raise Misuse(f"cannot write {output}: {above} {'is not writable' if above.is_dir() else 'is a file'}")


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
    asks = is_json(path) and any("question" in found for _, found in islice(records(path), 1))
    return None if asks else path


def is_json(path: Path) -> bool:
    """Whether a file's name says that it holds JSON, compressed or not."""
    return path.name.removesuffix(".gz").endswith((".json", ".jsonl"))


def _unasked(file: Path, given: Path) -> Dataset:
    """Documents without queries, called as the folder or the file that was given."""
    from rankify.corpus_file import open_corpus
    from rankify.datasets import Dataset
    from rankify.types import Qrels, Run

    return Dataset(
        name=given.resolve().name, open_corpus=partial(open_corpus, file), all_queries=Run(()), qrels=Qrels()
    )


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

    if Path(name).is_file() and not is_json(Path(name)):
        return read_qrels(name), None
    data = collection(screen, name, split)
    if not len(data.qrels):
        raise BadInput(f"{data.name} has no relevance judgments")
    return data.qrels, data.rel


def built(
    screen: Screen, text: str, data: Dataset, *, folder: Path | None = None, depth: int | None = None,
    replies: Path | None = None,
) -> Any:  # fmt: skip
    """The pipeline over the collection, with its first index in a folder, cut to a depth.

    Args:
        replies: the folder in which replies of language models are kept, for a start after a kill.
    """
    import rankify
    from rankify.stages import Answering, WithoutQuery

    if folder is not None:
        refuse_other(folder, text, data)
    load = partial(_load, iter([folder] if folder is not None else []), replies)
    with screen.step(f"Preparing {text}"):
        pipeline: Stage | Answering = rankify.pipeline(text, data.corpus, load)
    stage = pipeline.stage if isinstance(pipeline, Answering) else pipeline
    if depth:
        stage = stage % depth
    if data.drop_identical_ids:
        stage = stage >> WithoutQuery()
    return Answering(stage, pipeline.reader) if isinstance(pipeline, Answering) else stage


def _load(
    folders: Iterator[Path], replies: Path | None, kind: str, spec: str | Spec, /, *args: Any, **options: Any
) -> Any:  # fmt: skip
    """What the registry loads; a retriever with its index in the next folder, while there is one."""
    from rankify import registry
    from rankify.experiment.replies import has_model, resumed

    if replies is not None and kind in ("reader", "reranker") and not args and not options and has_model(kind, spec):
        return resumed(kind, spec, replies)
    folder = next(folders, None) if kind == "retriever" else None
    return registry.load(kind, spec, *args, **{**options, **({"folder": str(folder)} if folder else {})})


def refuse_other(folder: Path, text: str, data: Dataset) -> None:
    """Raises where a search would have to change the index in a folder, or where it is not clear whose it is."""
    from rankify.indexes.manifest import Manifest

    first = text.partition(">>")[0].strip()
    if "(" in first:
        raise Misuse(f"--index does not say which part of {first!r} it is for; write bm25?folder={folder} inside")
    found = Manifest.read(folder) if Manifest.there(folder) else {}
    if found and found.get("corpus") != data.corpus.hash:
        raise BadInput(
            f"the index in {folder} is of another corpus ({found.get('documents'):,} documents) than {data.name} "
            f"({len(data.corpus):,}); give another folder, or bring it up to this one: rankify index"
        )
