"""One provider's reranker behind its endpoint: a query and documents go there, and their scores come back."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from threading import Event
from typing import Any

import numpy as np

from rankify.encoders.provider import TooLong
from rankify.remote.patience import Again, GivenUp, Patience, RemoteFailed, scrubbed
from rankify.remote.tokens import estimated
from rankify.rerank.api_providers import Rejected, RerankProvider, RerankServer
from rankify.rerank.api_replies import scores, taken
from rankify.types import Scores

PLAIN = ["a"]  # a document that no provider has reason to refuse
logger = logging.getLogger(__name__)


class RerankClient:
    """Asks a provider's reranker, again where that may help, and in parts where a request is refused.

    Args:
        name, provider: the provider.
        model: its name there.
        said: what the catalogue says of the model.
        server: where it is.
        patience: how often and how long to ask. timeout: seconds for one try.
        extra: further fields of the request.
        count: is told what there is to be counted.
    """

    def __init__(
        self, name: str, provider: RerankProvider, model: str, said: Mapping[str, Any], *, server: RerankServer,
        patience: Patience, timeout: float, extra: Mapping[str, Any], count: Callable[..., None],
    ) -> None:  # fmt: skip
        self.provider, self.said, self.server = provider, said, server
        self.patience, self.timeout, self.extra, self.count = patience, timeout, dict(extra), count
        named = {"model": model} if provider.sends_model else {}
        self.fixed: dict[str, Any] = {**named, **provider.body, **said.get("body", {})}
        self.host = f"{server.host} ({name}{':' if model else ''}{model})"
        self.identity = [name, server.url, provider.path, self.fixed, self.extra]
        self._vouched: set[str] = set()

    def scores(self, query: str, texts: Sequence[str], stopped: Event) -> Scores:
        """A score for each text, shape (texts,); NaN for a text that is refused whatever stands beside it.

        A refused request is asked again in halves, down to the texts that are to blame. One that is too long is cut by
        a quarter until it passes; one that is refused for something else has no score, is counted and logged.

        Raises:
            BadReply: scores that cannot be told apart, or are none.
            RemoteFailed: no answer after every try, or the query is refused with any text.
        """
        try:
            return self._answered(query, texts, stopped)
        except (TooLong, Rejected) as refused:
            if stopped.is_set():
                raise GivenUp(f"{refused}; given up, because another request failed for good") from None
            if len(texts) == 1 or isinstance(refused, Rejected):
                self._vouch(query, refused, stopped)
            if len(texts) > 1:
                self.count(halved=1)
                half = len(texts) // 2
                return np.concatenate([self.scores(query, part, stopped) for part in (texts[:half], texts[half:])])
            shorter = texts[0][: len(texts[0]) * 3 // 4].rstrip()
            if isinstance(refused, TooLong) and shorter.strip():
                self.count(cut=1)
                return self.scores(query, [shorter], stopped)
            logger.warning("the document %r has no score for query %r: %s", texts[0][:60], query[:60], refused)
            self.count(rejected=1)
            return np.array([np.nan])

    def _vouch(self, query: str, refused: Exception, stopped: Event) -> None:
        """Raises RemoteFailed where a query is refused with a plain text, too: then no document is to blame."""
        if query in self._vouched:
            return
        try:
            self._answered(query, PLAIN, stopped)
        except (TooLong, Rejected):
            shown = f"{query[:60]!r}{'...' * (len(query) > 60)}"
            why = f"and refuses a plain document, too: see to the model and to query {shown}"
            raise RemoteFailed(f"{refused}, {why}") from None
        self._vouched.add(query)

    def _answered(self, query: str, texts: Sequence[str], stopped: Event) -> Scores:
        """The scores of one request, after as many tries as it takes."""
        tries = 0

        def once(left: float) -> Scores:
            nonlocal tries
            tries += 1
            self.count(asked=1, retries=tries > 1)
            return self._once(query, texts, left)

        return self.patience.answer(once, stopped)

    def _once(self, query: str, texts: Sequence[str], left: float) -> Scores:
        """The scores of one try.

        Raises:
            Again: a failure that may pass.
            BadReply: an answer that cannot be trusted.
            RemoteFailed, TooLong, Rejected: a refusal.
        """
        body = {**self.fixed, **self.provider.request(query, texts), **self.extra}
        answer = self.server.post(self.provider.path, json.dumps(body).encode(), min(self.timeout, left))
        try:
            results = answer[self.provider.results] if self.provider.results else answer
            found = scores(results, self.provider.score, len(texts), self.host)
        except (LookupError, TypeError, AttributeError, ValueError):
            answered = scrubbed(json.dumps(answer), 80, key=self.server.key)
            raise Again(f"{self.host} answered {answered!r}, which are no scores") from None
        self._take(answer, query, texts)
        return found

    def _take(self, answer: Any, query: str, texts: Sequence[str]) -> None:
        """Counts what an answer says that it took; tokens are estimated where it does not say."""
        said, units = taken(answer, self.provider.tokens), taken(answer, self.provider.units)
        tokens = sum(estimated(query) + estimated(text) for text in texts) if said is None else said
        took = {"tokens": tokens} if units is None else {"tokens": tokens, "units": units}
        if "price" in self.said:
            took["cost"] = tokens * self.said["price"] / 1e6
        elif "unit_price" in self.said and units is not None:
            took["cost"] = units * self.said["unit_price"] / 1e3
        self.count(**took)
