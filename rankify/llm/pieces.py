"""The tokens of a reply as pieces of its text, each with its log-probability, however they are told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, groupby
from typing import Any

from rankify.llm.protocol import LLMFailed, Logprobs

BROKEN = "\ufffd"  # what stands for a part of a character
TRAILING = 2  # tokens behind a text at most: what ended it


def part(pieces: Logprobs, start: int, end: int) -> Logprobs:
    """Those that spell the characters from `start` to `end`; the outer ones lose what is beyond.

    A piece without text belongs to what comes behind it.

    >>> part((("one", -1.0), (" t", -2.0), ("wo.", -3.0), ("", -9.0)), 4, 6)
    (('t', -2.0), ('w', -3.0))
    """
    places = accumulate((len(text) for text, _ in pieces), initial=0)
    return tuple(
        (text[max(0, start - at) : end - at], logprob)
        for (text, logprob), at in zip(pieces, places, strict=False)
        if at < end and (at + len(text) > start or at >= start)
    )


def spelling(pieces: Logprobs, text: str) -> Logprobs | None:
    """The pieces that spell a text, the last one that they spell; None where they do not.

    What a model thought may stand before it, and what ended the reply behind it. Where the pieces show parts of a
    character as such, the last of these parts has the character, and nothing may stand before the text.

    >>> spelling((("<hm>", -1.0), (" a", -2.0), ("b", -3.0), ("</s>", -4.0)), "ab")
    (('a', -2.0), ('b', -3.0))
    >>> spelling((("a", -1.0), ("\\ufffd", -2.0), ("\\ufffd", -3.0), ("?", -4.0)), "a\\u4eac?")
    (('a', -1.0), ('', -2.0), ('京', -3.0), ('?', -4.0))
    """
    joined = "".join(piece for piece, _ in pieces)
    place = joined.rfind(text)
    if place >= 0:
        return part(pieces, place, place + len(text))
    if BROKEN not in joined:
        return None
    ways = (_mended(pieces[: len(pieces) - behind], text) for behind in range(TRAILING + 1))
    return next((found for found in ways if found is not None), None)


def _mended(pieces: Logprobs, text: str) -> Logprobs | None:
    """The pieces with whole characters of the text in place of parts of them, if they spell it."""
    runs = [(broken, list(run)) for broken, run in groupby(pieces, key=lambda piece: BROKEN in piece[0])]
    pattern = "".join(
        f"(.{{0,{sum(len(piece) for piece, _ in run)}}}?)" if broken else f"({re.escape(_text(run))})"
        for broken, run in runs
    )
    match = re.fullmatch(pattern, text, re.DOTALL)
    if match is None:
        return None
    found: list[tuple[str, float]] = []
    for (broken, run), said in zip(runs, match.groups(), strict=True):
        found += [*(("", logprob) for _, logprob in run[:-1]), (said, run[-1][1])] if broken else run
    return tuple(found)


def _text(run: Sequence[tuple[str, float]]) -> str:
    return "".join(piece for piece, _ in run)


def told(text: str, logprobs: Mapping[str, Any] | None, who: str) -> Logprobs:
    """The pieces of a text, as a server tells them, in the form of chats or of completions.

    Args:
        text: what the server says that the reply is.
        logprobs: what it says of its tokens.
        who: the server, for messages.

    Raises:
        LLMFailed: it says nothing of them, or something else.
    """
    if text and not logprobs:
        raise LLMFailed(
            f"{who} gives no log-probabilities, which this method needs: use a server that does (OpenAI's chats, vllm "
            "serve, SGLang, llama.cpp), or hf: or vllm:"
        )
    found = spelling(tuple(_pieces(logprobs or {})), text)
    if found is None:
        raise LLMFailed(
            f"the tokens of {who} do not spell its reply {text[:40]!r}: use another server, or hf: or vllm:"
        )
    return found


def _pieces(logprobs: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Each token's text and log-probability; parts of characters are shown as such."""
    if (content := logprobs.get("content")) is None:
        for text, logprob in zip(logprobs.get("tokens") or [], logprobs.get("token_logprobs") or [], strict=True):
            yield BROKEN if text.startswith("bytes:") else text, float(logprob)  # bytes:\\xe2, as OpenAI writes it
        return
    for token in content:
        data = token.get("bytes")
        yield bytes(data).decode("utf-8", "replace") if data else str(token["token"]), float(token["logprob"])
