"""Web search against a local engine and a local site: what is asked, what is read, what is left out, what is kept."""

import gzip
import json
import logging
import socket
import threading
import time
from contextlib import suppress
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

import rankify
from rankify import registry
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.remote.patience import RemoteFailed
from rankify.retrieve import web_pages
from rankify.retrieve.addresses import public
from rankify.retrieve.page_text import Dead
from rankify.retrieve.web_engines import Engine, Hit
from rankify.retrieve.web_pages import LARGEST_ROBOTS, Fetcher
from rankify.types import Query
from tests.served import PROXIES, Served

pytest.importorskip("httpx")
pytest.importorskip("trafilatura", reason="needs the extra `web`")
SECRET = "-".join(["sk", "live", "0123456789abcdef"])
CAT, DOG = Query("c", "a cat"), Query("d", "dogs & birds")
HTML = {"Content-Type": "text/html; charset=utf-8"}


def article(title, *paragraphs):
    """A page of HTML with a menu and an article."""
    body = "".join(f"<p>{p}</p>" for p in paragraphs)
    menu = "<nav><ul><li><a href='/'>Home</a></li><li><a href='/about'>About us</a></li></ul></nav>"
    page = (
        f"<html><head><title>{title}</title></head><body>{menu}<article><h1>{title}</h1>{body}</article></body></html>"
    )
    return 200, HTML, page.encode()


def prose(word, n=60):
    """A paragraph of n words that is long enough to be the main text of a page."""
    return " ".join(f"{word}{i}" if i % 9 else f"The {word} sleeps here." for i in range(n))


