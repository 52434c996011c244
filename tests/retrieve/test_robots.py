"""What robots.txt lets us read, by the rules of RFC 9309."""

import time

import pytest

from rankify.retrieve.robots import Robots

TWICE = "User-agent: rankify\nDisallow: /a\n\nUser-agent: b\nDisallow: /\n\nUser-agent: rankify\nDisallow: /c"


@pytest.mark.parametrize(
    ("text", "path", "allowed"),
    [
        ("", "/x", True),
        ("User-agent: *\nDisallow:", "/x", True),
        ("User-agent: *\nDisallow: /", "/x", False),
        ("User-agent: *\nDisallow: /", "/robots.txt", True),
        ("User-agent: *\nAllow: /\nDisallow: /private", "/private/x", False),  # the longest decides, not the first
        ("User-agent: *\nDisallow: /\nAllow: /public", "/public/x", True),
        ("User-agent: *\nDisallow: /p\nAllow: /p", "/p", True),  # equally long: allowed
        ("User-agent: *\nDisallow: /fish", "/fishheads/yummy.html", False),
        ("User-agent: *\nDisallow: /fish/", "/fish", True),
        ("User-agent: *\nDisallow: /Fish", "/fish", True),
        ("User-agent: *\nDisallow: fish", "/fish", True),
        ("User-agent: *\nDisallow: /*.php", "/folder/any.php.file.html", False),
        ("User-agent: *\nDisallow: /*.php$", "/filename.php?parameters", True),
        ("User-agent: *\nDisallow: /*.php$", "/filename.php", False),
        ("User-agent: *\nDisallow: /fish*.php", "/fishheads/catfish.php?parameters", False),
        ("User-agent: *\nDisallow: /ab*b$", "/ab", True),  # one b cannot be both
        ("User-agent: *\nDisallow: /a*bc*bc$", "/abc", True),
        ("User-agent: *\nDisallow: *", "/x", False),
        ("User-agent: *\nDisallow: /$", "/", False),
        ("User-agent: *\nDisallow: /$", "/x", True),
        ("User-agent: *\nDisallow: /?q=", "/?q=1", False),
        ("User-agent: *\nDisallow: /caf\u00e9", "/caf%c3%a9/1", False),
        ("User-agent: *\nDisallow: /a%2fb", "/a%2Fb", False),
        ("User-agent: *\nDisallow: /a%2fb", "/a/b", True),
        ("User-agent: *\nDisallow: /%7ejoe", "/~joe", False),
        ("User-agent: rankify\nDisallow:\nUser-agent: *\nDisallow: /", "/x", True),  # its own group alone counts
        ("User-agent: *\nDisallow: /\nUser-agent: RANKIFY\nDisallow: /a", "/x", True),
        ("User-agent: rankify/9.9\nDisallow: /", "/x", False),
        ("User-agent: rankify-images\nDisallow: /", "/x", True),
        ("User-agent: a\nUser-agent: rankify\nDisallow: /a", "/a", False),
        (TWICE, "/a", False),
        (TWICE, "/c", False),
        (TWICE, "/b", True),
        ("User-agent: *\nCrawl-delay: 3\n\nSitemap: http://x/s\nUser-agent: b\nDisallow: /x", "/x", False),
        ("\ufeffuser-agent:*\r\ndisallow:/x#why\rAllow: /xy", "/x", False),
        ("USER-AGENT : *\n  Disallow :  /x   # a comment", "/x", False),
        ("Disallow: /x\nUser-agent: *\nDisallow: /y", "/x", True),
        ("User-agent: *\nDisallow /x\nNonsense\n: \nDisallow: /y", "/y", False),
        ("<html><body>User-agent: *</body></html>", "/x", True),
    ],
)  # fmt: skip
def test_what_may_be_read(text, path, allowed):
    assert Robots.read(text, "rankify/1.0 (research)").allow(f"https://example.org{path}") is allowed


def test_nothing_at_all():
    assert not Robots.nothing().allow("https://example.org/x")
    assert not Robots.nothing().allow("https://example.org")


@pytest.mark.parametrize("agent", ["", "123", "(x)"])
def test_who_has_no_name_is_anybody(agent):
    assert not Robots.read("User-agent: *\nDisallow: /\nUser-agent: rankify\nAllow: /", agent).allow("https://x.org/a")


def test_no_file_makes_us_slow():
    start = time.perf_counter()
    rules = Robots.read("User-agent: *\nDisallow: /" + "*a" * 200 + "b\n", "rankify")
    assert rules.allow("https://x.org/" + "a" * 5000)
    assert time.perf_counter() - start < 1
