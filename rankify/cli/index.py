"""`rankify index`: builds a retriever's index in a folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

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

    An index of the collection's first documents is extended by the others. `rankify search --index` opens it.

        rankify index bm25 ../data/nfcorpus -o indexes/nfcorpus
        rankify index dense:sentence-transformers/all-MiniLM-L6-v2 pydoc -o indexes/pydoc-minilm
    """
    import rankify
    from rankify import registry
    from rankify.corpus import Corpus
    from rankify.indexes.manifest import Manifest

    registry.prepared("retriever", retriever, Corpus(()), folder=str(output))
    found = collection(screen, data, split, queries=False)
    start = time.perf_counter()
    with screen.step(f"Indexing {len(found.corpus):,} documents with {retriever}"):
        rankify.retriever(retriever, found.corpus, folder=str(output))
    made = {
        "folder": str(output),
        "retriever": retriever,
        "dataset": found.name,
        "documents": len(found.corpus),
        **{k: v for k, v in Manifest.read(output).items() if k in ("terms", "total_terms", "dimension")},
        "seconds": round(time.perf_counter() - start, 3),
        "bytes": sum(p.stat().st_size for p in output.rglob("*") if p.is_file()),
    }
    shown = table("index", str(output))
    for key, value in made.items():
        if key != "folder":
            shown.add_row(key.replace("_", " "), f"{value:,}" if isinstance(value, int) else str(value))
    screen.show(made, shown)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, index)
