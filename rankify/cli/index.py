"""`rankify index`: builds a retriever's index in a folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from rankify.cli.collection import collection
from rankify.cli.command import Data, Split, command
from rankify.cli.screen import Screen, table

Spec = Annotated[
    str,
    typer.Argument(metavar="RETRIEVER", show_default=False, help="bm25, bm25?OPTION=VALUE, or dense:MODEL."),
]
Folder = Annotated[
    Path, typer.Option("-o", "--output", metavar="FOLDER", show_default=False, help="The index's folder.")
]


def index(screen: Screen, retriever: Spec, data: Data, output: Folder, split: Split = None) -> None:
    """Build the index of a retriever in a folder.

    Where the collection has changed since, an index is brought up to it: what is new is added, what is gone removed.
    `rankify search --index` opens it.

        rankify index bm25 ../data/nfcorpus -o indexes/nfcorpus
        rankify index dense:sentence-transformers/all-MiniLM-L6-v2 pydoc -o indexes/pydoc-minilm
    """
    import rankify
    from rankify import registry
    from rankify.corpus import Corpus
    from rankify.errors import Misuse
    from rankify.indexes.manifest import Manifest

    registry.prepared("retriever", retriever, Corpus(()), folder=str(output))
    if not registry.find("retriever", registry.resolve("retriever", retriever).name).needs_corpus:
        raise Misuse(f"{retriever!r} searches no documents of yours, so there is nothing to index")
    found = collection(screen, data, split, queries=False)
    before = Manifest.read(output) if Manifest.there(output) else {}
    start = time.perf_counter()
    with screen.step(f"Indexing {len(found.corpus):,} documents with {retriever}"):
        rankify.retriever(retriever, found.corpus, folder=str(output))
    after = Manifest.read(output)
    made = {
        "folder": str(output),
        "retriever": retriever,
        "dataset": found.name,
        "documents": len(found.corpus),
        **_change(before, after, len(found.corpus)),
        **{k: v for k, v in after.items() if k in ("terms", "total_terms", "dimension")},
        "seconds": round(time.perf_counter() - start, 3),
        "bytes": sum(p.stat().st_size for p in output.rglob("*") if p.is_file()),
    }
    shown = table("index", str(output))
    for key, value in made.items():
        if key != "folder":
            shown.add_row(key.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value))
    screen.show(made, shown)


def _change(before: dict[str, Any], after: dict[str, Any], documents: int) -> dict[str, int]:
    """How many documents were kept in the index as they are, added to it, changed in it and removed from it."""
    same = bool(before) and all(before.get(field) == after.get(field) for field in ("corpus", "beside"))
    change = {"kept": documents} if same else after.get("change", {"added": documents})
    return {"kept": 0, "added": 0, "changed": 0, "removed": 0, **change}


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, index)
