"""Methods that reason before they answer: chain of thought, once or by a vote."""

from __future__ import annotations

from collections import Counter

from rankify.errors import Misuse
from rankify.llm.protocol import LLM
from rankify.llm.sampling import Sampling, seed_of
from rankify.prompts.template import template
from rankify.rag.answers import marked, read, vote
from rankify.rag.flow import Flow, Found, Write, written
from rankify.rag.method import method
from rankify.rag.reader import Plan
from rankify.types import Ranking


@method(paper="chain of thought, arXiv:2201.11903, without examples as in arXiv:2205.11916")
def chain_of_thought(llm: LLM, *, max_tokens: int = 256, prompt: str = "chain-of-thought") -> Plan:
    """Reasons from the documents, then answers behind "The answer is:"; what stands before that is the reasoning.

    A reply that marks no answer, or an empty one, is counted as unreadable, and its answer is empty.

    Args:
        max_tokens: the most tokens of reasoning and answer together.
        prompt: another prompt file, which asks for a marked answer.
    """
    asks = template(prompt)

    def flow(ranking: Ranking) -> Flow:
        reply = yield from written(Write(template=asks, documents=list(ranking.documents), max_tokens=max_tokens))
        answer, reasoning = marked(reply.text) or ("", reply.text)
        text, counts = read(answer)
        return Found(text=text, reasoning=reasoning, shown=reply.shown, cites=reply.text, counts=counts)

    return Plan(answering=flow)


@method(paper="self-consistency, arXiv:2203.11171")
def self_consistency(
    llm: LLM, *, samples: int = 5, temperature: float = 0.7, top_p: float = 1.0, seed: int = 0, max_tokens: int = 256,
    prompt: str = "chain-of-thought",
) -> Plan:  # fmt: skip
    """Reasons several times, each time drawn anew; the answer that most come to wins, equal votes go to the earlier.

    Answers are the same when SQuAD's normalised texts are, without what they cite. The confidence is the winner's share
    of all samples, those included whose answer could not be read, which are counted as unreadable. Reasoning and
    citations are those of the first reply that gives the winner.

    Args:
        samples: how many replies are drawn.
        temperature, top_p: how, as for `Sampling`.
        seed: of all replies' random numbers; those of a reply depend on its question and number.
        max_tokens: the most tokens of a reply.
        prompt: another prompt file, which asks for a marked answer.
    """
    asks = template(prompt)
    if not isinstance(samples, int) or isinstance(samples, bool) or samples < 1:
        raise Misuse(f"samples={samples!r}: that is how many replies vote, a whole number above 0")
    Sampling(temperature, top_p, seed)

    def flow(ranking: Ranking) -> Flow:
        drawn = [Sampling(temperature, top_p, seed_of(seed, ranking.query.text, n)) for n in range(samples)]
        documents = list(ranking.documents)
        reply = yield from written(Write(template=asks, documents=documents, max_tokens=max_tokens, samplings=drawn))
        found = [marked(text) or ("", text) for text in reply.replies]
        text, share = vote([answer for answer, _ in found])
        first = next((n for n, (answer, _) in enumerate(found) if answer == text), 0)
        return Found(
            text=text, reasoning=found[first][1], shown=reply.shown, cites=reply.replies[first], confidence=share,
            counts=+Counter(unreadable=sum(answer == "" for answer, _ in found)),
        )  # fmt: skip

    return Plan(answering=flow, confident=True)
