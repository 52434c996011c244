"""Pointwise relevance: one document at a time, scored by the likelihoods of the possible answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import exp, isinf, log, nan
from typing import ClassVar, Literal

from rankify.errors import Misuse
from rankify.llm.protocol import LLM, Method
from rankify.prompts.template import Template
from rankify.rerank.llm.asking import Asking
from rankify.rerank.llm.judge import Judge, Judgment, Question, taken

Reading = Literal["expected", "log-probability", "difference", "logit"]


class Relevance(Judge):
    """One score a document, from the likelihoods of the choices among each other.

    Args:
        choices: the possible answers, each exactly as the model would write it, and what it is worth.
        reading: expected (the worth of each answer by its probability: of yes = 1 and no = 0 that is the probability of
            yes; of grades the expected grade, arXiv:2310.14122, equation 3); log-probability of the first choice
            (monoT5, arXiv:2003.06713); difference of the first two choices' logits; or logit of the first.
        asking: how prompts are made; as the template says if not given.
    """

    needs: ClassVar[Method] = "choose"

    def __init__(
        self, llm: LLM, template: Template, *, choices: Mapping[str, float] | None = None,
        reading: Reading = "expected", asking: Asking | None = None,
    ) -> None:  # fmt: skip
        self.llm, self.template, self.reading = llm, template, reading
        worths = choices or template.choices or {}
        self.choices = dict(zip(spelled(llm, worths), worths.values(), strict=True))
        self.asking = asking or Asking(llm, template)
        if reading == "logit" and not llm.raw_logits:
            raise Misuse(
                f"{llm!r} gives probabilities, which do not compare across prompts, and prompt {template.name!r} needs "
                "logits: run the model with hf:"
            )

    def __call__(self, questions: Sequence[Question]) -> list[Judgment]:
        prompts, counts = self.asking.prompts(questions, [1] * len(questions))
        replies = self.llm.choose(prompts, [list(self.choices)] * len(prompts))
        judged = []
        for reply, counted in zip(replies, counts, strict=True):
            missing = sum(map(isinf, reply.value))
            unreadable = missing == len(reply.value) or (missing and self.reading == "difference")
            score = nan if unreadable else self.score(reply.value)
            defects = Counter(unreadable=1) if unreadable else Counter(repaired=1, missing_choices=missing)
            judged.append(Judgment((score,), counted + taken(reply) + (defects if missing else Counter())))
        return judged

    def score(self, logits: Sequence[float]) -> float:
        """The score from the choices' logits, or log-probabilities up to a constant."""
        if self.reading == "logit":
            return logits[0]
        if self.reading == "difference":
            return logits[0] - logits[1]
        most = max(logits)
        weights = [exp(value - most) for value in logits]
        if self.reading == "log-probability":
            return logits[0] - most - log(sum(weights))
        return sum(w * worth for w, worth in zip(weights, self.choices.values(), strict=True)) / sum(weights)


def spelled(llm: LLM, choices: Iterable[str]) -> list[str]:
    """Possible answers as the model would write them: a decoder's first word begins with a blank."""
    if not llm.encoder_decoder:
        return list(choices)
    return [choice if choice in llm.special else f" {choice.strip()}" for choice in choices]
