"""Selective answering: any reader that knows how sure it is, which says nothing where it is not sure enough."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from math import isnan
from typing import Any

from rankify import registry
from rankify.errors import Misuse
from rankify.spec import Spec
from rankify.stages import Reader, Stage, is_number
from rankify.types import Answer, Run


def passes_on(model: str) -> tuple[Any, str]:
    """The factory of a reader and the model it runs: where the options go that are not the asker's own."""
    found = Spec.parse(model)
    return registry.find("reader", found.name), found.model


class Selective(Reader):
    """Gives the answers of a reader whose confidence is at least a threshold; the others are empty, and counted.

    An answer that is held back keeps its confidence, reasoning and contexts, and cites nothing; its usage has
    `abstained`. What the reader itself left empty stays so and is not counted. A threshold is on the reader's own
    scale; `rankify.evaluation.evaluate_confidence(...).threshold_at(risk)` finds that of a wanted risk.

    Args:
        model: the reader, e.g. self-consistency:http:gpt-4o-mini, or one that is built already.
        threshold: the least confidence of an answer that is given.
        options: the reader's own.

    Raises:
        Misuse: there is no threshold, or the reader does not say how sure it is.
    """

    name = "selective"
    passes_on = staticmethod(passes_on)

    def __init__(self, model: str | Reader, *, threshold: float | None = None, **options: Any) -> None:
        if not is_number(threshold) or isnan(threshold):
            raise Misuse(
                f"threshold={threshold!r}: selective holds back answers below a confidence; give threshold=0.6"
            )
        if isinstance(model, Reader) and options:
            raise Misuse(f"option {min(options)!r} belongs to {model!r}, which is built already")
        self.threshold = threshold
        self.reader: Reader = model if isinstance(model, Reader) else registry.load("reader", model, **options)
        if not self.reader.confident:
            raise self._unsure()
        self._abstained = 0

    @property
    def reads_first(self) -> bool:
        return self.reader.reads_first

    @property
    def confident(self) -> bool:
        return True

    @property
    def searches(self) -> bool:
        return self.reader.searches

    def searching_with(self, stage: Stage) -> Selective:
        found = copy(self)
        found.reader = self.reader.searching_with(stage)
        return found

    def read(self, run: Run) -> list[Answer]:
        """One answer a ranking, in order.

        Raises:
            Misuse: the reader gave an answer without a confidence.
        """
        answers = [self._given(answer) for answer in self.reader(run)]
        self._abstained = sum("abstained" in answer.usage for answer in answers)
        return answers

    def _given(self, answer: Answer) -> Answer:
        if not answer.text:
            return answer
        if answer.confidence is None or isnan(answer.confidence):
            raise self._unsure()
        if answer.confidence >= self.threshold:
            return answer
        return replace(answer, text="", citations=(), usage={**answer.usage, "abstained": 1})

    def _unsure(self) -> Misuse:
        return Misuse(f"{self.reader!r} does not say how sure it is of an answer; self-consistency, for one, does")

    def counts(self) -> dict[str, float]:
        """What the reader counted, and how many answers were held back."""
        return {**self.reader.counts(), "abstained": self._abstained}

    def __repr__(self) -> str:
        inner = Spec.parse(repr(self.reader))
        model = f"{inner.name}:{inner.model}" if inner.model else inner.name
        return str(Spec(self.name, model, {"threshold": self.threshold, **inner.options}))
