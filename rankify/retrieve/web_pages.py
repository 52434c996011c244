"""Pages of the web: fetched within limits, never from addresses that are not public, and read as text."""

from __future__ import annotations

import socket
import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from rankify.retrieve.addresses import Private, looked_up
from rankify.retrieve.page_text import Dead, decoded, extracted
from rankify.retrieve.robots import Robots

if TYPE_CHECKING:
    import httpx

HTML, PLAIN = ("text/html", "application/xhtml+xml"), ("text/plain",)
PACKED = ("identity", "gzip")
REDIRECTS = 5
LARGEST_ROBOTS = 512_000  # RFC 9309 asks for at least 500 kibibytes


@dataclass(frozen=True, slots=True)
class Page:
    """What a page says. `fetched` is the moment, in UTC, as ISO 8601 writes it."""

    url: str
    title: str
    text: str
    fetched: str


class Limit:
    """Ends a request when its time is up, however slowly the other side speaks; the client's limit is for each piece.

    Within the block it is the client's `trace`, which says what it connects.
    """

    def __init__(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._stream: Any = None

    def __enter__(self) -> Limit:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def __call__(self, event: str, about: Mapping[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._stream = about["return_value"]

    def _end(self) -> None:
        if self._stream is not None:
            with suppress(OSError):  # it has ended by itself
                self._stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


class Fetcher:
    """Fetches pages, one request a page and redirect.

    Args:
        timeout: seconds for a page, its redirects included.
        largest: bytes of a page, unpacked; a larger one is not read.
        private: whether pages may lie at addresses that are not public. If not, names are looked up first, requests go
            to the address that was looked at, and no proxy of the environment is used.
        robots: whether what a site's robots.txt forbids is left alone.
        agent: what the requests call themselves.
        parallel: the most connections.
    """

    def __init__(self, *, timeout: float, largest: int, private: bool, robots: bool, agent: str, parallel: int) -> None:
        self.timeout, self.largest, self.private, self.robots, self.agent = timeout, largest, private, robots, agent
        self.parallel = parallel
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None
        self._rules: dict[str, Robots] = {}

    def page(self, url: str) -> Page:
        """The text of a page.

        Raises:
            Dead: it cannot be had, or has no text.
        """
        kind, charset, content = self._followed(url, monotonic() + self.timeout)
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        if kind in PLAIN:
            return _sound(Page(url, "", decoded(content, charset), now))
        title, text = extracted(content, charset, url)
        return _sound(Page(url, title, text, now))

    def _followed(self, url: str, ends: float) -> tuple[str, str, bytes]:
        """The kind, the charset and the bytes of what is behind an address and its redirects."""
        for _ in range(REDIRECTS + 1):
            if self.robots and not self._allowed(url, ends):
                raise Dead("robots")
            response, content = self._get(url, ends, self.largest, (*HTML, *PLAIN))
            if response.status_code == 200:
                return _kind(response), response.charset_encoding or "", content
            url = moved(response, url)
            if not url:
                raise Dead("status")
        raise Dead("redirects")

    def _get(
        self, url: str, ends: float, largest: int, kinds: tuple[str, ...] | None = None, *, cut: bool = False
    ) -> tuple[httpx.Response, bytes]:
        """One answer, read only where it may be used: of these kinds, packed as asked for, and within the limits.

        Args:
            cut: whether of a larger one the whole lines within the limit are read.
        """
        import httpx

        content, left = bytearray(), max(ends - monotonic(), 0.001)
        try:
            how = self._how(url)
            with Limit(left) as limit, self._pool().stream("GET", **_within(how, left, limit)) as response:
                if response.status_code == 200:
                    packed = response.headers.get("Content-Encoding", "identity").lower()
                    if packed not in PACKED or (kinds and _kind(response) not in kinds):
                        raise Dead("type")
                    for piece in response.iter_bytes():
                        content += piece
                        if len(content) > largest:
                            if not cut:
                                raise Dead("size")
                            content = content[:largest].rpartition(b"\n")[0]
                            break
        except (httpx.RequestError, httpx.InvalidURL, OSError, UnicodeError) as error:
            late = isinstance(error, httpx.TimeoutException) or monotonic() >= ends
            raise Dead("slow" if late else "unreachable") from None
        if monotonic() >= ends:
            raise Dead("slow")
        return response, bytes(content)

    def _how(self, url: str) -> dict[str, Any]:
        """The request for an address: to the numeric address that was looked at, where it has to be public."""
        import httpx

        asked = httpx.URL(url)
        if asked.scheme not in ("http", "https") or not asked.host:
            raise Dead("unreachable")
        headers = {"User-Agent": self.agent, "Accept": ", ".join((*HTML, *PLAIN)), "Accept-Encoding": "gzip"}
        if self.private:
            return {"url": asked, "headers": headers}
        port = asked.port or {"http": 80, "https": 443}[asked.scheme]
        try:
            there = looked_up(asked.raw_host.decode("ascii"), port)
        except Private:
            raise Dead("private") from None
        headers["Host"] = asked.netloc.decode("ascii")
        name = {"sni_hostname": asked.raw_host.decode("ascii")}  # what a certificate has to be for
        return {"url": asked.copy_with(host=there), "headers": headers, "extensions": name}

    def _allowed(self, url: str, ends: float) -> bool:
        """Whether the site's robots.txt lets us read a page."""
        where = urlsplit(url)
        site = f"{where.scheme}://{where.netloc}"
        with self._lock:
            rules = self._rules.get(site)
        if rules is None:
            rules = self._rules_of(site, ends)
            with self._lock:
                self._rules[site] = rules
        return rules.allow(url)

    def _rules_of(self, site: str, ends: float) -> Robots:
        """As RFC 9309 has it: no file means that everything is allowed, a broken server that nothing is."""
        there = f"{site}/robots.txt"
        for _ in range(REDIRECTS + 1):
            response, content = self._get(there, ends, LARGEST_ROBOTS, cut=True)
            there = moved(response, there)
            if not there:
                break
        if response.status_code >= 500:
            return Robots.nothing()
        return Robots.read(content.decode("utf-8", "replace") if response.status_code == 200 else "", self.agent)

    def _pool(self) -> httpx.Client:
        """The connections: none is used twice, because two sites may share an address and not a certificate."""
        import httpx

        with self._lock:
            if self._client is None:
                most = httpx.Limits(max_connections=self.parallel, max_keepalive_connections=0)
                nobody = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
                trusted = httpx.create_ssl_context()  # with the environment's certificates, whoever is asked
                self._client = httpx.Client(limits=most, trust_env=self.private, cookies=nobody, verify=trusted)
                weakref.finalize(self, self._client.close)
            return self._client


def _within(how: Mapping[str, Any], seconds: float, limit: Limit) -> dict[str, Any]:
    """A request that ends in time."""
    return {**how, "timeout": seconds, "extensions": {**how.get("extensions", {}), "trace": limit}}


def moved(response: httpx.Response, url: str) -> str:
    """Where an answer sends whoever asked for an address; "" where nowhere.

    Raises:
        Dead: to what is no address.
    """
    if not response.has_redirect_location:
        return ""
    try:
        return urljoin(url, response.headers["Location"])
    except ValueError:
        raise Dead("redirects") from None


def _kind(response: httpx.Response) -> str:
    """The kind of an answer, without its parameters."""
    return str(response.headers.get("Content-Type", "")).partition(";")[0].strip().lower()


def _sound(page: Page) -> Page:
    if not page.text.strip():
        raise Dead("empty")
    return page
