"""Expansion: a language model writes something about each query before its retriever searches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rankify.errors import Misuse
from rankify.llm.loading import load
from rankify.llm.protocol import LLM
from rankify.prompts.template import Template
from rankify.retrieve.writing import Read, Writer
from rankify.spec import written_options
from rankify.stages import Retriever
from rankify.types import Query, Ranking, Run


class Expansion(Retriever):
    """A retriever that searches for more than the query, or for something else, which a language model has written.

    All queries are asked about together. A query without a letter is not asked about. One of which no reply could be
    read is searched for as it is; both are counted under `kept`, the others under `refined`, and each reply that could
    not be read under `unreadable`. A model or server that fails raises.

    The run has the queries as they were asked, so that rerankers and readers behind it see those.

    Args:
        retriever: what searches.
        llm: a language model's spec, or the backend.
        prompt: what it is asked.
        options: of `Writer`.

    Raises:
        Misuse: the retriever is of another kind than can be asked, or an option is out of range.
    """

    over: ClassVar[Any] = Retriever  # the class of retrievers that can be asked

    def __init__(self, retriever: Any, llm: str | LLM, prompt: Template, **options: Any) -> None:
        if not isinstance(retriever, self.over):
            kind = "a retriever" if self.over is Retriever else self.over.name
            raise Misuse(f"{self.name} searches with {kind}, which {retriever!r} is not")
        self.retriever: Any = retriever
        self.llm = load(llm)
        self.max_tokens, self.temperature = options["max_tokens"], options["temperature"]
        self.top_p, self.seed = options["top_p"], options["seed"]
        self.writer = Writer(self.llm, prompt, **options)
        self._counted: Counter[str] = Counter()

    def counts(self) -> dict[str, float]:
        """What the model took, as rerankers count it, and the retriever as `retriever tokens` and so on."""
        return {**self.writer.counts(), **self._counted}

    def written(
        self, queries: Sequence[Query], read: Read, *, each: int = 1, values: Sequence[Mapping[str, Any]] = ()
    ) -> list[list[Any]]:
        """What was read of the replies about each query; nothing for a query without a letter."""
        asked = [place for place, query in enumerate(queries) if query.text.strip()]
        told = [values[place] for place in asked] if values else ()
        texts = self.writer.write([queries[place] for place in asked], read, each=each, values=told)
        found: list[list[Any]] = [[] for _ in queries]
        for place, own in zip(asked, texts, strict=True):
            found[place] = own
        refined = sum(map(bool, found))
        self._counted = Counter({"refined": refined, "kept": len(queries) - refined})
        return found

    def searched(self, queries: Sequence[Query], texts: Sequence[str], k: int) -> Run:
        """What the retriever finds for these texts, as rankings of the queries."""
        asked = [Query(query.id, text, query.metadata) for query, text in zip(queries, texts, strict=True)]
        found = self.retriever.retrieve(asked, k)
        self.searching(self.retriever.counts())
        return Run(Ranking(q, r.documents, r.scores) for q, r in zip(queries, found, strict=True))

    def searching(self, counts: Mapping[str, float]) -> None:
        """Adds what the retriever counted."""
        self._counted.update({f"retriever {name}": value for name, value in counts.items()})

    def __repr__(self) -> str:
        return f"{self.name}({', '.join([repr(self.retriever), f'llm={self.llm!r}', *written_options(self)])})"
