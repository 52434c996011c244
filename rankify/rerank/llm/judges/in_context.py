"""In-context scores: how much more a model looks at a document for the query than for none (ICR, arXiv:2410.02642)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Document
from rankify.errors import Misuse
from rankify.llm.protocol import LLM, Attention, Method, Prompt, Reply, Shown
from rankify.prompts.template import Template
from rankify.rerank.llm.asking import Asking
from rankify.rerank.llm.judge import Judge, Judgment, Question, taken

NO_QUERY = "N/A"  # a query without content, which shows what the model looks at whatever it is asked


@dataclass(frozen=True, slots=True)
class Scoring:
    """What of a model's attention makes a score.

    Args:
        query: whether it is asked about the query.
        bias: whether it is asked about no query, too; a token's score is then how much more it gets for the query.
        last: whether only the prompt's last token looks, instead of all behind the documents.
        masked: whether tokens far below the others of their document are left out.
    """

    query: bool = True
    bias: bool = False
    last: bool = False
    masked: bool = False


# each with its name in the published code
SCORINGS = {
    "masked": Scoring(bias=True, masked=True),  # masked_NA_calibration
    "calibrated-last": Scoring(bias=True, last=True),  # NA_calibration_no_agg
    "uncalibrated": Scoring(),  # query_last
    "attention-sorting": Scoring(last=True),  # attention_sorting
    "bias": Scoring(query=False, bias=True),  # NA_only
}


class InContext(Judge):
    """A document's score is the sum of its tokens' (arXiv:2410.02642, section 3), its label in the prompt included.

    Args:
        scoring: what of the attention makes a score.
        best_last: whether documents are shown from the last one to the first, so that the best are nearest the query.
        words: the most words of a document's text, as blanks part them; None for all.

    Raises:
        Misuse: the model's replies come from a decoder of their own, which does not look back at a prompt's tokens.
    """

    needs: ClassVar[Method] = "attend"

    def __init__(
        self, llm: LLM, template: Template, *, scoring: Scoring, best_last: bool = True, words: int | None = None
    ) -> None:
        if llm.encoder_decoder:
            raise Misuse(f"{llm!r} is an encoder-decoder, and prompt {template.name!r} needs a decoder-only model")
        self.llm, self.template, self.scoring, self.best_last, self.words = llm, template, scoring, best_last, words
        self.calls = scoring.query + scoring.bias
        self.asking = Asking(llm, template)

    def __call__(self, questions: Sequence[Question]) -> list[Judgment]:
        shown = [self._shown(question) for question in questions]
        room = self.llm.tokens([NO_QUERY])[0] + 2  # for what stands in place of the query: the texts stay the same
        prompts, counts = self.asking.prompts(shown, [room] * len(shown))
        asked = [list(self._asked(prompt, question)) for prompt, question in zip(prompts, shown, strict=True)]
        replies = iter(self.llm.attend(list(chain.from_iterable(asked)), last=self.scoring.last))
        return [
            self._judged(question, counted, [next(replies) for _ in own])
            for question, counted, own in zip(questions, counts, asked, strict=True)
        ]

    def _shown(self, question: Question) -> Question:
        documents = [
            Document(document.id, first_of(document.text, self.words), document.title)
            for document in question.documents
        ]
        return Question(question.query, documents[::-1] if self.best_last else documents)

    def _asked(self, prompt: Prompt, question: Question) -> Sequence[Prompt]:
        """The prompts of a question, without the query first: both begin with the same documents."""
        texts = [prompt.plain[start:end] for start, end in prompt.spans]
        shown = Shown("", tuple(document.id for document in question.documents), (), self.template.reads)
        without = self.template.render(NO_QUERY, texts, shown, prompt.prefill)
        return [labelled(one) for one, asked in ((without, self.scoring.bias), (prompt, self.scoring.query)) if asked]

    def _judged(self, question: Question, counted: Counter[str], replies: Sequence[Reply[Attention]]) -> Judgment:
        tokens = [np.array(document) for document in replies[-1].value]
        if len(replies) > 1:
            tokens = [query - np.array(bias) for query, bias in zip(tokens, replies[0].value, strict=True)]
        scores = [float((kept(own) if self.scoring.masked else own).sum()) for own in tokens]
        cut = sum(first_of(document.text, self.words) != document.text for document in question.documents)
        took = counted + Counter(asked=len(replies) - 1) + sum(map(taken, replies), Counter())
        took["truncated"] = max(took["truncated"], cut)
        return Judgment(tuple(scores[::-1] if self.best_last else scores), took)


def kept(tokens: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores of a document's tokens without those two standard deviations below their mean, or further.

    >>> kept(np.array([1.0, 1, 1, 1, 1, 1, -9])).tolist(), kept(np.array([-3.0])).tolist()
    ([1.0, 1.0, 1.0, 1.0, 1.0, 1.0], [-3.0])
    """
    if len(tokens) < 2:
        return tokens
    few: NDArray[np.float64] = tokens[tokens > tokens.mean() - 2 * tokens.std(ddof=1)]
    return few


def labelled(prompt: Prompt) -> Prompt:
    """The prompt with the label of each document, "[3] ", as a part of it: its tokens count too, as published."""
    return replace(prompt, spans=tuple((prompt.plain.rindex("[", 0, start), end) for start, end in prompt.spans))


def first_of(text: str, words: int | None) -> str:
    """The first words of a text as blanks part them; line breaks are parts of words and stay.

    >>> first_of("one two\\nthree four", 2), first_of("one  two", None)
    ('one two\\nthree', 'one  two')
    """
    return text if words is None else " ".join(text.split(" ")[:words])
