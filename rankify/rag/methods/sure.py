"""SuRe: two candidate answers, a summary of the documents for each, and the one whose summary holds up better."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Sequence
from typing import Any

from rankify.llm.protocol import LLM
from rankify.prompts.template import template
from rankify.rag.answers import bare, first_line
from rankify.rag.flow import Flow, Found, Request, Write, Written, written
from rankify.rag.method import method
from rankify.rag.reader import Plan
from rankify.rag.transcript import Step, Transcript
from rankify.text.normal import normalized
from rankify.types import Ranking

MARKS = ("(a)", "(b)")
EVEN = 0.5  # of two summaries neither says more


@method(paper="SuRe, arXiv:2404.13081")
def sure(llm: LLM, *, max_tokens: int = 64, summary_tokens: int = 512) -> Plan:
    """Writes two candidates, a passage in support of each, and judges these: is each valid, and which says more?

    A candidate has 1 for a summary that supports it ("True"), and 1 for a summary that says more than the other's, 0
    for one that says less, 0.5 where neither does; the mean of both orders, in which they are shown. The larger sum
    wins, equal sums go to the first candidate. The sum is the confidence, the winner's summary the reasoning. Where
    the model writes one candidate, or the same twice, that is the answer, unjudged, with 0.5.

    Replies without a candidate, and judgments that say neither or both, are counted as unreadable; a judgment counts
    as False, or as neither. Without documents nothing can be summarised: nothing is asked, and nothing answered.

    Args:
        max_tokens: the most tokens of the candidates, and of a judgment.
        summary_tokens: the most tokens of a summary.
    """
    writing = template("sure-candidates")

    def flow(ranking: Ranking) -> Flow:
        documents = list(ranking.documents)
        if not documents:
            return Found(text="", cites="", confidence=0.0, counts=Counter(unanswered=1))
        reply = yield from written(Write(template=writing, documents=documents, max_tokens=max_tokens))
        found = candidates(reply.text)
        if len(found) < len(MARKS):
            return _unjudged(found, reply)
        summaries = yield from _written(_supporting(found, documents, summary_tokens))
        judged = yield from _written(_judging(found, [one.text for one in summaries], max_tokens))
        scores, unreadable = _scores([one.text for one in judged])
        best = scores.index(max(scores))
        return Found(
            text=found[best], reasoning=summaries[best].text, shown=reply.shown, cites="", confidence=scores[best],
            counts=+Counter(unreadable=unreadable),
        )  # fmt: skip

    return Plan(answering=flow, confident=True)


def candidates(reply: str) -> list[str]:
    """The candidates behind "(a)" and "(b)", to the end of the line, each once.

    >>> candidates("(a) Ann Lee, (b) Bob."), candidates("(a) Ann (b) the Ann!"), candidates("It is Ann.")
    (['Ann Lee', 'Bob'], ['Ann'], [])
    """
    parts = re.split("|".join(map(re.escape, MARKS)), reply, flags=re.IGNORECASE)[1:]
    found: dict[str, str] = {}
    for text in (bare(first_line(part).strip(" ,;")) for part in parts[: len(MARKS)]):
        found.setdefault(normalized(text) or text, text)
    return [text for text in found.values() if text]


def _unjudged(found: Sequence[str], reply: Written) -> Found:
    """The one candidate that there is, or none."""
    text = found[0] if found else ""
    counts = Counter() if found else Counter(unreadable=1)
    return Found(text=text, shown=reply.shown, cites="", confidence=EVEN * len(found), counts=counts)


def _written(requests: Sequence[Write]) -> Generator[list[Request], list[Any], list[Written]]:
    return (yield list(requests))


def _supporting(found: Sequence[str], documents: Sequence[Any], max_tokens: int) -> list[Write]:
    """A summary in support of each candidate."""
    choices = [f"{mark} {text}" for mark, text in zip(MARKS, found, strict=True)]
    return [
        Write(
            template=template("sure-summary"), documents=documents, max_tokens=max_tokens,
            values={"choices": " ".join(choices), "prediction": choice},
        )
        for choice in choices
    ]  # fmt: skip


def _judging(found: Sequence[str], summaries: Sequence[str], max_tokens: int) -> list[Write]:
    """Whether each summary supports its candidate, and which says more, the first shown first and last.

    Summaries that have no room lose their ends, the longer one first.
    """
    read = [Transcript((Step(saw=text),)) for text in summaries]
    each = [{"prediction": text, "passage": passage} for text, passage in zip(found, read, strict=True)]
    orders = [{"first": one, "second": other} for one, other in (read, reversed(read))]
    return [
        *(Write(template=template("sure-validity"), values=values, max_tokens=max_tokens) for values in each),
        *(Write(template=template("sure-ranking"), values=values, max_tokens=max_tokens) for values in orders),
    ]


def _scores(judged: Sequence[str]) -> tuple[list[float], int]:
    """The sum of each candidate, and how many judgments could not be read."""
    valid = [_only(r"\b(true|false)\b", text) for text in judged[:2]]
    better = [_only(r"\bpassage\s*#?\s*([12])\b", text) for text in judged[2:]]
    shares = {"1": 1.0, "2": 0.0, None: EVEN}
    first = (shares[better[0]] + 1 - shares[better[1]]) / 2
    scores = [(word == "true") + share for word, share in zip(valid, (first, 1 - first), strict=True)]
    return scores, sum(said is None for said in (*valid, *better))


def _only(pattern: str, text: str) -> str | None:
    """What a text says of several words; None where it says none of them, or more than one."""
    words = {found.lower() for found in re.findall(pattern, text, re.IGNORECASE)}
    return words.pop() if len(words) == 1 else None
