"""An index that follows its corpus, against one built afresh: 1,000 documents added to 100,000 and 100 removed.

    python -m benchmarks.updates [--indexes bm25] [--documents 100000] [--add 1000] [--remove 100] [--json] [--check]

The corpus is resampled from real texts, the 14,000 documents of NFCorpus, SciFact, Cranfield and TREC DL 2019: a
document has two thirds of the sentences of one of them and a third of those of another, in their order. Removed
documents are drawn from everywhere, added ones stand at the end. Queries are real ones of the four collections.

Each index is in a folder. What is timed is everything that opening it takes: finding out what has changed, the change,
writing it to disk, and getting ready to search; the bar is on the processor's seconds, since those of the clock depend
on what else a machine does. `bm25` is the retriever as it is. `vectors` are those of a stand-in for
a bi-encoder, searched exactly: each word has a random direction of 384 numbers, and a document is their sum. That is a
hundred times cheaper than the smallest model, so the ratio is the worst that a dense index can have. `tokens` are the
directions, of 32 numbers, of a document's first 32 words, each with a tenth of what all its words add up to, since an
encoder reads the whole. `compressed` are the same in 2 bits a dimension, by a codec that is always learnt of the same
documents, so that a fresh build has the codec that the index had before. Both are asked 50 of the queries. Rankings are
compared over the best 1,000 documents: ids, order and scores, bit for bit.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.command import markdown
from rankify import Corpus, Document, Query
from rankify.indexes.flat import FlatIndex
from rankify.indexes.multivector import MultiVectorIndex, MultiVectors
from rankify.indexes.multivector_codes import Codec
from rankify.indexes.multivector_compressed import CompressedIndex
from rankify.indexes.multivector_folder import TokenFolder, Tokens
from rankify.indexes.vector_folder import VectorFolder
from rankify.retrieve.bm25 import BM25
from rankify.text.sentences import sentences

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
REAL = ("nfcorpus", "scifact", "cranfield", "dl19-bm25")
BAR, DIMENSION, TOKEN, DEPTH, ROUNDS = 0.1, 384, 32, 1000, 3
SAMPLE: list[str] = []  # the texts that a codec is learnt of
Searched = list[tuple[list[str], list[float]]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--indexes", nargs="+", default=list(SYSTEMS), choices=list(SYSTEMS))
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--add", type=int, default=1000)
    parser.add_argument("--remove", type=int, default=100)
    parser.add_argument("--markdown", type=Path, help="a file with the table, of the processor's seconds")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--check", action="store_true", help="leave with 1 when a bar is missed")
    options = parser.parse_args()
    documents, queries = resampled(options.documents + options.add)
    before, new = documents[: options.documents], documents[options.documents :]
    gone = set(np.random.default_rng(3).choice(len(before), options.remove, replace=False).tolist())
    after = [document for place, document in enumerate(before) if place not in gone] + new
    SAMPLE.extend(f"{d.title} {d.text}" for d in before[:4000])
    found = {name: compared(SYSTEMS[name], before, after, queries) for name in options.indexes}
    if options.markdown:
        options.markdown.write_text(markdown(table_lines(found)), encoding="utf-8")
    print(json.dumps(found)) if options.json else shown(found)
    for line in (missed := misses(found)):
        print(line, file=sys.stderr)
    return 1 if options.check and missed else 0


def resampled(count: int, seed: int = 5) -> tuple[list[Document], list[Query]]:
    """So many documents made of real ones' sentences, and the real queries."""
    rng = np.random.default_rng(seed)
    records = [record for name in REAL for record in lines(SHARED / name / "corpus.jsonl")]
    parts = [[s.text for s in sentences(record["text"])] for record in records]
    pairs = rng.integers(len(records), size=(count, 2)).tolist()
    documents = []
    for number, (most, other) in enumerate(pairs):
        taken = [*drawn(rng, parts[most], 2 / 3), *drawn(rng, parts[other], 1 / 3)]
        documents.append(Document(f"d{number}", " ".join(taken), records[most].get("title", "")))
    asked = [record["text"] for name in REAL for record in lines(SHARED / name / "queries.jsonl")]
    return documents, [Query(f"q{i}", text) for i, text in enumerate(dict.fromkeys(asked))][:1000]


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def drawn(rng: np.random.Generator, items: Sequence[str], share: float) -> list[str]:
    """A share of some items, in their order."""
    kept = np.sort(rng.permutation(len(items))[: round(len(items) * share)])
    return [items[place] for place in kept.tolist()]


