"""Rerankers behind somebody else's endpoint: Cohere, Jina, Voyage, and servers that are asked as they are."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import weakref
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, ClassVar

import numpy as np

from rankify.encoders.texts import passage, whole
from rankify.errors import Misuse
from rankify.llm.memory import Memory
from rankify.llm.protocol import Reply
from rankify.remote.fields import fields_of
from rankify.remote.patience import Patience, Workers, check_patience
from rankify.remote.tokens import estimated, within
from rankify.rerank.api_client import RerankClient
from rankify.rerank.api_providers import RerankProvider, RerankServer, known
from rankify.rerank.pair_scores import rounds
from rankify.stages import Reranker
from rankify.types import Ranking, Run, Scores

ROUND = 16_384  # documents whose texts are in memory at once
COUNTED = ("asked", "pairs", "tokens", "retries", "halved", "cut", "blank", "rejected", "remembered")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a ranking is sent: its query, the places of its documents that have a text, these texts, their keys."""

    query: str
    places: list[int]
    texts: list[str]
    keys: list[str]


class API(Reranker):
    """A provider's scores of each query with the title and text of each of its documents.

    Every document that is sent has to come back with a score of its own, by its index. Requests of all queries are
    under way together. A blank document, or any of a blank query, is never sent; nor has one a score that the provider
    refuses by itself. Both are counted and come last, in their present order. Equal scores keep the order of the run.

    Args:
        model: the provider and its model's name, e.g. cohere:rerank-v3.5; http and tei are servers of one's own.
        base_url: where the server is, where it is not the provider's own.
        key: the NAME of the environment variable that holds the key; by default the provider's, and none for a
            `base_url`, which may be anybody's. The key itself is never an option.
        max_length: the most tokens of a document, at four characters each; longer ones are cut before they are sent.
        batch, batch_tokens: the most documents and the most tokens, as estimated here, of one request; what the
            provider takes if not given.
        folder: where scores are remembered; nowhere if not given.
        parallel: requests under way at once.
        retries, pause: tries after a failure that may pass, and seconds before the first of them; they double.
        timeout, deadline: seconds for one try, and for one request with all its tries.
        extra: JSON with more fields of the request.

    Raises:
        UnknownName: there is no such provider.
        Misuse: an option out of range, no address, or no model.
    """

    name: ClassVar[str] = "api"

    def __init__(
        self, model: str, *, base_url: str | None = None, key: str | None = None, max_length: int | None = None,
        batch: int | None = None, batch_tokens: int | None = None, folder: str | None = None, parallel: int = 8,
        retries: int = 5, pause: float = 0.5, timeout: float = 60.0, deadline: float = 600.0, extra: str = "",
    ) -> None:  # fmt: skip
        self.model, self.key, self.max_length = model, key, max_length
        self.batch, self.batch_tokens, self.folder, self.extra = batch, batch_tokens, folder, extra
        self.parallel, self.retries, self.pause = parallel, retries, pause
        self.timeout, self.deadline = timeout, deadline
        name, _, its = model.partition(":")
        self.provider, self.said = RerankProvider.named(name), known(name, its)
        if self.provider.sends_model and not its:
            raise Misuse(f"api:{name} names no model; write api:{name}:MODEL, e.g. api:cohere:rerank-v3.5")
        url = self.provider.address(base_url)
        self.base_url = None if url == self.provider.base_url else url
        more = self._check(name)
        server = RerankServer(
            url, headers=self.provider.headers, key=self.provider.key_for(self.base_url, key), parallel=parallel,
            header=self.provider.header, scheme=self.provider.scheme,
        )  # fmt: skip
        self.client = RerankClient(
            name, self.provider, its, self.said, server=server, patience=Patience(retries, pause, deadline),
            timeout=timeout, extra=more, count=self._count,
        )  # fmt: skip
        self._memory = Memory(Path(folder) / "scores.sqlite") if folder else None
        self._workers, self._lock = Workers(parallel), threading.Lock()
        weakref.finalize(self, self._workers.close)
        self._counted = self._nothing()

    def rerank(self, run: Run) -> Run:
        """Every ranking sorted by the provider's scores.

        Raises:
            RemoteFailed: no answer after every try, or a refusal that no document is to blame for.
            BadReply: an answer whose scores are not those of the documents that were sent, each once.
        """
        self._counted = self._nothing()
        reranked = [
            ranking.rescored(_unscored_last(scores))
            for part in rounds(run, ROUND)
            for ranking, scores in zip(part, self._scored(part), strict=True)
        ]
        if self._counted["asked"]:
            self._log()
        return Run(reranked)

    def counts(self) -> dict[str, float]:
        """Requests, documents scored by them, tokens, tries that were repeated, requests halved, documents cut.

        Also documents that were not sent (`blank`), were refused (`rejected`) or had a remembered score
        (`remembered`), the provider's search units, and dollars where the catalogue has the price.
        """
        return dict(self._counted)

    def _check(self, name: str) -> dict[str, Any]:
        """The further fields of a request; refuses options that make no sense."""
        check_patience(self)
        mosts = {"batch": self.provider.most, "batch_tokens": self.provider.most_tokens}
        for option in ("max_length", "batch", "batch_tokens"):
            value, most = getattr(self, option), mosts.get(option) or np.inf
            if value is not None and not 1 <= value <= most:
                raise Misuse(f"{option}={value} of {name} should be from 1 to {most:,}".removesuffix(" to inf"))
        return fields_of(self.extra)

    @property
    def _listwise(self) -> bool:
        """Whether a document's score depends on the others of its request."""
        return bool(self.said.get("listwise"))

    def _nothing(self) -> dict[str, float]:
        priced = {"price", "unit_price"} & self.said.keys()
        names = (*COUNTED, *(["units"] if self.provider.units else []), *(["cost"] if priced else []))
        return dict.fromkeys(names, 0.0)

    def _scored(self, rankings: Sequence[Ranking]) -> list[Scores]:
        """The scores of each ranking's documents, in their order; NaN where there is none."""
        asked = [self._asked(ranking) for ranking in rankings]
        scores = [np.full(len(ranking), np.nan) for ranking in rankings]

        def ask(item: tuple[int, list[int]], stopped: Event) -> None:
            number, rows = item
            its = asked[number]
            found = self.client.scores(its.query, [its.texts[row] for row in rows], stopped)
            self._keep([its.keys[row] for row in rows] if its.keys else [], found)
            self._count(pairs=int(np.isfinite(found).sum()))
            scores[number][[its.places[row] for row in rows]] = found

        items = []
        for number, its in enumerate(asked):
            rest = self._recalled(its, scores[number])
            items += [(number, rest[part]) for part in self._batches(its, rest)]
        self._workers.each(ask, items)
        return scores

    def _asked(self, ranking: Ranking) -> Asked:
        """What of a ranking is sent: nothing of a blank document, and nothing at all of a blank query."""
        query = whole(ranking.query.text)
        texts = [self._sent(whole(passage(document))) for document in ranking.documents] if query.strip() else []
        places = [place for place, text in enumerate(texts) if text.strip()]
        self._count(blank=len(ranking) - len(places))
        sent = [texts[place] for place in places]
        return Asked(query, places, sent, self._keys(query, sent) if self._memory else [])

    def _sent(self, text: str) -> str:
        """What is sent of a document: its beginning, if it is longer than `max_length`."""
        if self.max_length is None or (end := within(text, self.max_length)) >= len(text):
            return text
        self._count(cut=1)
        return text[:end]

    def _keys(self, query: str, texts: Sequence[str]) -> list[str]:
        """The name of each score in the memory: a digest of all it depends on, and never of a key.

        Equal documents of a query have keys of their own; a listwise model's scores depend on all documents.
        """
        seen: Counter[str] = Counter()
        found = []
        others = _digest(list(texts)) if self._listwise else ""
        for text in texts:
            found.append(_digest([self.client.identity, query, text, seen[text], others]))
            seen[text] += 1
        return found

    def _recalled(self, its: Asked, scores: Scores) -> list[int]:
        """Fills in the scores that are remembered, and gives the rows that are still to be asked."""
        kept = self._memory.recall(its.keys) if self._memory else {}
        every = range(len(its.texts))
        rest = [row for row in every if not its.keys or its.keys[row] not in kept]
        if rest and self._listwise:
            return list(every)
        for row in set(every) - set(rest):
            scores[its.places[row]] = kept[its.keys[row]].value
        self._count(remembered=len(its.texts) - len(rest))
        return rest

    def _keep(self, keys: Sequence[str], scores: Scores) -> None:
        """Remembers scores; a refusal is not remembered, because it may be mended."""
        if self._memory:
            pairs = zip(keys, scores.tolist(), strict=True)
            self._memory.keep({key: Reply(score) for key, score in pairs if np.isfinite(score)})

    def _batches(self, its: Asked, rows: Sequence[int]) -> Iterator[slice]:
        """Rows in their order, in parts that a request may hold; one that is too large is a part of its own.

        A listwise model's rankings stay whole as long as the provider takes them.
        """
        usual, budget = self.provider.batch, float(self.provider.batch_tokens)
        if self._listwise:
            usual, budget = self.provider.most or usual, np.inf
        most = self.batch or self.said.get("batch", usual)
        budget = float(self.batch_tokens or self.said.get("batch_tokens", budget))
        query, longest = estimated(its.query), self.said.get("max_length", budget)
        start, total = 0, 0.0
        for place, row in enumerate(rows):
            size = min(query + estimated(its.texts[row]), longest)
            if place > start and (place - start == most or total + size > budget):
                yield slice(start, place)
                start, total = place, 0.0
            total += size
        if rows:
            yield slice(start, len(rows))

    def _count(self, **counts: float) -> None:
        with self._lock:
            for name, count in counts.items():
                self._counted[name] += float(count)

    def _log(self) -> None:
        cost = f", ${self._counted['cost']:.4f}" if "cost" in self._counted else ""
        done = (self._counted["pairs"], self.model, self._counted["asked"], self._counted["tokens"], cost)
        logger.info("%d documents scored by %s in %d requests: %d tokens%s", *done)


def _digest(what: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _unscored_last(scores: Scores) -> Scores:
    """Scores with those that are NaN one below the lowest of the others, or 0 where there is no other.

    >>> _unscored_last(np.array([np.nan, 0.5, 2.0])).tolist()
    [-0.5, 0.5, 2.0]
    """
    unscored = np.isnan(scores)
    lowest = 0.0 if unscored.all() else scores[~unscored].min() - 1
    return np.where(unscored, lowest, scores)
