"""FLARE: looks a sentence ahead, and searches for what it is about to say where the model is not sure of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import exp
from typing import Any

from rankify.documents import Document
from rankify.errors import Misuse
from rankify.llm.pieces import part
from rankify.llm.protocol import LLM, Logprobs
from rankify.prompts.template import Template, template
from rankify.rag.answers import marked, read
from rankify.rag.flow import Flow, Found, Request, Write, Written, searched, written
from rankify.rag.method import method
from rankify.rag.reader import Plan
from rankify.rag.transcript import Transcript
from rankify.stages import is_number, positive
from rankify.text.sentences import sentences
from rankify.types import Ranking


@method(
    paper="FLARE, arXiv:2305.06983, FLARE-direct with implicit queries; the numbers are FlashRAG's, arXiv:2405.13576",
    reads={"marked"},
    bare=True,
)
def flare(
    llm: LLM, *, threshold: float = 0.2, beta: float | None = None, look_ahead: int = 64, steps: int = 5,
    max_tokens: int = 256, prompt: str = "flare",
) -> Plan:  # fmt: skip
    """Writes sentence by sentence, and searches where the next one has a token that is not likely enough.

    Each sentence is first written without documents. If all of its tokens have the probability `threshold`, it stays.
    Otherwise its tokens that have the probability `beta`, a blank in place of the others, are searched for, and the
    sentence is written again with the documents found; what comes then stays. It ends where the model ends.

    A sentence of which no word is left to search for stays as it is, and so does one for which nothing is found, or
    nothing is written again; these are counted as `unsearched`, `unfound` and `unreadable`. Sentences count as `steps`,
    those that were written again as `rewritten`. The answer is what stands behind "The answer is:", or all of the text
    where that is nowhere; a text that the limits ended before its answer is counted as unanswered, and one without any
    as unreadable, too. Documents of several searches have the same numbers, so that none is cited. Needs a backend that
    tells how likely its tokens are.

    Args:
        threshold: the least probability of a token of a sentence that stays; the paper's theta.
        beta: the least probability of a token that is searched for; `threshold` if None.
        look_ahead: the most tokens of what is written at once, of which the first sentence counts.
        steps: how many sentences it writes at most.
        max_tokens: how many tokens all of them have at most.
        prompt: another prompt file, which shows documents. One without `so_far` needs a backend that can go on from a
            beginning of the reply.
    """
    asks, least = template(prompt), threshold if beta is None else beta
    positive(steps)
    for name, value in (("threshold", threshold), ("beta", least)):
        if not (is_number(value) and 0 <= value <= 1):
            raise Misuse(f"{name}={value!r}: it is a probability, from 0 to 1")
    if not llm.gives_logprobs:
        raise Misuse(f"flare needs to know how likely each token is, which {llm!r} does not tell: use hf: or vllm:")
    if "so_far" not in asks.values and not llm.prefills:
        raise Misuse(f"{llm!r} cannot go on from a beginning of the reply: use a prompt with so_far, or hf: or vllm:")

    def flow(ranking: Ranking) -> Flow:
        so_far, tokens, counts, shown = Transcript(), 0, Counter[str](), dict[str, Document]()
        over = False
        while not over and counts["steps"] < steps and tokens < max_tokens:
            most = min(look_ahead, max_tokens - tokens)
            next_one = yield from _next(asks, so_far, most)
            if not next_one.text.strip():
                over = True
                break
            counts["steps"] += 1
            if next_one.unsure(threshold):
                next_one = yield from _informed(next_one, next_one.query(least), asks, so_far, most, counts)
            shown |= {document.id: document for document in next_one.shown}
            so_far, over = so_far + _apart(str(so_far), next_one.text), next_one.last
            tokens += len(next_one.logprobs)
        mark = marked(str(so_far))
        answer, reasoning = mark or (str(so_far).strip(), "")
        text, unread = read(answer)
        counts["unanswered"] = int(not text or not (over or mark))
        return Found(text=text, reasoning=reasoning, shown=list(shown.values()), cites="", counts=+counts + unread)

    return Plan(answering=flow, searches=True, reads_first=False)


@dataclass(frozen=True, slots=True)
class Next:
    """The next sentence, as it was written.

    Args:
        text: with the blanks before it.
        logprobs: of its tokens.
        last: whether nothing comes behind it.
        shown: the documents that it was written from.
    """

    text: str
    logprobs: Logprobs
    last: bool
    shown: tuple[Document, ...]

    @classmethod
    def of(cls, reply: Written) -> Next:
        """The first sentence of a reply.

        >>> told = (" Dr. A", -0.1), (" is 1", -0.2), (". B is", -0.3)
        >>> Next.of(Written(replies=(" Dr. A is 1. B is",), finished=(False,), logprobs=(told,))).logprobs
        ((' Dr. A', -0.1), (' is 1', -0.2), ('.', -0.3))
        """
        said, [finished] = reply.replies[0], reply.finished
        end = _first_end(said)
        text = said[:end] if said[end:].strip() else said
        own = reply.logprobs[0]
        spelled = "".join(piece for piece, _ in own) == said
        return cls(text, part(own, 0, len(text)) if spelled else own, finished and text == said, reply.shown)

    def unsure(self, threshold: float) -> bool:
        """Whether a token has not that probability."""
        return any(exp(logprob) < threshold for _, logprob in self.logprobs)

    def query(self, least: float) -> str:
        """The tokens that have that probability, a blank in place of the others; "" where no word is among them.

        >>> Next("", ((" Ann", -0.1), (" Hy", -0.2), ("po", -3.0), ("crite", -0.1)), False, ()).query(0.2)
        'Ann Hy crite'
        """
        kept = " ".join("".join(text if exp(p) >= least else " " for text, p in self.logprobs).split())
        return kept if any(map(str.isalnum, kept)) else ""


def _first_end(text: str) -> int:
    """Where the first sentence of a text ends, at the last of its letters and signs."""
    first = next(iter(sentences(text)), None)
    letters = sum(not char.isspace() for char in first.text) if first else 0
    places = (place for place, char in enumerate(text) if not char.isspace())
    return next(islice(places, letters - 1, None), len(text) - 1) + 1 if letters else len(text)


def _next(
    asks: Template, so_far: Transcript, most: int, documents: Sequence[Document] = ()
) -> Generator[list[Request], list[Any], Next]:
    """The sentence that the model writes behind a text."""
    where: dict[str, Any] = {"values": {"so_far": so_far}} if "so_far" in asks.values else {"begins": so_far}
    request = Write(template=asks, documents=documents, max_tokens=most, logprobs=True, **where)
    reply = yield from written(request)
    return Next.of(reply)


def _informed(
    before: Next, query: str, asks: Template, so_far: Transcript, most: int, counts: Counter[str]
) -> Generator[list[Request], list[Any], Next]:
    """The sentence written again with what is found about it, or the same one where that cannot be."""
    if not query:
        counts["unsearched"] += 1
        return before
    [found] = yield from searched([query])
    if not len(found):
        counts["unfound"] += 1
        return before
    again = yield from _next(asks, so_far, most, list(found.documents))
    if not again.text.strip():
        counts["unreadable"] += 1
        return before
    counts["rewritten"] += 1
    return again


def _apart(text: str, sentence: str) -> str:
    """The next sentence of a text, with a blank before it where neither has one and another sentence ends there.

    >>> _apart("One.", "Two."), _apart("One.", " Two."), _apart("On", "e."), _apart("", " One.")
    (' Two.', ' Two.', 'e.', ' One.')
    """
    whole = sentences(text)
    apart = whole and whole[-1].whole and text[-1].isascii() and not text[-1].isspace() and not sentence[0].isspace()
    return f" {sentence}" if apart else sentence