def compared(
    make: Callable[[Corpus, str], Callable[[Sequence[Query]], Searched]],
    before: list[Document],
    after: list[Document],
    queries: Sequence[Query],
) -> dict[str, Any]:
    """(wall, processor) seconds of a fresh build, a change and opening, and whether build and change find the same.

    A change is made three times, each time of a copy of the index as it was; the figures are the medians.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = partial(timed, make)
        made(before[:200], f"{folder}/warm")  # compiled loops and lists of words are read once
        made(before[1:200] + after[-50:], f"{folder}/warm")
        made(before, f"{folder}/before")
        fresh, wanted = made(after, f"{folder}/fresh")
        expected, changes, same = wanted(queries), [], True
        for number in range(ROUNDS):
            shutil.copytree(f"{folder}/before", f"{folder}/{number}")
            seconds, found = made(after, f"{folder}/{number}")
            changes.append(seconds)
            same = same and found(queries) == expected
        opened, _ = made(after, f"{folder}/fresh")
    changed = tuple(map(statistics.median, zip(*changes, strict=True)))
    ratio = [one / other for one, other in zip(changed, fresh, strict=True)]
    return {"fresh": fresh, "changed": changed, "ratio": ratio, "opened": opened, "same": same}


def timed(
    make: Callable[[Corpus, str], Callable[[Sequence[Query]], Searched]], documents: list[Document], folder: str
) -> tuple[tuple[float, float], Callable[[Sequence[Query]], Searched]]:
    """(wall, processor) seconds until an index in a folder can be searched, and its search.

    The corpus is a new one each time and knows nothing of itself yet.
    """
    corpus = Corpus(documents)
    start = time.perf_counter(), time.process_time()
    made = make(corpus, folder)
    return (time.perf_counter() - start[0], time.process_time() - start[1]), made


def bm25(corpus: Corpus, folder: str) -> Callable[[Sequence[Query]], Searched]:
    retriever = BM25(corpus, folder=folder)
    return lambda queries: [(r.ids, r.scores.tolist()) for r in retriever.retrieve(queries, DEPTH)]


def vectors(corpus: Corpus, folder: str) -> Callable[[Sequence[Query]], Searched]:
    def encode(positions: Sequence[int]) -> NDArray[np.float32]:
        return np.stack([summed(f"{d.title} {d.text}") for d in map(corpus.document, positions)])

    where = VectorFolder(
        folder=Path(folder), corpus=corpus, said={"kind": "words"}, spec="words", encode=encode, dimension=DIMENSION,
        storage="float32", size=16_384,
    )  # fmt: skip
    index = FlatIndex(where.vectors(), corpus.id_ranks)

    def search(queries: Sequence[Query]) -> Searched:
        hits = index.search(np.stack([summed(query.text) for query in queries]), DEPTH)
        return [(corpus.ids_at(positions), scores.tolist()) for positions, scores in hits]

    return search


def tokens(corpus: Corpus, folder: str, *, compressed: bool = False) -> Callable[[Sequence[Query]], Searched]:
    def encode(positions: Sequence[int]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        found = [words(f"{d.title} {d.text}") for d in map(corpus.document, positions)]
        return np.concatenate(found), np.array(list(map(len, found)))

    def learn() -> Codec:
        return Codec.trained(np.concatenate(list(map(words, SAMPLE))), centroids=4096, bits=2)

    held = TokenFolder(
        folder=Path(folder), corpus=corpus, said={"kind": "tokens"}, spec="tokens", size=2048, encode=encode,
        storage="float16", learn=learn if compressed else None,
    ).opened()  # fmt: skip
    index = searchable(held, corpus)

    def search(queries: Sequence[Query]) -> Searched:
        hits = index.search([words(query.text) for query in queries[:50]], DEPTH)
        return [(corpus.ids_at(positions), scores.tolist()) for positions, scores in hits]

    return search


def searchable(held: Tokens, corpus: Corpus) -> MultiVectorIndex | CompressedIndex:
    """The index over tokens as they are kept."""
    if held.codec is None or held.lists is None:
        return MultiVectorIndex(MultiVectors(held.parts["vectors"], held.lengths), corpus.id_ranks)
    cells = np.concatenate(held.parts["cells"].shards)
    return CompressedIndex(held.codec, cells, held.parts["codes"], held.lengths, held.lists, corpus.id_ranks)


def words(text: str) -> NDArray[np.float32]:
    """The unit vectors of a text's first words, at least one, shape (words, 32)."""
    read = [DIRECTIONS[word][:TOKEN] for word in text.lower().split()] or [np.ones(TOKEN, np.float32)]
    found = np.stack(read[:TOKEN]) + np.sum(read, axis=0) / 10
    unit: NDArray[np.float32] = found / np.linalg.norm(found, axis=1, keepdims=True)
    return unit


