"""Best of n: several replies, drawn at random, and the one that a scorer likes best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from statistics import fmean

from rankify.documents import Document
from rankify.errors import Misuse
from rankify.llm.protocol import LLM
from rankify.llm.sampling import Sampling, seed_of
from rankify.prompts.template import template
from rankify.rag import scoring
from rankify.rag.answers import first_line, marked
from rankify.rag.flow import Flow, Found, Score, Write, written
from rankify.rag.method import method
from rankify.rag.reader import Plan
from rankify.types import Ranking

LIKELIHOOD = "likelihood"


@method(paper="over-generation and re-ranking as in RankGen, arXiv:2205.09726, with any scorer", reads={"marked"})
def best_of_n(
    llm: LLM, *, samples: int = 5, scorer: str = LIKELIHOOD, passages: bool = False, temperature: float = 1.0,
    top_p: float = 0.9, seed: int = 0, max_tokens: int = 32, prompt: str = "basic",
) -> Plan:  # fmt: skip
    """Draws several replies and gives the one with the best score; equal scores go to the earlier reply.

    A scorer reads each answer as a document and the question as its query. By likelihood, the best reply is the one
    whose tokens had the largest mean log-probability when the model wrote it (Meena's sample-and-rank,
    arXiv:2001.09977). An answer that was drawn twice is scored once, as the first of them. Replies that say nothing are
    counted as unreadable and never win. The score is the confidence.

    Args:
        samples: how many replies are drawn; RankGen draws 20.
        scorer: "likelihood", of a backend that tells it while it writes; "bm25"; or the spec of a reranker or an
            encoder.
        passages: whether the scorer reads the documents that were shown before the question, as RankGen reads what
            stands before a text; else the question alone.
        temperature, top_p: how replies are drawn, as for `Sampling`.
        seed: of all replies' random numbers; those of a reply depend on its question and number.
        max_tokens: the most tokens of a reply, whose first line counts.
        prompt: another prompt file, which shows documents; one that asks for a marked answer is read so.
    """
    asks, load = template(prompt), cache(lambda: scoring.scorer(scorer))
    _refuse(llm, samples, scorer)
    Sampling(temperature, top_p, seed)

    def flow(ranking: Ranking) -> Flow:
        drawn = [Sampling(temperature, top_p, seed_of(seed, ranking.query.text, n)) for n in range(samples)]
        documents = list(ranking.documents)
        own = scorer == LIKELIHOOD
        write = Write(template=asks, documents=documents, max_tokens=max_tokens, samplings=drawn, logprobs=own)
        reply = yield from written(write)
        found = [marked(text) or (first_line(text), "") for text in reply.replies]
        texts = [text for text, _ in found]
        firsts = [place for place, text in enumerate(texts) if text and texts.index(text) == place]
        counts = +Counter(scored=len(firsts), unreadable=texts.count(""))
        if not firsts:
            return Found(text="", shown=reply.shown, counts=counts)
        if own:
            scores = [fmean(likely for _, likely in reply.logprobs[place]) for place in firsts]
        else:
            question = _question(ranking.query.text, reply.shown if passages else ())
            [scores] = yield [Score(scorer=load(), asks=question, texts=[texts[place] for place in firsts])]
        best = firsts[scores.index(max(scores))]
        return Found(
            text=texts[best], reasoning=found[best][1], shown=reply.shown, cites=reply.replies[best],
            confidence=max(scores), counts=counts,
        )  # fmt: skip

    return Plan(answering=flow, confident=True)


def _refuse(llm: LLM, samples: int, scorer: str) -> None:
    """Raises where nothing could be drawn or scored."""
    if not isinstance(samples, int) or isinstance(samples, bool) or samples < 1:
        raise Misuse(f"samples={samples!r}: that is how many replies are drawn, a whole number above 0")
    if scorer != LIKELIHOOD:
        scoring.refuse_unknown(scorer)
    elif not llm.gives_logprobs:
        raise Misuse(
            f"{llm!r} does not tell how likely a reply is; name a scorer of replies, e.g. scorer=cross-encoder:MODEL"
        )


def _question(asked: str, shown: Sequence[Document]) -> str:
    """The question, behind the documents that the scorer reads with it."""
    return "\n\n".join([*(f"{document.title}\n{document.text}".strip() for document in shown), asked])
