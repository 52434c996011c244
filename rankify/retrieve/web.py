"""Web search: an engine finds pages, which are fetched, read as text, cut into chunks and ranked."""

from __future__ import annotations

import json
import threading
import weakref
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Any, ClassVar, Literal

import numpy as np

from rankify import __version__
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import Misuse, needs
from rankify.remote.patience import Patience, Workers, check_patience
from rankify.remote.server import Server
from rankify.retrieve.bm25 import BM25
from rankify.retrieve.page_text import Dead
from rankify.retrieve.web_engines import Engine, Hit
from rankify.retrieve.web_memory import WebMemory
from rankify.retrieve.web_pages import Fetcher, Page
from rankify.stages import Retriever, positive
from rankify.text.chunking import Chunker
from rankify.types import Query, Ranking, Run

AGENT = f"rankify/{__version__} (retrieval research)"
LARGEST_ANSWER = 16_000_000  # bytes of an engine's answer


class Web(Retriever):
    """Passages of web pages that a search engine finds for a query.

    It searches the web as it is today, and no corpus. A document is a chunk of a page; its id is the address, `#`
    and the chunk's number, and its metadata has url, title, rank, chunk, snippet and fetched. A page that cannot be had
    is counted and left out; an engine that fails is an error. A blank query finds nothing.

    Args:
        corpus: not searched; it may be left out.
        model: the engine: serper, searxng, brave, tavily, or template, whose url, results and fields you give.
        url: where the engine is: needed for searxng, e.g. http://localhost:8080. For template with the question in it:
            http://localhost:8080/find?q={query}; blanks are {query}, {count}, {page} and {offset}.
        body: JSON to be sent with a POST, with the same blanks.
        results: where an answer has its results, e.g. data.items. link, title, snippet: the fields of a result.
        key: the NAME of the environment variable with the engine's key; by default the engine's own, and none where a
            url is given. header, scheme: how it is sent, by default as `Authorization: Bearer KEY`.
        count: how many results are asked for.
        fetch: whether pages are fetched; if not, the engine's snippets are the documents, with the address as their id.
        by: engine ranks the first chunks of all pages in the engine's order, then the second ones, and so on; bm25
            ranks chunks by BM25 among themselves.
        size: words of a chunk; none keeps pages whole.
        overlap: words of a chunk that the next one begins with; half of them if not given.
        folder: where answers and pages are remembered; nowhere if not given.
        age: days after which they are asked for anew; none: never.
        parallel: requests under way at once.
        retries, pause: tries of the engine after a failure that may pass, and seconds before the first; they double.
        timeout: seconds for a page, and for one try of the engine. deadline: for a search with all its tries.
        largest: bytes of a page, unpacked; larger ones are left out.
        private: whether pages may lie at addresses that are not public, as this machine's.
        robots: whether pages that a site's robots.txt forbids are left alone.
        agent: what requests for pages call themselves.

    Raises:
        Misuse: an option out of range, or an engine that nothing is known of.
    """

    name: ClassVar[str] = "web"
    needs_corpus: ClassVar[bool] = False
    indexed_by: ClassVar[frozenset[str]] = frozenset()  # everything that is remembered has its question as its key

    def __init__(
        self, corpus: Corpus, model: str, *, url: str | None = None, body: str | None = None,
        results: str | None = None, link: str | None = None, title: str | None = None, snippet: str | None = None,
        key: str | None = None, header: str | None = None, scheme: str | None = None, count: int = 10,
        fetch: bool = True, by: Literal["engine", "bm25"] = "engine", size: int | None = 200,
        overlap: int | None = None, folder: str | None = None, age: float | None = 7.0, parallel: int = 8,
        retries: int = 3, pause: float = 0.5, timeout: float = 10.0, deadline: float = 60.0, largest: int = 2_000_000,
        private: bool = False, robots: bool = True, agent: str = AGENT,
    ) -> None:  # fmt: skip
        self.corpus, self.model, self.url, self.body, self.results = corpus, model, url, body, results
        self.link, self.title, self.snippet = link, title, snippet
        self.key, self.header, self.scheme = key, header, scheme
        self.count, self.fetch, self.by, self.size, self.overlap = count, fetch, by, size, overlap
        self.folder, self.age, self.parallel = folder, age, parallel
        self.retries, self.pause, self.timeout, self.deadline = retries, pause, timeout, deadline
        self.largest, self.private, self.robots, self.agent = largest, private, robots, agent
        self._check()
        self._chunker = None if size is None else Chunker.of(size=size, overlap=overlap)
        if fetch:
            needs("trafilatura", "web")
        given = {"url": url, "body": body, "results": results, "link": link, "title": title, "snippet": snippet}
        self.engine = Engine.named(model, **given, header=header, scheme=scheme)
        self._server = Server(
            self.engine.url, key=key if key is not None else "" if url else self.engine.key, parallel=parallel,
            header=self.engine.header, scheme=self.engine.scheme, option="url", largest=LARGEST_ANSWER,
        )  # fmt: skip
        self._fetcher = Fetcher(
            timeout=timeout, largest=largest, private=private, robots=robots, agent=agent, parallel=parallel
        )
        self._memory = WebMemory(Path(folder), age) if folder else None
        self._workers, self._lock = Workers(parallel), threading.Lock()
        weakref.finalize(self, self._workers.close)
        self._counted: Counter[str] = Counter()

    def retrieve(self, queries: Sequence[Query], k: int) -> Run:
        """The best k chunks for each query, among those of the pages that the engine finds.

        Raises:
            RemoteFailed: the engine gave no answer, after every try.
        """
        self._counted = Counter()
        texts = list(dict.fromkeys(query.text for query in queries if query.text.strip()))
        hits = dict(zip(texts, self._workers.each(self._searched, texts), strict=True))
        urls = list(dict.fromkeys(hit.url for found in hits.values() for hit in found)) if self.fetch else []
        pages = dict(zip(urls, self._workers.each(self._page, urls), strict=True))
        return Run(
            self._ranked(query, self._documents(hits.get(query.text, []), pages), positive(k)) for query in queries
        )

    def counts(self) -> dict[str, float]:
        """Requests to the engine, results, pages fetched, what was remembered, and pages not to be had, by why."""
        return {"asked": 0, "results": 0, "fetched": 0, "remembered": 0, "dead": 0, **self._counted}

    def _check(self) -> None:
        check_patience(self, "count", "largest")
        if self.by not in ("engine", "bm25"):
            raise Misuse(f"by={self.by!r} should be engine or bm25")
        if self.age is not None and not self.age >= 0:
            raise Misuse(f"age={self.age} should be 0 or more days, or none for ever")

    def _searched(self, query: str, stopped: Event) -> list[Hit]:
        """What the engine finds for a query, each address once."""
        key = f"search {json.dumps([self.engine.identity(), self.count, query])}"
        if (said := self._recalled(key)) is not None:
            return [Hit(*hit) for hit in said]
        found: dict[str, Hit] = {}
        for page in range(1, self.engine.pages(self.count) + 1):
            before = len(found)
            for hit in self._results(query, page, stopped):
                found.setdefault(hit.url, hit)
            if len(found) == before or len(found) >= self.count:
                break
        hits = list(found.values())[: self.count]
        self._count("results", len(hits))
        self._keep(key, [[hit.url, hit.title, hit.snippet] for hit in hits])
        return hits

    def _results(self, query: str, page: int, stopped: Event) -> list[Hit]:
        method, path, body = self.engine.request(query, self.count, page)

        def ask(left: float) -> Any:
            self._count("asked")
            return self._server.ask(method, path, min(self.timeout, left), content=body)

        return self.engine.hits(Patience(self.retries, self.pause, self.deadline).answer(ask, stopped))

    def _page(self, url: str, _: Event) -> Page | None:
        """A page, or None where it cannot be had, which is counted."""
        key = f"page {json.dumps([url, self.private, self.robots])}"  # what one may have, another may not
        if (said := self._recalled(key)) is not None:
            return Page(*said)
        try:
            page = self._fetcher.page(url)
        except Dead as why:
            self._count("dead")
            self._count(f"dead_{why}")
            return None
        self._count("fetched")
        self._keep(key, [page.url, page.title, page.text, page.fetched])
        return page

    def _documents(self, hits: Sequence[Hit], pages: Mapping[str, Page | None]) -> list[Document]:
        """The documents of a query's results: first chunks in the engine's order, then second ones, and so on."""
        found: list[tuple[int, int, Document]] = []
        for rank, hit in enumerate(hits, 1):
            about = {"url": hit.url, "title": hit.title, "rank": rank, "snippet": hit.snippet}
            if not self.fetch:
                found.append((1, rank, Document(hit.url, hit.snippet, hit.title, about)))
            elif page := pages[hit.url]:
                about |= {"title": page.title or hit.title, "fetched": page.fetched}
                for number, text in enumerate(self._chunks(page.text), 1):
                    chunk = Document(f"{hit.url}#{number}", text, str(about["title"]), {**about, "chunk": number})
                    found.append((number, rank, chunk))
        return [document for _, _, document in sorted(found, key=lambda each: each[:2])]

    def _chunks(self, text: str) -> list[str]:
        """A text's chunks; the whole text where pages are kept whole."""
        if self._chunker is None:
            return [text.strip()]
        return [text[first:last] for first, last in self._chunker.spans([text])[0]]

    def _ranked(self, query: Query, documents: list[Document], k: int) -> Ranking:
        if not documents:
            return Ranking(query)
        if self.by == "bm25":
            return BM25(Corpus(documents), threads=1).retrieve([query], k)[0]
        best = documents[:k]
        return Ranking(query, best, 1 / np.arange(1, len(best) + 1))

    def _recalled(self, key: str) -> Any:
        said = self._memory.recall(key) if self._memory else None
        if said is not None:
            self._count("remembered")
        return said

    def _keep(self, key: str, value: Any) -> None:
        if self._memory:
            self._memory.keep(key, value)

    def _count(self, name: str, more: int = 1) -> None:
        with self._lock:
            self._counted[name] += more
