"""Encoders behind somebody else's server: texts go over the network in batches, and vectors come back."""

from __future__ import annotations

import json
import logging
import threading
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from threading import Event
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Document
from rankify.encoders.provider import EmbeddingServer, Provider, TooLong, check_dimensions, known
from rankify.encoders.remote_replies import finite, of_length_1
from rankify.encoders.texts import passage, whole
from rankify.errors import BadReply, Misuse
from rankify.remote.fields import fields_of
from rankify.remote.patience import Again, Patience, RemoteFailed, Workers, check_patience, scrubbed
from rankify.remote.tokens import estimated, within
from rankify.spec import spec_of

Vectors = NDArray[np.float32]
COUNTED = ("asked", "texts", "tokens", "retries", "halved", "cut", "blank")
logger = logging.getLogger(__name__)


class RemoteEncoder(ABC):
    """One vector for each text, from a provider's server.

    Equal texts are asked once. A blank text is never sent, because providers refuse it: its vector is zeros, and its
    score with everything 0.

    Args:
        model: its name at the provider.
        base_url: where the server is, where it is not the provider's own.
        key: the NAME of the environment variable that holds the key; by default the provider's, and none for a
            `base_url`, which may be anybody's. The key itself is never an option.
        dimensions: of a vector, where the model has several.
        normalize: whether vectors have length 1, so that inner products are cosines.
        max_length: the most tokens of a text, at four characters each; longer texts are cut before they are sent.
        query_prefix, document_prefix: what stands before each query, and before each document.
        query_type, document_type: what the request calls queries and documents, where it is not the provider's word for
            search.
        batch, batch_tokens: the most texts and the most tokens, as estimated here, of one request.
        parallel: requests under way at once.
        retries, pause: tries after a failure that may pass, and seconds before the first of them; they double.
        timeout, deadline: seconds for one try, and for one request with all its tries.
        extra: JSON with more fields of the request.

    Raises:
        Misuse: an option out of range, dimensions that the model has not, or no address.
    """

    name: ClassVar[str]
    libraries: ClassVar[tuple[str, ...]] = ()
    shard: ClassVar[int] = 1_024  # documents that a killed build pays for again, at most

    def __init__(
        self, model: str, *, base_url: str | None = None, key: str | None = None, dimensions: int | None = None,
        normalize: bool = True, max_length: int | None = None, query_prefix: str = "", document_prefix: str = "",
        query_type: str | None = None, document_type: str | None = None, batch: int | None = None,
        batch_tokens: int | None = None, parallel: int = 8, retries: int = 5, pause: float = 0.5,
        timeout: float = 60.0, deadline: float = 600.0, extra: str = "",
    ) -> None:  # fmt: skip
        self.model, self.key, self.dimensions, self.normalize = model, key, dimensions, normalize
        self.max_length, self.query_prefix, self.document_prefix = max_length, query_prefix, document_prefix
        self.query_type, self.document_type = query_type, document_type
        self.batch, self.batch_tokens = batch, batch_tokens
        self.parallel, self.retries, self.pause, self.extra = parallel, retries, pause, extra
        self.timeout, self.deadline = timeout, deadline
        self.provider, self.said = Provider.named(self.name), known(self.name, model)
        url = self.provider.address(base_url)
        self.base_url = None if url == self.provider.base_url else url  # in the spec, wherever it came from
        if key is None and base_url is None and self.base_url:
            self.key = self.provider.key  # in the spec too, which says the address from now on
        self._check()
        self._server = EmbeddingServer(
            url, key=self.provider.key_for(self.base_url, self.key), parallel=parallel, header=self.provider.header,
            scheme=self.provider.scheme,
        )  # fmt: skip
        self._host = f"{self._server.host} ({self.name}:{model})"
        self._patience = Patience(retries, pause, deadline)
        self._workers, self._lock = Workers(parallel), threading.Lock()
        weakref.finalize(self, self._workers.close)
        self._width: int | None = dimensions or self.said.get("dimension")
        self.counted = self._nothing()

    @abstractmethod
    def request(self, texts: Sequence[str], kind: str) -> tuple[str, dict[str, Any]]:
        """The path and the body that ask for the vectors of some texts.

        Args:
            kind: what the provider calls such texts; "" where it calls them nothing.
        """

    @abstractmethod
    def rows(self, answer: Any, texts: Sequence[str]) -> list[Any]:
        """The vectors in an answer, in the order of the texts.

        Raises:
            BadReply: they cannot be told apart.
            LookupError, TypeError, AttributeError, ValueError: it is no answer.
        """

    @abstractmethod
    def used(self, answer: Any) -> int | None:
        """The tokens that an answer says it took; None where it does not say."""

    @property
    def similarity(self) -> str:
        """By what the vectors are meant to be compared: cosine (their lengths are 1) or dot."""
        return "cosine" if self.normalize else "dot"

    @property
    def dimension(self) -> int:
        """Of a vector: as asked for, as the catalogue says, or else as the server's first answer has it."""
        if self._width is None:
            self._answered(["a"], self._kind(query=False), Event())
        return int(self._width or 0)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """A vector for each query, shape (queries, dimension)."""
        return self._encode(texts, self.query_prefix, self._kind(query=True))

    def encode_documents(self, documents: Sequence[Document]) -> Vectors:
        """A vector for each document's title and text, shape (documents, dimension)."""
        return self.encode_passages([passage(document) for document in documents])

    def encode_passages(self, texts: Sequence[str]) -> Vectors:
        """A vector for each text that is, or is part of, a document, shape (texts, dimension)."""
        return self._encode(texts, self.document_prefix, self._kind(query=False))

    def identity(self) -> dict[str, Any]:
        """Everything that decides a vector, as fields of a manifest; never a key."""
        fields = ("model", "base_url", "normalize", "query_prefix", "document_prefix", "extra")
        kinds = {"query_type": self._kind(query=True), "document_type": self._kind(query=False)}
        said = {field: getattr(self, field) for field in fields}
        return {"provider": self.name, **said, **kinds, "max_length": self._limit, "dimension": self.dimension}

    def _check(self) -> None:
        check_patience(self)
        for option in ("dimensions", "max_length", "batch", "batch_tokens"):
            value, most = getattr(self, option), self._most(option)
            if value is not None and not 1 <= value <= most:
                raise Misuse(f"{option}={value} of {self.name} should be from 1 to {most:,}".removesuffix(" to inf"))
        check_dimensions(self.model, self.dimensions, self.said)
        self._extra = fields_of(self.extra)

    def _most(self, option: str) -> float:
        mosts = {"batch": self.provider.most, "batch_tokens": self.provider.most_tokens}
        return mosts.get(option) or np.inf

    def _kind(self, *, query: bool) -> str:
        """What the request calls queries, or documents: as asked for, or as the catalogue or the provider has it."""
        option = "query_type" if query else "document_type"
        asked = getattr(self, option)
        return str(self.said.get(option, getattr(self.provider, option)) if asked is None else asked)

    @property
    def _limit(self) -> int | None:
        """The tokens after which a text is cut here; None where the server cuts it."""
        return self.max_length or self.provider.max_length

    def _nothing(self) -> dict[str, float]:
        return dict.fromkeys((*COUNTED, *(["cost"] if "price" in self.said else [])), 0.0)

    def _encode(self, texts: Sequence[str], prefix: str, kind: str) -> Vectors:
        """A vector for each text; equal texts are asked once, so that they tie exactly, and blank ones not at all."""
        self.counted = self._nothing()
        places: dict[str, int] = {}
        wanted = [places.setdefault(self._sent(prefix, text), len(places)) if text.strip() else -1 for text in texts]
        asked = list(places)
        self.counted["texts"], self.counted["blank"] = len(texts), wanted.count(-1)
        parts = [asked[part] for part in self._batches(asked)]
        found = self._workers.each(lambda some, stopped: self._answered(some, kind, stopped), parts)
        blank = np.zeros((1, self.dimension), dtype=np.float32)
        if asked:
            self._log()
        return np.vstack([*found, blank])[wanted] if wanted else blank[:0]

    def _sent(self, prefix: str, text: str) -> str:
        """What is sent for a text."""
        limit, sent = self._limit, prefix + whole(text)
        if limit is None or len(sent) <= limit or (end := within(sent, limit)) >= len(sent):
            return sent
        self.counted["cut"] += 1
        return sent[:end]

    def _batches(self, texts: Sequence[str]) -> Iterator[slice]:
        """Texts in their order, in parts that a request may hold; one that is too large is a part of its own."""
        most, budget = self.batch or self.provider.batch, self.batch_tokens or self.provider.batch_tokens
        start = total = 0
        for place, text in enumerate(texts):
            size = min(estimated(text), self.said.get("max_length", budget))
            if place > start and (place - start == most or total + size > budget):
                yield slice(start, place)
                start, total = place, 0
            total += size
        if texts:
            yield slice(start, len(texts))

    def _answered(self, texts: Sequence[str], kind: str, stopped: Event) -> Vectors:
        """The vectors of one request; in halves, or of a shorter text, where its length is refused."""
        tries = 0

        def once(left: float) -> Vectors:
            nonlocal tries
            tries += 1
            self._count(asked=1, retries=tries > 1)
            return self._once(texts, kind, left)

        try:
            return self._patience.answer(once, stopped)
        except TooLong as refused:
            half = len(texts) // 2
            if half:
                self._count(halved=1)
                parts = texts[:half], texts[half:]
                return np.vstack([self._answered(part, kind, stopped) for part in parts])
            shorter = texts[0][: len(texts[0]) * 3 // 4].rstrip()
            if not shorter.strip():
                raise RemoteFailed(str(refused)) from None
            self._count(cut=1)
            return self._answered([shorter], kind, stopped)

    def _once(self, texts: Sequence[str], kind: str, left: float) -> Vectors:
        """The vectors of one try.

        Raises:
            Again: a failure that may pass.
            BadReply: an answer that cannot be trusted.
            RemoteFailed, TooLong: a refusal.
        """
        path, body = self.request(texts, kind)
        answer = self._server.post(path, json.dumps({**body, **self._extra}).encode(), min(self.timeout, left))
        try:
            rows = self.rows(answer, texts)
            said = self.used(answer)
        except (LookupError, TypeError, AttributeError, ValueError, OverflowError):
            answered = scrubbed(json.dumps(answer), 80, key=self._server.key)
            raise Again(f"{self._host} answered {answered!r}, which are no vectors") from None
        vectors = self._checked(rows, len(texts))
        tokens = sum(map(estimated, texts)) if said is None else said
        self._count(tokens=tokens, **({"cost": tokens * self.said["price"] / 1e6} if "price" in self.said else {}))
        return vectors

    def _checked(self, rows: list[Any], wanted: int) -> Vectors:
        """The rows as an array, if they are as many finite vectors as there are texts, and of the one dimension."""
        vectors = finite(rows, wanted, self._host)
        with self._lock:
            self._width = self._width or vectors.shape[1]
        if vectors.shape[1] != self._width:
            raise BadReply(f"{self._host} answered vectors of dimension {vectors.shape[1]}, not of {self._width}")
        return (of_length_1(vectors) if self.normalize else vectors).astype(np.float32)

    def _count(self, **counts: float) -> None:
        with self._lock:
            for name, count in counts.items():
                self.counted[name] += count

    def _log(self) -> None:
        cost = f", ${self.counted['cost']:.4f}" if "cost" in self.counted else ""
        done = (self.counted["texts"], f"{self.name}:{self.model}", self.counted["asked"], self.counted["tokens"], cost)
        logger.info("%d texts encoded by %s in %d requests: %d tokens%s", *done)

    def __repr__(self) -> str:
        return str(spec_of(self))
