"""The file of a FAISS index: which documents its nodes are of, and behind that the index itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rankify.documents import Positions
from rankify.errors import BadInput, needs
from rankify.indexes.arrays import write_array
from rankify.indexes.changes import Changes, Fingerprints
from rankify.io.files import writing

MOST = 4  # one part in so many may be new or gone before an index is built afresh


@dataclass(frozen=True, eq=False)
class Nodes:
    """What the nodes of an index are of, in their order.

    An index is never made smaller: the node of a document that is gone stays, since others are reached by it (HNSW),
    and is no hit any more. New documents get nodes behind the others.

    Args:
        known: the fingerprint of each node's document, shape (nodes, 2).
        built: how many of them the index was built from at once; the others were added.
    """

    known: Fingerprints
    built: int

    def __len__(self) -> int:
        return len(self.known)

    def changes(self, corpus: Fingerprints) -> Changes:
        """What leads from the nodes to the documents of a corpus."""
        return Changes.between(self.known, corpus)

    def outworn(self, change: Changes) -> bool:
        """Whether so much is new or gone that an index built afresh is better: its lists and links are of what was."""
        gone, added = len(self) - change.kept, len(self) + len(change.lacking) - self.built
        return (gone + added) * MOST > len(change.rows)

    def with_new(self, change: Changes, corpus: Fingerprints) -> Nodes:
        """The nodes with one more for each document that had none."""
        return Nodes(np.concatenate([self.known, corpus[change.lacking]]), self.built)


def rows_of(change: Changes) -> Positions:
    """The row of each node, those of new documents behind the others; -1 where the document is gone."""
    return np.concatenate([change.positions, change.lacking])


def save_index(path: Path, index: Any, nodes: Nodes) -> None:
    """Writes an index, whole or not at all."""
    faiss = needs("faiss", "neural")
    head = np.array([[nodes.built, len(nodes)]], np.uint64)
    with writing(path, binary=True) as file:
        write_array(file, np.concatenate([head, nodes.known]))
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))


def load_index(path: Path) -> tuple[Any, Nodes]:
    """What `save_index` wrote.

    Raises:
        BadInput: it is damaged.
    """
    faiss = needs("faiss", "neural")
    try:
        with path.open("rb") as file:
            head = np.load(file, allow_pickle=False)
            index = faiss.read_index(faiss.PyCallbackIOReader(file.read))
        [built, size], known = head[0].tolist(), head[1:]
        if head.dtype != np.uint64 or size != len(known) or index.ntotal != size:
            raise ValueError(f"it is of {size} nodes and holds {index.ntotal}")
    except (OSError, ValueError, TypeError, EOFError, RuntimeError, LookupError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise BadInput(f"cannot read {path}: {reason}; delete the file to build it again") from None
    return index, Nodes(known, built)
