"""Query likelihood: a document is as good as the query is likely to be asked about it (UPR, arXiv:2204.07496)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rankify.errors import Misuse
from rankify.llm.protocol import LLM, Method
from rankify.prompts.template import Template
from rankify.prompts.texts import harmless
from rankify.rerank.llm.asking import Asking
from rankify.rerank.llm.judge import Judge, Judgment, Question, taken


class QueryLikelihood(Judge):
    """The score is log p(query | prompt about the document), summed over the query's tokens.

    Args:
        end: the end-of-sequence token behind the query counts too, as UPR has it.

    Raises:
        Misuse: the backend cannot tell how likely that end is.
    """

    needs: ClassVar[Method] = "loglikelihood"

    def __init__(self, llm: LLM, template: Template, *, end: bool = False) -> None:
        self.llm, self.template, self.end = llm, template, end
        self.asking = Asking(llm, template)
        if end and not llm.ends:
            raise Misuse(f"{llm!r} cannot say how likely the end of a text is, which counts here: use hf: or vllm:")

    def __call__(self, questions: Sequence[Question]) -> list[Judgment]:
        queries = [question.query.text for question in questions]
        if self.template.query_tokens is not None:
            queries = self.llm.cut(queries, self.template.query_tokens)
        queries = [harmless(query, (), self.llm.special) for query in queries]
        continuations = [self.template.continued(query, self.llm) for query in queries]
        # 2: an end of the sequence, and a blank that is a token of its own
        prompts, counts = self.asking.prompts(questions, [n + 2 for n in self.llm.tokens(continuations)])
        replies = self.llm.loglikelihood(prompts, continuations, end=self.end)
        return [
            Judgment((reply.value,), counted + taken(reply)) for reply, counted in zip(replies, counts, strict=True)
        ]
