"""What a judge is: one way to ask a model about a few documents, and to read its answer as one score for each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from rankify.documents import Document
from rankify.errors import Misuse
from rankify.llm.protocol import LLM, Method, Reply
from rankify.prompts.template import Template
from rankify.types import Query


@dataclass(frozen=True, slots=True)
class Question:
    """A query and the documents to show, in the order in which they are shown.

    Args:
        labels: which of the prompt's identifiers each document gets, counted from 0; in their order if not given.
        select: how many of the best are to be chosen, where a prompt asks for that.
    """

    query: Query
    documents: Sequence[Document]
    labels: Sequence[int] | None = None
    select: int | None = None


@dataclass(frozen=True, slots=True)
class Judgment:
    """One score for each document shown, higher is better; equal scores keep the present order.

    Args:
        scores: NaN for a document shown alone where the reply says nothing of it: it keeps its place.
        counts: what the question took and what was wrong with the reply: asked (prompts), prompt_tokens,
            generated_tokens, cached, estimated (replies whose server counts no tokens), unreadable, repaired, truncated
            (documents cut to fit), and each defect by name.
    """

    scores: tuple[float, ...]
    counts: Counter[str] = field(default_factory=Counter)


class Judge(ABC):
    """Asks `llm` about documents. Subclasses differ in how a reply becomes scores.

    Args:
        calls: how many prompts one question takes.
        needs: what the backend must offer.
    """

    needs: ClassVar[Method]
    llm: LLM
    template: Template
    calls: int = 1

    @abstractmethod
    def __call__(self, questions: Sequence[Question]) -> list[Judgment]:
        """The judgment of each question, all asked together.

        Raises:
            LLMFailed: the backend failed; a failure is never read as a judgment.
        """


def needs_beginning(llm: LLM, template: Template) -> None:
    """Raises Misuse where labels are read behind a beginning of the reply that the backend cannot set."""
    if (template.prefill or template.decoder_prefill) and not llm.prefills:
        raise Misuse(
            f"{llm!r} cannot go on from a beginning of the reply ({template.prefill!r}), where prompt "
            f"{template.name!r} reads its labels: use hf:, vllm:, or a server's api=completions"
        )


def taken(reply: Reply[Any]) -> Counter[str]:
    """What a reply took, as counts of a judgment; a remembered one took nothing now."""
    if reply.cached:
        return Counter(cached=1)
    counts = Counter(prompt_tokens=reply.prompt_tokens, generated_tokens=reply.generated_tokens)
    return counts + Counter(estimated=int(reply.estimated))