PAGES = {
    "/cat": article("Cats", prose("cat"), "A cat purrs at night, and nobody knows why it does so. " * 3),
    "/long": article("Long", *(prose(f"w{i}x") for i in range(8))),
    "/plain": (200, {"Content-Type": "text/plain; charset=latin-1"}, "Ein Hund hört zu, täglich.".encode("latin-1")),
    "/gzip": (200, {**HTML, "Content-Encoding": "gzip"}, gzip.compress(article("Packed", prose("packed"))[2])),
    "/moved": (302, {"Location": "/cat"}, b""),
    "/missing": (404, HTML, b"<p>no</p>"),
    "/broken": (500, HTML, b"<p>no</p>"),
    "/image": (200, {"Content-Type": "image/png"}, b"\x89PNG"),
    "/brotli": (200, {**HTML, "Content-Encoding": "br"}, b"x"),
    "/huge": (200, HTML, b"<p>" + b"x" * 60_000),
    "/bomb": (200, {**HTML, "Content-Encoding": "gzip"}, gzip.compress(b"<p>" + b"x" * 3_000_000)),
    "/empty": (200, HTML, b"<html><body></body></html>"),
    "/loop": (302, {"Location": "/loop"}, b""),
    "/nowhere": (302, {}, b""),
    "/same": (304, {}, b""),
    "/odd": (302, {"Location": "http://[x"}, b""),
    "/script": (302, {"Location": "javascript:alert(1)"}, b""),
    "/file": (302, {"Location": "file:///etc/passwd"}, b""),
    "/port": (302, {"Location": "http://127.0.0.1:99999999/"}, b""),
    "/odd-name": (302, {"Location": "http://" + "a" * 70 + ".test/"}, b""),
    "/secret/page": article("Secret", prose("secret")),
    "/robots.txt": (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /secret/\n"),
}


class Site(Served):
    """A search engine under /search and a site beside it. `found` are the paths that the engine finds."""

    def __init__(self):
        self.found, self.pages, self.failing, self.asked = ["/cat"], dict(PAGES), [], []
        super().__init__(self._answer)
        self.site = f"http://127.0.0.1:{self.port}"

    def _asked(self, handler, body):
        number = super()._asked(handler, body)
        handler.server.path = handler.path
        return number

    def _answer(self, body, number):
        path = self.paths[number]
        if not path.startswith("/search"):
            return self.pages.get(path, (404, HTML, b""))
        self.asked.append((path, body))
        if self.failing:
            return self.failing.pop(0)
        page = int(parse_qs(urlsplit(path).query).get("pageno", ["1"])[0])
        some = self.found[(page - 1) * 5 : page * 5]
        results = [{"url": f"{self.site}{p}", "title": f"T{p}", "content": f"about {p}"} for p in some]
        return 200, {}, {"query": "q", "results": results}


@pytest.fixture
def site(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    server = Site()
    yield server
    server.close()


@pytest.fixture
def web(site):
    given = {"url": site.site, "private": True, "pause": 0.01, "timeout": 5.0}
    return lambda **options: rankify.retriever("web:searxng", **{**given, **options})


# what is asked


def test_searxng_is_asked_in_its_words(site, web):
    web().retrieve([DOG], 10)
    assert site.asked == [("/search?q=dogs%20%26%20birds&format=json&pageno=1", None), *site.asked[1:]]


def test_serper_is_asked_in_its_words(site, monkeypatch):
    monkeypatch.setenv("MY_KEY", SECRET)
    site.failing = [(200, {}, {"organic": [{"link": f"{site.site}/cat", "title": "T", "snippet": "s"}]})]
    made = rankify.retriever("web:serper", url=site.site, key="MY_KEY", fetch=False, count=1)
    [ranking] = made.retrieve([DOG], 5)
    assert site.asked == [("/search", {"q": "dogs & birds", "num": 1, "page": 1})]
    assert site.headers[0]["X-API-KEY"] == SECRET
    assert ranking.documents[0].text == "s"


@pytest.mark.parametrize(
    ("name", "method", "path", "body"),
    [
        ("brave", "GET", "/web/search?q=a%20%22cat%22&count=20&offset=1", None),
        ("tavily", "POST", "/search", {"query": 'a "cat"', "max_results": 20}),
        ("serper", "POST", "/search", {"q": 'a "cat"', "num": 50, "page": 2}),
    ],
)
def test_every_engine_is_asked_as_it_documents(name, method, path, body):
    asked = Engine.named(name).request('a "cat"', 50, 2)
    assert asked[:2] == (method, path)
    assert (json.loads(asked[2]) if asked[2] else None) == body


@pytest.mark.parametrize("name", ["serper", "searxng", "brave", "tavily"])
def test_every_engine_has_its_page_and_finds_results_where_it_says(name):
    engine = Engine.named(name, url="http://localhost:1")
    assert engine.source.startswith("https://")
    found = [{engine.link: "https://a.org/x#part", engine.title: "T", engine.snippet: "S"}, {engine.title: "no link"}]
    answer = found
    for part in reversed(engine.results.split(".")):
        answer = {part: answer}
    assert engine.hits(answer) == [Hit("https://a.org/x", "T", "S")]


def test_any_json_engine_may_be_given_as_a_template(site):
    site.failing = [(200, {}, {"data": {"items": [{"href": f"{site.site}/cat", "name": "N", "text": "cats"}]}})]
    spec = f"web:template?url={site.site}/search/v2?term={{query}}%26n={{count}}&results=data.items&link=href"
    made = rankify.retriever(f"{spec}&title=name&snippet=text&fetch=false&count=3")
    [ranking] = made.retrieve([DOG], 5)
    assert site.asked == [("/search/v2?term=dogs%20%26%20birds&n=3", None)]
    assert [(d.text, d.title) for d in ranking.documents] == [("cats", "N")]
    assert rankify.retriever(repr(made)) == made


def test_a_template_may_be_a_post_with_a_key(site, monkeypatch):
    monkeypatch.setenv("MY_KEY", SECRET)
    site.failing = [(200, {}, {"hits": []})]
    body = '{"search": {"text": "{query}", "size": "{count}", "labels": ["web", "{query}!"]}}'
    options = {"body": body, "results": "hits", "key": "MY_KEY", "header": "X-Key", "scheme": "", "fetch": False}
    rankify.retriever("web:template", url=f"{site.site}/search", **options).retrieve([CAT], 5)
    assert site.asked == [("/search", {"search": {"text": "a cat", "size": 10, "labels": ["web", "a cat!"]}})]
    assert site.headers[0]["X-Key"] == SECRET


def test_more_pages_of_results_are_asked_for_while_they_bring_something(site, web):
    site.found = [f"/{i}" for i in range(12)]
    found = web(fetch=False, count=8).retrieve([CAT], 100)[0]
    assert found.ids == [f"{site.site}/{i}" for i in range(8)]
    assert len(site.asked) == 2
    site.asked.clear()
    assert len(web(fetch=False, count=50).retrieve([CAT], 100)[0]) == 12
    assert len(site.asked) == 4


@pytest.mark.parametrize(("name", "pages"), [("serper", 1), ("brave", 3), ("tavily", 1), ("searxng", 10)])
def test_further_pages_are_paid_for_only_where_one_cannot_hold_the_count(name, pages):
    assert Engine.named(name, url="http://localhost:1").pages(50) == pages


def test_equal_queries_are_asked_once_and_blank_ones_never(site, web):
    run = web(fetch=False, count=1).retrieve([CAT, Query("again", "a cat"), Query("blank", " \n")], 5)
    assert [len(ranking) for ranking in run] == [1, 1, 0]
    assert len(site.asked) == 1


# what is read


def test_a_page_becomes_documents_that_say_where_they_are_from(site, web):
    made = web(size=40, overlap=10)
    ranking = made.retrieve([CAT], 10)[0]
    first = ranking.documents[0]
    assert first.id == f"{site.site}/cat#1"
    assert first.title == "Cats"
    assert "sleeps here" in first.text
    assert "About us" not in " ".join(d.text for d in ranking.documents)
    about = dict(first.metadata)
    assert about.pop("fetched").endswith("+00:00")
    assert about == {"url": f"{site.site}/cat", "title": "Cats", "rank": 1, "snippet": "about /cat", "chunk": 1}
    assert {k: v for k, v in made.counts().items() if v} == {"asked": 2, "results": 1, "fetched": 1}


def test_chunks_come_in_the_engines_order_first_ones_first(site, web):
    site.found = ["/long", "/cat", "/plain"]
    ids = web(size=100, overlap=0).retrieve([CAT], 6)[0].ids
    paths = [id.removeprefix(site.site) for id in ids]
    assert paths == ["/long#1", "/cat#1", "/plain#1", "/long#2", *paths[4:]]
    assert paths[-1].startswith("/long#")


def test_chunks_may_be_ranked_by_bm25(site, web):
    site.found = ["/long", "/cat", "/plain"]
    ranking = web(by="bm25").retrieve([Query("q", "purrs at night")], 5)[0]
    assert ranking.ids[0].startswith(f"{site.site}/cat#")
    assert ranking.documents[0].metadata["rank"] == 2


@pytest.mark.parametrize("charset", ["hex", "idna", "undefined", "klingon", "punycode", "zlib"])
def test_no_charset_of_a_page_is_trusted(site, web, charset):
    site.pages["/plain"] = (200, {"Content-Type": f"text/plain; charset={charset}"}, "Grüße".encode() * 9)
    site.found = ["/plain"]
    assert len(web().retrieve([CAT], 5)[0]) == 1


POLISH, JAPANESE = "Zażółć gęślą jaźń, kot śpi na słońcu. " * 4, "猫は日向で眠り、魚の夢を見る。" * 6


@pytest.mark.parametrize(
    ("charset", "text"),
    [("iso-8859-2", POLISH), ("shift_jis", JAPANESE), ("iso-2022-jp", JAPANESE), ("utf-16", JAPANESE)],
)
@pytest.mark.parametrize("said", ["by the server", "by the page", "in plain text"])
def test_a_page_is_read_in_the_charset_that_it_says_it_is_in(site, web, charset, text, said):
    kind = "text/plain" if said == "in plain text" else "text/html"
    sent = kind if said == "by the page" else f"{kind}; charset={charset}"
    head = f"<meta charset='{charset}'>" if said == "by the page" else ""
    page = text if kind == "text/plain" else f"<html><head>{head}</head><body><p>{text}</p></body></html>"
    site.pages["/page"], site.found = (200, {"Content-Type": sent}, page.encode(charset)), ["/page"]
    [document] = web(size=None).retrieve([CAT], 5)[0].documents
    assert document.text == text.strip()


@pytest.mark.parametrize("kind", ["text/html", "text/plain"])
def test_what_is_utf_8_is_read_as_that_whatever_it_says(site, web, kind):
    page = f"<html><body><p>{POLISH}</p></body></html>" if kind == "text/html" else POLISH
    site.pages["/page"] = (200, {"Content-Type": f"{kind}; charset=latin-1"}, page.encode())
    site.found = ["/page"]
    assert web(size=None).retrieve([CAT], 5)[0].documents[0].text == POLISH.strip()


def test_a_page_that_its_reader_stumbles_over_is_left_out(site, web, monkeypatch, caplog):
    import trafilatura

    def stumbles(*args, **options):
        raise RecursionError("too deep")

    monkeypatch.setattr(trafilatura, "bare_extraction", stumbles)
    made = web()
    assert len(made.retrieve([CAT], 5)[0]) == 0
    assert made.counts()["dead_unreadable"] == 1
    assert "cannot read" in caplog.text


def test_pages_may_stay_whole(site, web):
    site.found = ["/long"]
    [document] = web(size=None).retrieve([CAT], 5)[0].documents
    assert len(document.text.split()) > 400


def test_plain_text_moved_and_packed_pages_are_read(site, web):
    site.found = ["/plain", "/moved", "/gzip"]
    ranking = web().retrieve([CAT], 9)[0]
    texts = {d.metadata["url"].removeprefix(site.site): d.text for d in ranking.documents}
    assert texts["/plain"] == "Ein Hund hört zu, täglich."
    assert "cat" in texts["/moved"]
    assert "packed" in texts["/gzip"]


def test_snippets_alone_fetch_nothing(site, web):
    site.found = ["/cat", "/missing"]
    ranking = web(fetch=False).retrieve([CAT], 5)[0]
    assert [(d.id, d.text, d.title) for d in ranking.documents] == [
        (f"{site.site}/cat", "about /cat", "T/cat"), (f"{site.site}/missing", "about /missing", "T/missing"),
    ]  # fmt: skip
    assert len(site.paths) == len(site.asked)


def test_it_promises_what_every_retriever_does(site, web):
    site.found = ["/cat", "/long", "/plain"]
    made, queries = web(size=50), [CAT, DOG]
    many, few = made.retrieve(queries, 10), made.retrieve(queries, 3)
    assert [r.ids[:3] for r in many] == [r.ids for r in few]
    assert [r.query for r in many] == queries
    for query, ranking in zip(queries, many, strict=True):
        [alone] = made.retrieve([query], 10)
        assert (alone.ids, alone.scores.tolist()) == (ranking.ids, ranking.scores.tolist())
        assert [d.id for d in ranking.documents] == ranking.ids
    assert len(made.retrieve([], 5)) == 0
    assert registry.load("retriever", repr(made), rankify.Corpus([])) == made
    assert (made % 2)(queries)[0].ids == many[0].ids[:2]


def test_it_begins_a_pipeline_without_a_corpus(site):
    spec = f"web:searxng?url={site.site}&fetch=false % 1"
    assert len(rankify.pipeline(spec)([CAT])[0]) == 1
    with pytest.raises(Misuse, match="'bm25' needs a corpus"):
        rankify.retriever("bm25")


# what is left out


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/missing", "status"),
        ("/broken", "status"),
        ("/image", "type"),
        ("/brotli", "type"),
        ("/huge", "size"),
        ("/bomb", "size"),
        ("/empty", "empty"),
        ("/loop", "redirects"),
        ("/nowhere", "status"),
        ("/same", "status"),
        ("/odd", "redirects"),
        ("/script", "unreachable"),
        ("/file", "unreachable"),
        ("/port", "unreachable"),
        ("/odd-name", "unreachable"),
        ("/secret/page", "robots"),
    ],
)
def test_a_page_that_cannot_be_had_is_counted_and_left_out(site, web, path, why):
    site.found = [path, "/cat"]
    made = web(largest=50_000)
    ranking = made.retrieve([CAT], 5)[0]
    assert {d.metadata["url"] for d in ranking.documents} == {f"{site.site}/cat"}
    assert ranking.documents[0].metadata["rank"] == 2
    assert (made.counts()["dead"], made.counts()[f"dead_{why}"], made.counts()["fetched"]) == (1, 1, 1)


