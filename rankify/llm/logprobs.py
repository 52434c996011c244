"""Log-probabilities as servers give them, read as scores of choices and of continuations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rankify.llm.protocol import LLMFailed

Likely = list[tuple[str, float]]  # next tokens as text, the most likely first; several tokens may have one text


def most_likely(logprobs: Mapping[str, Any] | None, most: int) -> Likely | None:
    """The likeliest first tokens of a reply, in the form of chats or of completions; None when the server gives none.

    A reply without any token, because the model had nothing to say, is an empty list.
    """
    if not logprobs:
        return None
    if (content := logprobs.get("content")) is not None:
        return _sorted([(t["token"], t["logprob"]) for t in _alternatives(content)], most)
    if (tokens := logprobs.get("tokens")) is None:
        return None
    chosen = list(zip(tokens[:1], logprobs["token_logprobs"][:1], strict=True))
    top = (logprobs.get("top_logprobs") or [None])[0] or {}
    return _sorted([*top.items(), *((text, p) for text, p in chosen if text not in top)], most)


def _alternatives(content: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The first token, which need not be among its own alternatives, and these."""
    if not content:
        return []
    given = list(content[0].get("top_logprobs") or [])
    return given if any(t["token"] == content[0]["token"] for t in given) else [content[0], *given]


def _sorted(pairs: Sequence[tuple[str, float]], most: int) -> Likely:
    return sorted(pairs, key=lambda pair: -pair[1])[:most]


def scores_of(choices: Sequence[str], likely: Likely) -> tuple[float, ...]:
    """The log-probability of each choice among the likeliest tokens, -inf where it is not there.

    Of several tokens with one text the likeliest counts, as in RankLLM. A choice without blanks around it is also
    found with a blank before it, when it is nowhere exactly: tokenizers write a word's first token so.

    >>> scores_of(["A", "B", "C"], [("A", -0.5), ("A", -1.0), (" A", -0.1), (" B", -2.0)])
    (-0.5, -2.0, -inf)

    Raises:
        LLMFailed: a choice is more than one token, as far as that can be seen.
    """
    exact, bare = _best(likely), _best([(text.strip(), p) for text, p in likely])
    scores = tuple(exact.get(c, bare.get(c, -math.inf)) for c in choices)  # a choice with blanks is in no bare text
    if likely and all(score == -math.inf for score in scores):
        head = likely[0][0].strip()
        for choice in choices:
            if head and choice.strip() != head and choice.strip().startswith(head):
                raise LLMFailed(
                    f"the choice {choice!r} is more than one token to this model, which says {head!r} first, and a "
                    "server shows single tokens: use shorter labels, or hf: or vllm:"
                )
    return scores


def _best(likely: Likely) -> dict[str, float]:
    best: dict[str, float] = {}
    for text, logprob in likely:
        best[text] = max(logprob, best.get(text, -math.inf))
    return best


def continuation_score(head: str, text: str, logprobs: Mapping[str, Any] | None, prompt_tokens: int) -> float | None:
    """The log-probabilities of a text's tokens behind its head, summed, as a server echoes them; None when it does not.

    Args:
        logprobs: of all tokens of the text, and perhaps of some that the model wrote behind it.
        prompt_tokens: how many tokens the text is, its beginning-of-sequence included; 0 when the server did not say,
            and then all but one are.

    Raises:
        LLMFailed: a token is partly head and partly continuation.
    """
    tokens = (logprobs or {}).get("tokens")
    if not logprobs or not tokens:
        return None
    scores = logprobs["token_logprobs"]
    count = prompt_tokens if 0 < prompt_tokens <= len(tokens) else len(tokens) - 1
    offsets = list(logprobs.get("text_offset") or _offsets(tokens))
    ends = [*offsets[1:], offsets[-1] + len(tokens[-1])]
    shift = ends[count - 1] - len(text)  # a beginning-of-sequence token has a text too, and moves what follows
    if shift < 0:
        return None  # only what the model wrote came back
    behind = [i for i in range(count) if offsets[i] - shift >= len(head)]
    if not behind or offsets[behind[0]] - shift != len(head):
        raise LLMFailed(
            f"where {head[-10:]!r} ends and {text[len(head) :][:10]!r} begins is no border of tokens: "
            "move a blank from the end of the prompt to the head of the continuation"
        )
    return math.fsum(scores[i] for i in behind)


def _offsets(tokens: Sequence[str]) -> list[int]:
    offsets = [0]
    for token in tokens[:-1]:
        offsets.append(offsets[-1] + len(token))
    return offsets
