"""One judge for documents that are shown alone, another for pairs: algorithms that ask in two ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rankify.rerank.llm.judge import Judge, Judgment, Question
from rankify.rerank.llm.judges.composed import Composed


class BySize(Composed):
    """Asks the judge that is named for as many documents as a question shows.

    Args:
        judges: for each number of documents, who judges them. Each takes one prompt a question.
    """

    def __init__(self, judges: Mapping[int, Judge]) -> None:
        super().__init__(list(judges.values()))
        self.sizes = dict(judges)

    def __call__(self, questions: Sequence[Question]) -> list[Judgment]:
        judged: dict[int, Judgment] = {}
        for size, judge in self.sizes.items():
            places = [place for place, question in enumerate(questions) if len(question.documents) == size]
            if places:
                judgments = self.ask(judge, [questions[place] for place in places])
                judged.update(zip(places, judgments, strict=True))
        return [judged[place] for place in range(len(questions))]
