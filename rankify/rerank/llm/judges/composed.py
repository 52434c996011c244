"""Judges made of other judges: which models they ask, and what each of those took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rankify.llm.protocol import LLM
from rankify.rerank.llm.judge import Judge, Judgment, Question

TOKENS = ("prompt_tokens", "generated_tokens")


class Composed(Judge):
    """Asks through its parts. Its backend and its template are those of the first part.

    Where several models are asked, judgments count the tokens of each beside those of all, under keys as `tokens_of`
    has them, so that each can have a price of its own.
    """

    def __init__(self, parts: Sequence[Judge]) -> None:
        self.parts = tuple(parts)
        self.llm, self.template = parts[0].llm, parts[0].template

    def ask(self, part: Judge, questions: Sequence[Question]) -> list[Judgment]:
        """What a part says."""
        judgments = part(questions)
        names = {llm.model for llm in models(part)}
        if len(names) > 1 or len({llm.model for llm in models(self)}) == 1:
            return judgments
        [model] = names
        return [
            Judgment(j.scores, j.counts + Counter({tokens_of(kind, model): j.counts[kind] for kind in TOKENS}))
            for j in judgments
        ]


def tokens_of(kind: str, model: str) -> str:
    """The name under which the tokens of one model are counted.

    >>> tokens_of("prompt_tokens", "gpt-4o")
    'prompt_tokens of gpt-4o'
    """
    return f"{kind} of {model}"


def leaves(judge: Judge) -> list[Judge]:
    """The judges that ask a model themselves."""
    return [leaf for part in judge.parts for leaf in leaves(part)] if isinstance(judge, Composed) else [judge]


def models(judge: Judge) -> list[LLM]:
    """The backends that are asked, each once."""
    return list({id(leaf.llm): leaf.llm for leaf in leaves(judge)}.values())


def unread(judgment: Judgment, judge: Judge) -> bool:
    """Whether not one reply to a question could be read, so that its scores are no opinion."""
    return judgment.counts["unreadable"] >= judge.calls
