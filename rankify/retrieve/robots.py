"""What a site's robots.txt lets a robot read, after RFC 9309."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

_LINE = re.compile(r"\s*([\w-]+)\s*:\s*(.*?)\s*")
_TOKEN = re.compile(r"[A-Za-z_-]+")
_ESCAPED = re.compile("%([0-9a-fA-F]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_AS_THEY_ARE = "!#$%&'()*+,/:;=?@[]~"  # signs of an address that stand for themselves


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules for one robot: patterns of paths, and whether they may be read.

    >>> rules = Robots.read("User-agent: *\\nDisallow: /*.pdf$\\nDisallow: /a\\nAllow: /a/b", "rankify/1.0 (research)")
    >>> [rules.allow(f"http://x.org{path}") for path in ("/a/c", "/a/b", "/x.pdf", "/x.pdf?y", "/", "/A")]
    [False, True, False, True, True, True]
    """

    rules: tuple[tuple[str, bool], ...] = ()

    @classmethod
    def nothing(cls) -> Robots:
        """No page at all."""
        return cls((("/", False),))

    @classmethod
    def read(cls, text: str, agent: str) -> Robots:
        """The rules of a file for the robot that calls itself so; what it cannot read it leaves out.

        Every group that names the robot counts, whatever else it names; where none does, every group for `*`.

        Args:
            agent: its name is what stands before a "/" or a blank; upper and lower case are the same.
        """
        token = _TOKEN.match(agent)
        mine: list[tuple[str, bool]] = []
        others: list[tuple[str, bool]] = []
        known = False
        for names, rules in _groups(text):
            named = token is not None and token[0].lower() in names
            known |= named
            mine += rules if named else []
            others += rules if "*" in names else []
        return cls(tuple(mine if known else others))

    def allow(self, url: str) -> bool:
        """Whether a page may be read: the longest pattern decides, of equally long ones one that allows it."""
        where = urlsplit(url)
        path = _canonical((where.path or "/") + (f"?{where.query}" if where.query else ""))
        if path == "/robots.txt":
            return True
        fitting = [(len(pattern), allowed) for pattern, allowed in self.rules if _fits(pattern, path)]
        return max(fitting, default=(0, True))[1]


def _groups(text: str) -> list[tuple[set[str], list[tuple[str, bool]]]]:
    """For each group the robots that it names, in lower case, and its rules."""
    found: list[tuple[set[str], list[tuple[str, bool]]]] = []
    naming = False  # whether the last line that counts named a robot
    for line in text.removeprefix("\ufeff").splitlines():
        said = _LINE.fullmatch(line.partition("#")[0])
        field = said[1].lower() if said else ""
        if said and field == "user-agent":
            if not naming:
                found.append((set(), []))
            name = _TOKEN.match(said[2])
            found[-1][0].add("*" if said[2] == "*" else name[0].lower() if name else "")
            naming = True
        elif said and field in ("allow", "disallow"):
            naming = False
            if found and said[2]:  # an empty pattern fits nothing
                found[-1][1].append((_canonical(said[2]), field == "allow"))
    return found


def _fits(pattern: str, path: str) -> bool:
    """Whether a path begins as a pattern says: `*` is anything, and `$` at its end the path's end."""
    to_end = pattern.endswith("$")
    first, *rest = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    place = len(first)
    last = rest.pop() if rest and to_end else None
    for piece in rest:
        found = path.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    if last is not None:
        return path.endswith(last) and len(path) - len(last) >= place
    return not to_end or place == len(path)


def _canonical(path: str) -> str:
    """A path or a pattern as it is compared: escaped where it has to be, in one way.

    >>> _canonical("/a%7eb%2fc\u00e9 d"), _canonical("/*%2A$")
    ('/a~b%2Fc%C3%A9%20d', '/*%2A$')
    """
    return _ESCAPED.sub(_plain, quote(path, safe=_AS_THEY_ARE, errors="replace"))


def _plain(escaped: re.Match[str]) -> str:
    character = chr(int(escaped[1], 16))
    return character if _UNRESERVED.fullmatch(character) else escaped[0].upper()