def test_a_page_that_never_ends_is_left_out(site, web):
    def slowly(body, number, answer=site.answer):
        if site.paths[number] == "/slow":
            time.sleep(0.5)
        return answer(body, number)

    site.found, site.answer = ["/slow"], slowly
    made = web(timeout=0.2, robots=False)
    assert len(made.retrieve([CAT], 5)[0]) == 0
    assert made.counts()["dead_slow"] == 1


@pytest.mark.parametrize(
    "begins", [b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>", b"HTTP/1.1 200 OK\r\nX: "]
)
def test_a_page_that_dribbles_is_left_out(begins):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def dribble():
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                connection.sendall(begins)
                for _ in range(60):
                    connection.sendall(b"x")
                    time.sleep(0.05)

        thread = threading.Thread(target=dribble)
        thread.start()
        fetcher = Fetcher(timeout=0.3, largest=9999, private=True, robots=False, agent="x", parallel=1)
        start = time.monotonic()
        with pytest.raises(Dead, match="slow"):
            fetcher.page(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        assert time.monotonic() - start < 2
        thread.join()


def test_nobody_there_is_left_out(site, web):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    site.failing = [(200, {}, {"results": [{"url": f"http://127.0.0.1:{port}/x"}]})]
    made = web(count=1)
    assert len(made.retrieve([CAT], 5)[0]) == 0
    assert made.counts()["dead_unreachable"] == 1


def test_what_has_no_address_is_no_result(site, web):
    odd = [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "",
        None,
        7,
        "http://u:p@host/x",
        "http://[::1",
        f"{site.site}/cat",
    ]
    site.failing = [(200, {}, {"results": [{"url": each} for each in odd] + ["odd"]})]
    made = web(fetch=False, count=1)
    assert made.retrieve([CAT], 9)[0].ids == [f"{site.site}/cat"]


def test_robots_may_be_overruled(site, web):
    site.found = ["/secret/page"]
    assert len(web(robots=False).retrieve([CAT], 5)[0]) == 1
    assert "/robots.txt" not in site.paths


@pytest.mark.parametrize(("status", "allowed"), [(404, True), (403, True), (503, False)])
def test_a_site_without_robots_allows_all_and_a_broken_one_nothing(site, web, status, allowed):
    site.pages["/robots.txt"] = (status, HTML, b"")
    assert bool(len(web().retrieve([CAT], 5)[0])) == allowed


def test_the_longest_rule_of_robots_decides_and_stars_count(site, web):
    site.pages["/robots.txt"] = (200, {}, b"User-agent: *\nAllow: /\nDisallow: /c*t$\nAllow: /lo\nDisallow: /l")
    site.found = ["/cat", "/long"]
    made = web(size=None)
    assert made.retrieve([CAT], 5)[0].ids == [f"{site.site}/long#1"]
    assert made.counts()["dead_robots"] == 1


def test_of_very_long_robots_the_beginning_counts(site, web):
    rules = b"User-agent: *\nDisallow: /cat\n"
    site.pages["/robots.txt"] = (200, {}, rules + b"# x\n" * (LARGEST_ROBOTS // 4) + b"Disallow: /long\n")
    site.found = ["/cat", "/long"]
    made = web(size=None)
    assert made.retrieve([CAT], 5)[0].ids == [f"{site.site}/long#1"]
    assert {k: v for k, v in made.counts().items() if k.startswith("dead_")} == {"dead_robots": 1}


def test_robots_may_be_elsewhere(site, web):
    site.pages |= {
        "/robots.txt": (301, {"Location": "/rules"}, b""),
        "/rules": (200, {}, b"User-agent: *\nDisallow: /"),
    }
    assert len(web().retrieve([CAT], 5)[0]) == 0


def test_requests_for_pages_say_who_asks_and_carry_no_cookie(site, web):
    site.pages["/cat"] = (200, {**HTML, "Set-Cookie": "a=b"}, PAGES["/cat"][2])
    made = web(agent="somebody/1.0")
    made.retrieve([CAT], 5)
    made.retrieve([CAT], 5)
    pages = [h for path, h in zip(site.paths, site.headers, strict=True) if path == "/cat"]
    assert [h["User-Agent"] for h in pages] == ["somebody/1.0"] * 2
    assert not any("Cookie" in h for h in pages)


# addresses that are not public


def test_private_addresses_are_not_asked(site, web):
    made = web(private=False)
    assert len(made.retrieve([CAT], 5)[0]) == 0
    assert made.counts()["dead_private"] == 1
    assert all(path.startswith("/search") for path in site.paths)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",  # noqa: S104
        "100.64.0.1", "224.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[fe80::1]", "[fd00::1]", "[64:ff9b::7f00:1]",
        "[64:ff9b:1::1]", "[2002:7f00:1::]", "localhost", "2130706433", "[::7f00:1]", "[::ffff:0:7f00:1]", "[fec0::1]",
        "[::]", "0x7f.1", "017700000001", "127.0.0.1.", "[ff02::1]", "192.0.0.8", "198.18.0.1", "255.255.255.255",
    ],
)  # fmt: skip
def test_no_spelling_of_a_private_address_is_asked(host):
    fetcher = Fetcher(timeout=2.0, largest=9999, private=False, robots=False, agent="x", parallel=1)
    with pytest.raises(Dead, match=r"private|unreachable"):
        fetcher.page(f"http://{host}:9/")


@pytest.mark.parametrize("addresses", [["93.184.215.14", "127.0.0.1"], ["::1", "93.184.215.14"]])
def test_a_name_with_one_private_address_is_not_asked(monkeypatch, addresses):
    found = [(0, 0, 0, "", (address, 80)) for address in addresses]
    monkeypatch.setattr("rankify.retrieve.addresses.socket.getaddrinfo", lambda *args, **options: found)
    fetcher = Fetcher(timeout=2.0, largest=9999, private=False, robots=False, agent="x", parallel=1)
    with pytest.raises(Dead, match="private"):
        fetcher.page("http://both.test:9/")


def test_public_addresses_are_public():
    assert all(map(public, ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"]))


def test_a_redirect_to_a_private_address_is_not_followed(site, monkeypatch):
    """The first hop is let through by a stand-in for the name server, the second is not."""
    real = web_pages.looked_up
    monkeypatch.setattr(
        web_pages, "looked_up", lambda host, port: "127.0.0.1" if host == "public.test" else real(host, port)
    )
    site.pages["/away"] = (302, {"Location": f"{site.site}/cat"}, b"")
    fetcher = Fetcher(timeout=5.0, largest=99_999, private=False, robots=False, agent="x", parallel=1)
    with pytest.raises(Dead, match="private"):
        fetcher.page(f"http://public.test:{site.port}/away")
    assert site.paths == ["/away"]


def test_requests_go_to_the_address_that_was_looked_at_in_the_sites_name(site, monkeypatch):
    monkeypatch.setattr(web_pages, "looked_up", lambda host, port: "127.0.0.1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # not used: it would look the name up itself
    fetcher = Fetcher(timeout=5.0, largest=99_999, private=False, robots=True, agent="x", parallel=1)
    assert fetcher.page(f"http://public.test:{site.port}/cat").title == "Cats"
    assert [h["Host"] for h in site.headers] == [f"public.test:{site.port}"] * 2


# the engine


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_engine_that_is_busy_is_asked_again(site, web, status):
    site.failing = [(status, {}, b"busy")] * 2
    made = web(count=1)
    assert len(made.retrieve([CAT], 1)[0]) == 1
    assert made.counts()["asked"] == 3
    site.failing = [(status, {}, {"error": "busy"})] * 9
    with pytest.raises(RemoteFailed, match=rf"answered {status} .*busy; tried 2 times"):
        web(retries=1).retrieve([CAT], 1)


def test_retry_after_is_waited_for(site, web):
    site.failing = [(429, {"Retry-After": "0.3"}, b"")]
    start = time.monotonic()
    web(fetch=False).retrieve([CAT], 1)
    assert time.monotonic() - start >= 0.3


def test_an_engine_that_is_silent_is_an_error(site, web):
    site.answer = lambda body, n: time.sleep(0.4) or (200, {}, {})
    with pytest.raises(RemoteFailed, match=r"no whole answer in 0\.1 s"):
        web(timeout=0.1, retries=0).retrieve([CAT], 1)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_an_engine_that_refuses_is_an_error(site, web, status):
    site.failing = [(status, {}, {"message": "no such thing"})] * 9
    with pytest.raises(RemoteFailed, match=f"answered {status} .*no such thing"):
        web().retrieve([CAT], 1)
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ({"error": "quota"}, r"answered without 'results', where results should be \(it has error\)"),
        ({"results": "none"}, "'results' that is no list"),
        (["odd"], r"it has list"),
        (b'{"results": [', "no whole JSON"),
    ],
)
def test_an_answer_without_results_is_an_error(site, web, answer, complaint):
    site.failing = [(200, {}, answer)] * 9
    with pytest.raises(RemoteFailed, match=complaint):
        web(retries=1).retrieve([CAT], 1)


def test_an_engine_may_say_that_it_found_nothing():
    assert Engine.named("serper").hits({"searchParameters": {"q": "x"}, "credits": 1}) == []
    with pytest.raises(RemoteFailed, match="answered without 'organic'"):
        Engine.named("serper").hits({"message": "not enough credits"})


def test_the_key_is_told_nobody(site, web, monkeypatch, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MY_KEY", SECRET)
    site.failing = [(500, {}, {"error": SECRET}), (401, {}, {"error": f"bad key {SECRET}"})]
    made = web(key="MY_KEY", folder=str(tmp_path))
    with pytest.raises(RemoteFailed, match="MY_KEY holds another key") as caught:
        made.retrieve([CAT], 1)
    assert SECRET in str(site.headers[0])
    made.retrieve([CAT], 1)
    told = f"{caught.value!r} {made!r} {vars(made)} {vars(made._server)} {caplog.text}"
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert SECRET not in told
    assert SECRET.encode() not in kept
    pages = [h for path, h in zip(site.paths, site.headers, strict=True) if not path.startswith("/search")]
    assert pages
    assert SECRET not in str(pages)


def test_an_engines_key_is_not_sent_to_an_address_that_stands_in_a_spec(site, monkeypatch):
    monkeypatch.setenv("SERPER_API_KEY", SECRET)
    site.failing = [(200, {}, {"organic": []})]
    rankify.retriever("web:serper", url=site.site, fetch=False).retrieve([CAT], 1)
    assert SECRET not in str(site.headers)


# what is kept


def test_what_is_remembered_is_not_asked_again(site, web, tmp_path):
    site.found = ["/cat", "/missing"]
    first = web(folder=str(tmp_path)).retrieve([CAT], 9)
    asked = len(site.paths)
    made = web(folder=str(tmp_path))
    again = made.retrieve([CAT], 9)
    assert again == first
    assert [d.metadata for d in again[0].documents] == [d.metadata for d in first[0].documents]
    assert [p for p in site.paths[asked:] if p != "/robots.txt"] == ["/missing"]  # what was dead may have come back
    assert (made.counts()["remembered"], made.counts()["asked"]) == (2, 0)


def test_what_is_too_old_is_asked_for_anew(site, web, tmp_path):
    folder = str(tmp_path)
    web(folder=folder).retrieve([CAT], 9)
    site.pages["/cat"] = article("Other cats", prose("other"))
    assert web(folder=folder, age=0.0).retrieve([CAT], 9)[0].documents[0].title == "Other cats"
    assert web(folder=folder, age=None).retrieve([CAT], 9)[0].documents[0].title == "Other cats"


@pytest.mark.parametrize("strict", [{"robots": True}, {"private": False}])
def test_what_was_fetched_under_laxer_rules_is_not_used_under_stricter_ones(site, web, tmp_path, strict):
    site.found, lax = ["/secret/page"], {"robots": False, "private": True, "folder": str(tmp_path)}
    assert len(web(**lax).retrieve([CAT], 9)[0]) == 1
    made = web(**{**lax, **strict})
    assert len(made.retrieve([CAT], 9)[0]) == 0
    assert (made.counts()["dead"], made.counts()["remembered"]) == (1, 1)


def test_a_memory_that_is_damaged_is_named(site, web, tmp_path):
    web(folder=str(tmp_path)).retrieve([CAT], 9)
    for file in tmp_path.glob("web.sqlite-*"):
        file.unlink()
    file = tmp_path / "web.sqlite"
    file.write_bytes(file.read_bytes()[:100] + b"\xff" * 9000)
    with pytest.raises(BadInput, match=r"web\.sqlite holds no remembered pages, or is damaged .*delete"):
        web(folder=str(tmp_path)).retrieve([CAT], 9)


def test_another_count_or_engine_is_another_question(site, web, tmp_path):
    folder = str(tmp_path)
    web(folder=folder, fetch=False).retrieve([CAT], 9)
    for changed in ({"count": 3}, {"link": "url", "snippet": "title"}):
        site.asked.clear()
        web(folder=folder, fetch=False, **changed).retrieve([CAT], 9)
        assert site.asked


def test_another_file_is_left_alone(web, tmp_path):
    (tmp_path / "web.sqlite").write_text("a thesis")
    with pytest.raises(BadInput, match=r"holds no remembered pages"):
        web(folder=str(tmp_path))


# options


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("web:searxng", r"web:searxng needs url=, e\.g\. web:searxng\?url=http://localhost:8080"),
        ("web:template?url=http://a/x", "needs results="),
        ("web:template?url=http://a/x&results=r", r"says nowhere where the query goes"),
        ("web:template?url=http://a/x&results=r&body=q", "is no JSON"),
        (
            "web:template?url=http://a/x?q={query}&results=r&size=10&overlap=10",
            "overlap=10: it is from 0 up and less than the size, which is 10",
        ),
        (f"web:template?url=http://a/x?q={{query}}%26key={SECRET}&results=r", "has a key in its url or body"),
        ("web:template?url=http://me:pass@a/x?q={query}&results=r", "holds a password"),
        ("web:serper?count=0", "count=0"),
        ("web:serper?age=-1", "age=-1"),
        ("web:serper?by=google", "by='google'"),
        ("web", "write 'web:<model"),
    ],
)
def test_options_that_make_no_sense_are_refused(spec, complaint):
    with pytest.raises(Misuse, match=complaint) as caught:
        rankify.retriever(spec)
    assert SECRET not in str(caught.value)


def test_there_is_nothing_to_index(tmp_path, capsys):
    from rankify.cli import main

    with pytest.raises(SystemExit) as left:
        main(["index", "web:serper", "pydoc", "-o", str(tmp_path / "index")])
    assert left.value.code == 2
    assert "nothing to index" in capsys.readouterr().err
    assert not (tmp_path / "index").exists()


def test_unknown_engines_and_blanks_name_near_ones():
    with pytest.raises(UnknownName, match="no search engine 'serpper'; did you mean 'serper'"):
        rankify.retriever("web:serpper")
    with pytest.raises(UnknownName, match="no blank of a search engine 'qurey'; did you mean 'query'"):
        rankify.retriever("web:template?url=http://a/x?q={query}%26r={qurey}&results=r")


def test_paths_are_sent_as_they_were_found(site, web):
    site.pages["/a%20b%C3%A9"] = PAGES["/cat"]
    site.found = ["/a bé"]
    [ranking] = web().retrieve([CAT], 1)
    assert unquote(ranking.ids[0]) == f"{site.site}/a bé#1"
    assert " " not in ranking.ids[0]
