"""Elasticsearch and OpenSearch over HTTP: who answers there, and one index as a table that is filled and searched."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from threading import Event
from typing import Any, TypeVar
from urllib.parse import quote

from rankify.errors import BadInput, Misuse
from rankify.remote.patience import Again, Patience, RemoteFailed, scrubbed
from rankify.remote.server import Server

Answer = TypeVar("Answer")

META = "rankify"  # of a mapping's _meta: the index's manifest
POSITION = "position"
BULK = 5 << 20  # bytes of a bulk request; the documentation finds 5 to 15 MB a good size
BUSY = (429, 503)  # statuses of a document or a search that may be tried again
LINES = "application/x-ndjson"
NAME = re.compile(r"[^-_+.\s\\/*?\"<>|,#:][^\s\\/*?\"<>|,#:]{0,254}")
NEEDED = {"elasticsearch": (8, 11), "opensearch": (2, 0)}  # with the first, vectors of any length have inner products


class NotThere(RemoteFailed):
    """There is no such index."""


class ElasticServer(Server):
    """A node's address. A key goes out as `ApiKey KEY`, and user:password as `Basic` has it."""

    def __init__(self, url: str, *, key: str, option: str) -> None:
        super().__init__(url.rstrip("/"), key=key, parallel=4, option=option)

    def _headers(self, kind: str) -> dict[str, str]:
        headers = super()._headers(kind)
        if self.header in headers:
            headers[self.header] = self._credentials()
        return headers

    def _credentials(self) -> str:
        secret = os.environ.get(self.key, "").strip()
        return f"Basic {base64.b64encode(secret.encode()).decode()}" if ":" in secret else f"ApiKey {secret}"

    def _refusal(self, response: Any, content: bytes) -> Exception:
        if self.key:
            content = content.replace(self._credentials().partition(" ")[2].encode() or b"\0", b"***")
        if reason := _reason(content):
            content = json.dumps({"error": reason}).encode()
        found = super()._refusal(response, content)
        return NotThere(str(found)) if response.status_code == 404 else found


class Elastic:
    """A cluster of Elasticsearch or OpenSearch.

    Args:
        url: of any node, e.g. http://localhost:9200.
        key: the NAME of the environment variable with an API key, or with user:password; none is sent if not given.
        option: what the user calls the address.
        retries, pause, timeout, deadline: as for `Patience`, and seconds for one try.

    Raises:
        RemoteFailed: nobody answers there, or something else does.
    """

    def __init__(
        self, url: str, *, key: str | None = None, option: str = "url", retries: int = 5, pause: float = 0.5,
        timeout: float = 60.0, deadline: float = 600.0,
    ) -> None:  # fmt: skip
        self._server = ElasticServer(url, key=key or "", option=option)
        self._patience, self._timeout = Patience(retries, pause, deadline), timeout
        self.where = self._server.host
        said = self.ask("GET", "/")
        number = str(said["version"].get("number", "")) if isinstance(said.get("version"), dict) else ""
        if not re.match(r"\d+\.\d+", number):
            raise RemoteFailed(f"{self.where} is neither Elasticsearch nor OpenSearch; is {option} right?")
        self.kind = str(said["version"].get("distribution") or "elasticsearch")
        self.version: tuple[int, ...] = tuple(map(int, re.findall(r"\d+", number)[:2]))

    def __str__(self) -> str:
        return f"{self.kind} {'.'.join(map(str, self.version))} at {self.where}"

    def ask(self, method: str, path: str, body: Any = None, read: Callable[[Any], Any] = dict) -> Any:
        """What `read` makes of the cluster's answer, tried again while a failure may pass."""
        content = json.dumps(body).encode() if body is not None else b""
        return self._patiently(method, path, content, "application/json", read)

    def lines(self, path: str, lines: Iterable[str], read: Any) -> Any:
        """What `read` makes of the answer to several lines of JSON; where it raises Again, they are sent again."""
        return self._patiently("POST", path, "".join(f"{line}\n" for line in lines).encode(), LINES, read)

    def _patiently(self, method: str, path: str, content: bytes, kind: str, read: Any) -> Any:
        def once(left: float) -> Any:
            answer = self._server.ask(method, path, min(self._timeout, left), content=content, kind=kind)
            try:
                return read(answer if isinstance(answer, dict) else None)
            except (LookupError, TypeError, ValueError, AttributeError):
                shown = self.scrubbed(json.dumps(answer))[:80]
                raise RemoteFailed(f"{self.where} answered {shown!r}, which is nothing such a server says") from None

        return self._patience.answer(once, Event())

    def scrubbed(self, text: str) -> str:
        """A text of the cluster's as one line without keys."""
        return scrubbed(text, key=self._server.key)


