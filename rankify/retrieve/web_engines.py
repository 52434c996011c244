"""Search engines of the web: how each is asked, and where its results are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urldefrag, urlsplit

from rankify.errors import Misuse, UnknownName
from rankify.packaged import packaged
from rankify.remote.patience import SECRET_FORMS, RemoteFailed

MOST_PAGES = 10  # of results, of one query
BLANK = re.compile(r"\{(\w+)\}")
BLANKS = ("query", "count", "page", "offset")


@dataclass(frozen=True, slots=True)
class Hit:
    """A result of a search engine: where it is, what it is called, what the engine quotes of it."""

    url: str
    title: str
    snippet: str


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A template of requests and answers; the fields are explained in `web_engines.yaml`."""

    url: str = ""
    path: str = ""
    body: str = ""
    key: str = ""
    header: str = "Authorization"
    scheme: str = "Bearer "
    results: str = ""
    link: str = "url"
    title: str = "title"
    snippet: str = "snippet"
    whole: str = ""
    most: int = 1000
    source: str = ""

    @classmethod
    def named(cls, name: str, **given: Any) -> Engine:
        """The engine of a name, with what is given in place of its own.

        Raises:
            UnknownName: there is none of that name.
            Misuse: nothing says where it is or where the query goes, or something cannot be filled in.
        """
        if name not in _read():
            raise UnknownName.among("search engine", name, _read())
        known = cls(**_read()[name])
        asked = {field: value for field, value in given.items() if value is not None}
        if "url" in asked and not known.path:  # a template: its address has the question in it
            where = urlsplit(asked["url"])
            asked["path"] = asked["url"].removeprefix(f"{where.scheme}://{where.netloc}")
            asked["url"] = f"{where.scheme}://{where.netloc}"
        engine = replace(known, **asked)
        engine._check(name)
        return engine

    def _check(self, name: str) -> None:
        if not self.url:
            raise Misuse(f"web:{name} needs url=, e.g. web:{name}?url=http://localhost:8080")
        if not self.results:
            raise Misuse(f"web:{name} needs results=, where the results are in an answer, e.g. results=data.items")
        if SECRET_FORMS.search(self.path + self.body):
            raise Misuse(
                f"web:{name} has a key in its url or body; put it into an environment variable, key= and header="
            )
        blanks = BLANK.findall(self.path) + [b for text in _texts(self._template()) for b in BLANK.findall(text)]
        if "query" not in blanks:
            raise Misuse(f"web:{name} says nowhere where the query goes; write {{query}} into url= or body=")
        if unknown := set(blanks) - set(BLANKS):
            raise UnknownName.among("blank of a search engine", min(unknown), BLANKS)

    def request(self, query: str, count: int, page: int) -> tuple[str, str, bytes]:
        """The method, the path and the body that ask for a page of results."""
        values = {"query": query, "count": min(count, self.most), "page": page, "offset": page - 1}
        path = BLANK.sub(lambda blank: quote(str(values[blank[1]]), safe="", errors="replace"), self.path)
        if not self.body:
            return "GET", path, b""
        return "POST", path, json.dumps(_filled(self._template(), values)).encode()

    def pages(self, count: int) -> int:
        """How many pages of results are asked for, at most: as many as hold the count, where it can be asked for."""
        asks = self.path + self.body
        if "{page}" not in asks and "{offset}" not in asks:
            return 1
        return min(-(-count // self.most), MOST_PAGES) if "{count}" in asks else MOST_PAGES

    def hits(self, answer: Any) -> list[Hit]:
        """The results in an answer that have an address, best first.

        Raises:
            RemoteFailed: it has no results where they should be, and does not say that there are none.
        """
        found = answer
        for name in self.results.split("."):
            if not isinstance(found, Mapping) or name not in found:
                if self.whole and isinstance(answer, Mapping) and self.whole in answer:
                    return []
                has = ", ".join(list(answer)[:6]) if isinstance(answer, Mapping) else type(answer).__name__
                raise RemoteFailed(
                    f"{self.url} answered without {self.results!r}, where results should be (it has {has})"
                )
            found = found[name]
        if not isinstance(found, list):
            raise RemoteFailed(f"{self.url} answered {self.results!r} that is no list of results")
        return [hit for each in found if isinstance(each, Mapping) and (hit := self._hit(each))]

    def _hit(self, result: Mapping[str, Any]) -> Hit | None:
        url = address(result.get(self.link))
        title, snippet = result.get(self.title), result.get(self.snippet)
        return Hit(url, str(title or ""), str(snippet or "")) if url else None

    def identity(self) -> dict[str, Any]:
        """What decides which results come."""
        return {
            name: value for name, value in asdict(self).items() if name not in ("key", "header", "scheme", "source")
        }

    def _template(self) -> Any:
        try:
            return json.loads(self.body or "{}")
        except ValueError:
            raise Misuse(f'body={self.body!r} is no JSON; write e.g. body={{"q": "{{query}}"}}') from None


def address(link: Any) -> str:
    """An http address as it is asked for, without its fragment; "" for anything else.

    >>> address("https://example.org/caf\u00e9?q=a b#top"), address("ftp://example.org"), address(7)
    ('https://example.org/caf%C3%A9?q=a%20b', '', '')
    """
    import httpx

    try:
        found = str(httpx.URL(urldefrag(link.strip())[0]))
        where = urlsplit(found)
    except (httpx.InvalidURL, ValueError, AttributeError, TypeError):
        return ""
    return found if where.scheme in ("http", "https") and where.hostname and not where.username else ""


def _texts(template: Any) -> list[str]:
    """Every text in a JSON value."""
    if isinstance(template, dict):
        return [text for value in template.values() for text in _texts(value)]
    if isinstance(template, list):
        return [text for value in template for text in _texts(value)]
    return [template] if isinstance(template, str) else []


def _filled(template: Any, values: Mapping[str, Any]) -> Any:
    """A JSON value with its blanks filled in; a text that is nothing but a blank becomes the value itself."""
    fill: Callable[[Any], Any] = lambda value: _filled(value, values)  # noqa: E731
    if isinstance(template, dict):
        return {name: fill(value) for name, value in template.items()}
    if isinstance(template, list):
        return [fill(value) for value in template]
    if not isinstance(template, str):
        return template
    if whole := BLANK.fullmatch(template):
        return values[whole[1]]
    return BLANK.sub(lambda blank: str(values[blank[1]]), template)


@cache
def _read() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = packaged(files("rankify.retrieve") / "web_engines.yaml")
    return found
