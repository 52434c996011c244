"""HyDE: a dense search with passages that a language model made up, in the place of their query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from rankify.documents import Document
from rankify.errors import Misuse, UnknownName
from rankify.llm.protocol import LLM
from rankify.prompts.template import names, template
from rankify.retrieve.dense import Dense
from rankify.retrieve.expansion import Expansion
from rankify.types import Query, Run

PREFIX = "hyde-"


class HyDE(Expansion):
    """Hypothetical document embeddings: a dense search with the mean of the query's and of made-up passages' vectors.

    Gao, Ma, Lin and Callan, arXiv:2212.10496. The model writes several passages that might answer the query; what they
    say may be wrong, but they look like what is sought. They are encoded as documents are. The search is for the mean
    of all vectors, the query's own among them, as in the published code.

    `hyde(dense:MODEL, llm=LLM) % 100`. The published figures were made with Contriever, 8 passages and temperature .7.
    A passage that is empty is left out and counted under `unreadable`.

    Args:
        retriever: encodes queries and passages, and searches.
        llm: a language model's spec, or the backend.
        task: what is asked for: web-search, scifact, arguana, trec-covid, fiqa, dbpedia-entity, trec-news or mr-tydi.
        language: of the passages, in mr-tydi; English if not given.
        passages: how many are written for each query.
        max_tokens: the most tokens of a passage.
        temperature, top_p: how passages are drawn, as for `Sampling`; with temperature 0 there is but one passage.
        seed: of the random numbers; a server that honours no seed draws other passages each time, unless `cached:`
            remembers them.

    Raises:
        UnknownName: a task that there is not.
        Misuse: an option out of range, or a language where the task's prompt names none.
    """

    name: ClassVar[str] = "hyde"
    over = Dense

    def __init__(
        self, retriever: Dense, llm: str | LLM, *, task: str = "web-search", language: str | None = None,
        passages: int = 8, max_tokens: int = 512, temperature: float = 0.7, top_p: float = 1.0, seed: int = 0,
    ) -> None:  # fmt: skip
        tasks = [name.removeprefix(PREFIX) for name in names() if name.startswith(PREFIX)]
        if task not in tasks:
            raise UnknownName.among("task of hyde", task, tasks)
        prompt = template(PREFIX + task)
        if language is not None and "language" not in prompt.values:
            raise Misuse(f"hyde with language={language}: the prompt of task {task!r} names no language; use mr-tydi")
        if not isinstance(passages, int) or isinstance(passages, bool) or passages < 1:
            raise Misuse(f"hyde with passages={passages!r}: it is a whole number from 1 up")
        if not temperature and passages > 1:
            raise Misuse(f"hyde with temperature=0 and passages={passages}: they would all be the same; passages=1")
        prompt = prompt if language is None else prompt.told(language=language)
        super().__init__(retriever, llm, prompt, max_tokens=max_tokens, temperature=temperature, top_p=top_p, seed=seed)
        self.task, self.language, self.passages = task, language, passages

    def retrieve(self, queries: Sequence[Query], k: int) -> Run:
        passages = self.written(queries, str, each=self.passages)
        encoder = self.retriever.encoder
        own = encoder.encode_queries([query.text for query in queries])
        self.searching(encoder.counted)
        documents = [Document(str(i), text) for i, texts in enumerate(passages) for text in texts]
        rows = np.split(encoder.encode_documents(documents), np.cumsum([len(texts) for texts in passages])[:-1])
        self.searching(encoder.counted)
        vectors = [np.vstack([v, some]).mean(axis=0, dtype=np.float64) for v, some in zip(own, rows, strict=False)]
        means = np.array(vectors, np.float32) if vectors else own
        found: Run = self.retriever.nearest(queries, means, k)
        return found