class Table:
    """One index of a cluster. What Rankify puts there stands under `_id`s that are positions.

    Args:
        name: of an index that may have to be made, or of one that is there, or an alias of one.

    Raises:
        Misuse: no index can have that name.
    """

    way_out = foreign = "give another index, or delete that one"

    def __init__(self, cluster: Elastic, name: str) -> None:
        self.cluster, self.name, self._path = cluster, table_name(name), f"/{quote(name, safe='')}"

    def __str__(self) -> str:
        return f"index {self.name!r} of {self.cluster}"

    def mapping(self) -> dict[str, Any] | None:
        """The fields of the index and what it says of itself; None if there is none."""
        try:
            found = self.cluster.ask("GET", f"{self._path}/_mapping", read=_mappings)
        except NotThere:
            return None
        if len(found) != 1:
            raise BadInput(f"{self} is {len(found)} indices; name one of them: {', '.join(sorted(found))}")
        [about] = found.values()
        return dict(about)

    def found(self) -> dict[str, Any] | None:
        mapping = self.mapping()
        if mapping is None:
            return None
        said: dict[str, Any] = mapping.get("_meta", {}).get(META, {})
        if not said:
            raise BadInput(f"{self} was not made by Rankify; {self.foreign}")
        return said

    def make(self, said: dict[str, Any], properties: dict[str, Any], settings: dict[str, Any]) -> None:
        """Makes the index, of one shard, so that scores are those of the whole collection."""
        mappings = {"dynamic": False, "_meta": {META: said}, "properties": {POSITION: {"type": "long"}, **properties}}
        body = {"settings": {"number_of_shards": 1, **settings}, "mappings": mappings}
        self.cluster.ask("PUT", self._path, body)

    def held(self, positions: range | None) -> int:
        self.cluster.ask("POST", f"{self._path}/_refresh")
        held = self.cluster.ask("POST", f"{self._path}/_count", {"query": among(positions)}, lambda a: int(a["count"]))
        return int(held)

    def finish(self) -> None:
        self.cluster.ask("POST", f"{self._path}/_refresh")

    def bulk(self, positions: Sequence[int], documents: Iterable[dict[str, Any]]) -> None:
        """Puts documents there, in requests of a good size.

        Raises:
            RemoteFailed: the cluster refuses a document; the message has the first cause.
        """
        portion: list[str] = []
        size = 0
        for position, document in zip(positions, documents, strict=True):
            line = json.dumps({**document, POSITION: position})
            portion += [json.dumps({"index": {"_id": str(position)}}), line]
            size += len(line)
            if size >= BULK:
                self.cluster.lines(f"{self._path}/_bulk", portion, self._accepted)
                portion, size = [], 0
        if portion:
            self.cluster.lines(f"{self._path}/_bulk", portion, self._accepted)

    def _accepted(self, answer: dict[str, Any]) -> None:
        if not answer.get("errors"):
            return
        items = [item["index"] for item in answer["items"]]
        failed = sorted((item for item in items if item.get("error")), key=lambda item: item["status"] in BUSY)
        first = failed[0]  # one that will not pass, if there is any
        cause = self.cluster.scrubbed(_reason(json.dumps({"error": first["error"]}).encode()))
        message = f"{self} refused {len(failed)} of {len(items)} documents, the one at {first['_id']} for {cause}"
        raise Again(message) if first["status"] in BUSY else RemoteFailed(message)

    def search(self, bodies: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        """The hits of several searches, asked together.

        Raises:
            RemoteFailed: one failed, or was answered in part.
        """
        lines = [line for body in bodies for line in ("{}", json.dumps(body))]

        def read(answer: dict[str, Any]) -> list[list[dict[str, Any]]]:
            found = answer.get("responses", [])
            if len(found) != len(bodies):
                raise RemoteFailed(f"{self} answered {len(found)} of {len(bodies)} searches")
            return [self._hits(one) for one in found]

        hits: list[list[dict[str, Any]]] = self.cluster.lines(f"{self._path}/_msearch", lines, read) if bodies else []
        return hits

    def _hits(self, found: dict[str, Any]) -> list[dict[str, Any]]:
        if found.get("error"):
            cause = self.cluster.scrubbed(_reason(json.dumps(found).encode()))
            raise Again(f"{self}: {cause}") if found.get("status") in BUSY else RemoteFailed(f"{self}: {cause}")
        if found.get("timed_out") or found.get("_shards", {}).get("failed"):
            raise Again(f"{self} searched only a part of its shards")
        return [{**hit, "_id": str(hit["_id"]), "_score": float(hit["_score"])} for hit in found["hits"]["hits"]]


def _mappings(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What an answer says of each index."""
    return {name: dict(about.get("mappings", {})) for name, about in answer.items()}


def among(positions: range | None) -> dict[str, Any]:
    """The query that every document at these positions answers, or every one."""
    if positions is None:
        return {"match_all": {}}
    return {"range": {POSITION: {"gte": positions.start, "lt": positions.stop}}}


def table_name(name: str) -> str:
    """A name that an index can have.

    Raises:
        Misuse: none can.
    """
    if not NAME.fullmatch(name):
        raise Misuse(f"{name!r} is no name of an index: no spaces, slashes, commas or wildcards, and no - _ + in front")
    return name


def _reason(content: bytes) -> str:
    """What Elasticsearch says is wrong, from its kind and reason down to the last cause; "" where it says nothing."""
    try:
        error = json.loads(content).get("error")
    except (ValueError, AttributeError, RecursionError):
        return ""
    told = []
    while isinstance(error, dict):
        told.append(f"{error.get('type', '')}: {error.get('reason', '')}")
        shards = error.get("failed_shards")
        first = shards[0] if isinstance(shards, list) and shards else None
        error = error.get("caused_by") or (first.get("reason") if isinstance(first, dict) else first)
    return " < ".join(told) or str(error or "")
