"""One system on one collection, in a process of its own: builds, searches, and says what that took as JSON.

    python benchmarks/search_systems.py SYSTEM COLLECTION THREADS

The clock of `build` runs from texts to an index that can search; the clock of `search` from query strings to the ids
and scores of the best 1,000. Both run after a warm-up, so that no compiler is on the clock.
"""

from __future__ import annotations

import json
import os
import sys
import time

DEPTH = 1000
threads = int(sys.argv[3])
os.environ.update({name: str(threads) for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS")})

import numpy as np  # noqa: E402
from command import peak_memory  # noqa: E402
from search_data import collection  # noqa: E402

WARM = ["warming up the compiled loops", "with a few short texts", "so that none is compiled on the clock"]


def rankify(ids, texts, queries):
    from rankify import Corpus, Document, Query
    from rankify.retrieve.bm25 import BM25

    def build(ids, texts):
        return BM25(Corpus(map(Document, ids, texts)), threads=threads)

    def search(index, queries, k):
        run = index.retrieve([Query(str(i), text) for i, text in enumerate(queries)], k)
        return [(ranking.ids, ranking.scores) for ranking in run]

    return measured(build, search, ids, texts, queries)


def bm25s(ids, texts, queries):
    import bm25s as library
    import Stemmer

    stemmer = Stemmer.Stemmer("english")

    def build(ids, texts):
        tokens = library.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False)
        index = library.BM25(method="lucene", k1=0.9, b=0.4, backend="numba")
        index.index(tokens, show_progress=False)
        index.activate_numba_scorer()
        return index, np.array(ids, dtype=object)

    def search(built, queries, k):
        index, names = built
        tokens = library.tokenize(queries, stopwords="en", stemmer=stemmer, show_progress=False)
        places, scores = index.retrieve(
            tokens, k=min(k, len(names)), n_threads=threads, backend_selection="numba", show_progress=False
        )
        return list(zip(names[places].tolist(), scores, strict=True))

    return measured(build, search, ids, texts, queries)


def pyserini(ids, texts, queries):
    """Pyserini's own batch_search over the index that `lucene` writes, which is Anserini's."""
    from rankify import Corpus, Document
    from rankify.retrieve.lucene import Lucene

    os.environ.setdefault("OPENAI_API_KEY", "unused")  # Pyserini builds an OpenAI client when it is imported

    def build(ids, texts):
        lucene = Lucene(Corpus(map(Document, ids, texts)))
        from pyserini.search.lucene import LuceneSearcher

        searcher = LuceneSearcher(str(lucene.place / "lucene"))
        searcher.set_bm25(0.9, 0.4)
        return searcher, lucene

    def search(built, queries, k):
        places = [str(i) for i in range(len(queries))]
        found = built[0].batch_search(queries, places, k=k, threads=threads)
        return [([h.docid for h in found[p]], [h.score for h in found[p]]) for p in places]

    return measured(build, search, ids, texts, queries)


def measured(build, search, ids, texts, queries):
    """Seconds to build and to search, and the most memory the process held."""
    search(build(["a", "b", "c"], WARM), WARM, 2)
    start = time.perf_counter()
    index = build(ids, texts)
    built = time.perf_counter()
    search(index, queries[:2], DEPTH)
    ready = time.perf_counter()
    found = search(index, queries, DEPTH)
    done = time.perf_counter()
    return {
        "build_s": built - start,
        "search_s": done - ready,
        "hits": sum(len(ids) for ids, _ in found),
        "peak_mb": peak_memory() / 1024**2,
    }


if __name__ == "__main__":
    system = {"rankify": rankify, "bm25s": bm25s, "pyserini": pyserini}[sys.argv[1]]
    print(json.dumps(system(*collection(sys.argv[2]))))
