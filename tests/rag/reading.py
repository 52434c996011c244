"""What tests of readers share: rankings of short documents, and a search that knows what is asked."""

from rankify.documents import Document
from rankify.stages import Retriever
from rankify.types import Query, Ranking, Run


def ranking(question, *texts, id="q", scores=None):
    """A question with documents d1, d2, ..., each "title: text" or a text."""
    documents = []
    for number, text in enumerate(texts, 1):
        title, colon, rest = text.partition(": ")
        documents.append(Document(f"d{number}", rest if colon else text, title if colon else ""))
    return Ranking(Query(id, question), documents, scores or range(len(texts), 0, -1))


class Library(Retriever):
    """Finds by exact text of the query, and remembers what was asked: {query: [document, ...]}."""

    name = "library"

    def __init__(self, shelves=None):
        self.shelves, self.asked, self.batches = shelves or {}, [], 0

    def retrieve(self, queries, k):
        self.batches += 1
        self.asked += [query.text for query in queries]
        found = [[Document(*one) for one in self.shelves.get(query.text, [])][:k] for query in queries]
        return Run(Ranking(q, own, range(len(own), 0, -1)) for q, own in zip(queries, found, strict=True))