class Directions(dict[str, NDArray[np.float32]]):
    """A random direction for each word, the same whenever it is asked for."""

    def __missing__(self, word: str) -> NDArray[np.float32]:
        seed = int.from_bytes(word.encode("utf-8", "surrogatepass"), "little")
        self[word] = found = np.random.default_rng(seed).standard_normal(DIMENSION, np.float32)
        return found


DIRECTIONS = Directions()


def summed(text: str) -> NDArray[np.float32]:
    """The stand-in's vector of a text."""
    rows = [DIRECTIONS[word] for word in text.lower().split()] or [np.zeros(DIMENSION, np.float32)]
    total: NDArray[np.float32] = np.sum(rows, axis=0)
    return total / max(1.0, float(np.linalg.norm(total)))


SYSTEMS: dict[str, Callable[[Corpus, str], Callable[[Sequence[Query]], Searched]]]
SYSTEMS = {"bm25": bm25, "vectors": vectors, "tokens": tokens, "compressed": partial(tokens, compressed=True)}


def misses(found: dict[str, dict[str, Any]]) -> list[str]:
    """What falls short of the bars, a line each."""
    slow = [f"{name}: {f['ratio'][1]:.3f} of a fresh build" for name, f in found.items() if f["ratio"][1] >= BAR]
    return slow + [f"{name}: the rankings differ" for name, f in found.items() if not f["same"]]


NAMES = {"bm25": "`bm25`", "vectors": "vectors", "tokens": "tokens, exact", "compressed": "tokens, compressed"}


def table_lines(found: dict[str, dict[str, Any]]) -> list[list[str]]:
    """The lines of a Markdown table: the processor's seconds."""
    head = ["index", "built afresh", "changed", "ratio", "opened unchanged", "same rankings"]
    rows = [
        [NAMES[name], f"{f['fresh'][1]:.2f}", f"{f['changed'][1]:.2f}", f"{f['ratio'][1]:.3f}".removeprefix("0"),
         f"{f['opened'][1]:.2f}", "yes" if f["same"] else "NO"]
        for name, f in found.items()
    ]  # fmt: skip
    return [head, ["---", *["---:"] * 4, "---"], *rows]


def shown(found: dict[str, dict[str, Any]]) -> None:
    """The table of all figures."""
    table = Table(title="Seconds until an index can be searched")
    for heading in ("index", "seconds", "built afresh", "changed", "ratio", "opened unchanged", "same rankings"):
        table.add_column(heading, justify="left" if heading in ("index", "seconds") else "right")
    for name, f in found.items():
        for place, kind in enumerate(("wall", "processor")):
            seconds = [f"{f[key][place]:.2f}" for key in ("fresh", "changed")]
            same = "yes" if f["same"] else "NO"
            table.add_row(name, kind, *seconds, f"{f['ratio'][place]:.3f}", f"{f['opened'][place]:.2f}", same)
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
