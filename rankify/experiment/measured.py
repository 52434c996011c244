"""What an experiment measures: rankings by their judgments, passages and answers by gold answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isnan, nan
from typing import TYPE_CHECKING, Any

import rankify
from rankify.errors import BadInput, UnknownName
from rankify.evaluation import Comparison, Evaluation, evaluate_answers, evaluate_passages
from rankify.evaluation.answers import BESIDE, OF_PASSAGES
from rankify.evaluation.golds import gold_answers
from rankify.evaluation.judged import by, needs_gold, of_judges
from rankify.evaluation.measures import computable, listed
from rankify.evaluation.names import answer_measures
from rankify.experiment.pairs import USUAL, Comparing
from rankify.types import Answer, Qrels, Query, Run

if TYPE_CHECKING:
    from rankify.datasets import Dataset


Judging = Callable[[list[Answer], dict[str, list[Any]], tuple[str, ...], Qrels | None], Evaluation]


@dataclass(frozen=True, slots=True)
class Measures:
    """The names of measures by what they look at.

    Attributes:
        rankings: nDCG@10, R@100, ...: which documents a ranking has, by judgments.
        passages: has_answer@5, ...: whether the best passages of a ranking hold a gold answer.
        answers: EM, F1, faithfulness, ...: whether an answer is a gold answer, or follows from what was read.
    """

    rankings: tuple[str, ...] = ()
    passages: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: str | Iterable[object]) -> Measures:
        """Measures by their names, each of which can be read and be computed here.

        Raises:
            Misuse, UnknownName, MissingExtra: one cannot; the message says which.
        """
        found = listed(names)
        passages = tuple(name for name in found if name.partition("@")[0] in OF_PASSAGES)
        answers = tuple(name for name in found if name in answer_measures() or of_judges(name))
        answers = tuple(name for name in answers if name not in passages)
        rankings = tuple(name for name in found if name not in {*answers, *passages})
        _refuse_misspelt(rankings)
        if rankings:
            computable(rankings)
        tried = Query("tried", "", {"answers": ["answer"]})
        for name in filter(of_judges, answers):
            needs_gold(name)  # says what cannot be read
        if own := [name for name in answers if not of_judges(name)]:
            evaluate_answers([Answer(query=tried, text="answer")], measures=own)
        if passages:
            evaluate_passages(Run.of([tried]), measures=passages)
        return cls(rankings, passages, answers)

    @property
    def of_rankings(self) -> tuple[str, ...]:
        """Those that a system has whether it answers or not."""
        return (*self.rankings, *self.passages)

    @property
    def judged(self) -> tuple[str, ...]:
        """Those of answers that ask models."""
        return tuple(filter(of_judges, self.answers))

    def by_judge(self) -> list[tuple[str, ...]]:
        """The same, those that are computed together side by side."""
        return [tuple(n for n in self.judged if by(n) == one) for one in dict.fromkeys(map(by, self.judged))]

    def refuse(self, data: Dataset) -> None:
        """Raises BadInput where a dataset lacks what they need: judgments, or gold answers, one of which answers."""
        if self.rankings and not len(data.qrels):
            raise BadInput(f"it has no relevance judgments, so {self.rankings[0]} cannot be measured")
        wanted = [*(n for n in self.answers if not of_judges(n) or needs_gold(n)), *self.passages]
        if wanted and not any(data.answers.values()):
            raise BadInput(
                f"none of its {len(data.queries):,} questions has gold answers, so {wanted[0]} cannot be measured; "
                'queries have them under "answers"'
            )
        if {*wanted} - BESIDE.keys():
            gold_answers((), data.answers)  # which have to be texts


def _refuse_misspelt(names: Iterable[str]) -> None:
    """Raises UnknownName for a measure of answers or passages that is written with other capitals."""
    known = answer_measures()
    for name in names:
        family = name.partition("@")[0].partition("(")[0]
        if family.lower() in {own.lower() for own in known}:
            raise UnknownName.among("measure", family, known)


def golds(data: Dataset) -> dict[str, list[Any]]:
    """The gold answers of the questions that are asked, as the dataset has them."""
    return data.answers


def measured(
    measures: Measures, data: Dataset, run: Run, answers: Iterable[Answer] | None, judged: Judging | None = None
) -> list[Evaluation]:
    """Measures of a system: of its rankings, of their passages and of its answers, as far as these are wanted.

    Args:
        run: its rankings, with the texts of documents where passages are measured.
        answers: those that it gave, if it ends in a reader.
        judged: computes those that ask models, of answers, gold answers, names and judgments.
    """
    found = []
    if measures.rankings:
        found.append(rankify.evaluate(run, data.qrels, measures.rankings, rel=data.rel))
    if measures.passages:
        found.append(evaluate_passages(run, data.answers, measures.passages))
    if answers is None:
        return found
    given, qrels = list(answers), data.qrels or None
    if own := [name for name in measures.answers if not of_judges(name)]:
        counted = (answer for answer in given if answer.query.id in data.answers)
        found.append(evaluate_answers(counted, data.answers, own, qrels=qrels))
    if judged is not None:
        found += [judged(given, data.answers, names, qrels) for names in measures.by_judge()]
    return found


def joined(parts: Iterable[Evaluation]) -> Evaluation:
    """Several evaluations as one; a query that one of them does not count has no value there: NaN."""
    found = list(parts)
    queries = tuple(dict.fromkeys(query for one in found for query in one.queries))
    return Evaluation(
        means={name: mean for one in found for name, mean in one.items()},
        per_query={
            name: {query: row.get(query, nan) for query in queries}
            for one in found
            for name, row in one.per_query.items()
        },
        queries=queries,
        counts=sum((Counter(one.counts) for one in found), Counter()),
        reasons={name: why for one in found for name, why in one.reasons.items()},
    )


def compared(
    systems: Mapping[str, list[Evaluation]], baseline: str, names: Iterable[str], how: Comparing = USUAL
) -> Comparison | None:  # fmt: skip
    """The systems that have some measures, against the baseline, or against the first of them where it has none.

    None where there is nothing to compare: one system, or a single query. A measure that has no value for a query of
    one of the systems is left out: it cannot be compared by query.

    Args:
        systems: what was measured of each.
        baseline: against which, where not every two are compared.
        names: the measures that are compared; those of one evaluation share their queries.
        how: which pairs, and by which test.
    """
    wanted = set(names)
    having = {s: [one for one in parts if wanted.intersection(one)] for s, parts in systems.items()}
    having = {system: parts for system, parts in having.items() if parts}
    if len(having) < 2:
        return None
    against = None if how.all_pairs else baseline if baseline in having else next(iter(having))
    tested = partial(
        rankify.compare, baseline=against, alpha=how.alpha, correction=how.correction, decided_by=how.test
    )  # fmt: skip
    sides = [_known(parts) for parts in zip(*having.values(), strict=True) if len(parts[0].queries) > 1]
    found = [tested(dict(zip(having, parts, strict=True))) for parts in sides if parts[0]]
    if not found:
        return None
    means = {s: {name: mean for one in found for name, mean in one.means[s].items()} for s in having}
    differences = tuple(difference for one in found for difference in one.differences)
    return replace(found[0], means=means, differences=differences, queries=max(one.queries for one in found))


def _known(parts: Sequence[Evaluation]) -> list[Evaluation]:
    """Evaluations over the same queries, with the measures that have a value for each query of each."""
    holes = {name for one in parts for name, row in one.per_query.items() if any(map(isnan, row.values()))}
    return [replace(one, means={name: mean for name, mean in one.items() if name not in holes}) for one in parts]
