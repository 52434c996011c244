"""The text of a page, out of the bytes that a site sent."""

from __future__ import annotations

import codecs
import logging
import re
from contextlib import suppress

from rankify.errors import needs

META = re.compile(rb"""<meta[^>]*?charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# what a reader may raise over a stranger's page
STUMBLES = (ValueError, TypeError, AttributeError, LookupError, AssertionError, RecursionError)
logger = logging.getLogger(__name__)


class Dead(Exception):
    """A page that cannot be had, and why, in a word: what is counted."""


def decoded(content: bytes, *charsets: str) -> str:
    """A text in the first of its charsets that is one; where it says none, in UTF-8 or else as browsers take it.

    What reads as UTF-8, or begins with the mark of a charset, is taken for that, whatever it says of itself.

    >>> [decoded(b"caf\\xe9", charset) for charset in ("latin-1", "", "hex")], decoded(b"caf\\xc3\\xa9", "latin-1")
    (['caf\xe9', 'caf\xe9', 'caf\xe9'], 'caf\xe9')
    """
    for mark, name in MARKS.items():
        if content.startswith(mark):
            return content.decode(name, "replace")
    if not content.isascii():  # what is, may be in a charset that writes with escapes
        with suppress(UnicodeDecodeError):
            return content.decode("utf-8")
    for charset in charsets:
        with suppress(LookupError, ValueError):  # codecs of Python that are no charsets are among them
            return content.decode(charset, "replace")
    return content.decode("windows-1252", "replace")


def marked_up(content: bytes, charset: str) -> str | bytes:
    """HTML as text where the server or the page says in which charset it is; else as it came, for its reader to guess.

    >>> marked_up(b'<meta charset="cp1250">\\xb3', ""), marked_up(b"<p>\\xb3", "cp1250"), marked_up(b"\\xb3", "")
    ('<meta charset="cp1250">\u0142', '<p>\u0142', b'\\xb3')
    """
    inside = META.search(content[:1024])  # where the standard of HTML looks for it
    said = [name for name in (charset, inside[1].decode("ascii", "replace") if inside else "") if name]
    return decoded(content, *said) if said else content


def extracted(content: bytes, charset: str, url: str) -> tuple[str, str]:
    """The title and the main text of a page in HTML, without menus, comments and the like.

    Args:
        charset: what the server says, or "".

    Raises:
        Dead: it has none.
    """
    library, broken = needs("trafilatura", "web"), needs("lxml.etree", "web").LxmlError
    try:
        found = library.bare_extraction(
            marked_up(content, charset), url=url, include_comments=False, with_metadata=True
        )
    except (*STUMBLES, broken) as error:
        logger.warning("cannot read %s: %s: %s", url, type(error).__name__, error)
        raise Dead("unreadable") from None
    if found is None or not found.text:
        raise Dead("empty")
    return str(found.title or ""), str(found.text)
