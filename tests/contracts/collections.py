"""The awkward collections that every component has to survive, and how each registered name is built for tests."""

from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.types import Query, Ranking, Run

ODD_IDS = ["007", "7", "null", "NaN", "None", "a b", " x", "東京", "\u202eid", "q", "1e5", "-1", "é", "e\u0301", "😀"]
ODD_IDS += ["A", "a"]
TEXTS = ["", " ", "the", "cat dog", "neural ranking models rank documents", "retrieval " * 500, "x" * 2000, "CAT's"]
TEXTS += [
    "東京は日本の首都です。",
    "Привет, мир",
    "مرحبا بالعالم",
    "<b>html & entities</b>",
    "line\nbreak\ttab\x00null\x0b",
]
TEXTS += ["👩\u200d👩\u200d👧 emoji", "\ud83d half", "cat", "cat"]
QUERIES = [
    "cat",
    "",
    "the of",
    "neural retrieval models",
    "word " * 10_000,
    "東京",
    "!?",
    "\x00",
    "e\u0301 é",
    "\ud83d half",
]


def corpus(n=17):
    """n documents; the odd ones first, every text and id among them, then plain ones."""
    ids = [*ODD_IDS, *(f"d{i}" for i in range(n))][:n]
    return Corpus(Document(id, TEXTS[i % len(TEXTS)], "A title" if i % 3 == 0 else "") for i, id in enumerate(ids))


def queries():
    return [Query(f"q{i}" if i else "007", text) for i, text in enumerate(QUERIES)]


def run(sizes):
    """A run with a query per size, over the documents of one corpus."""
    documents = list(corpus(max([*sizes, 1])))
    return Run(
        Ranking(Query(f"q{i}", QUERIES[i % len(QUERIES)]), documents[:n], range(n, 0, -1)) for i, n in enumerate(sizes)
    )
