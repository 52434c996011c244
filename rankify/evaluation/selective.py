"""What it is worth to answer only where a reader is confident: risk against coverage, and thresholds for a wanted risk.

El-Yaniv and Wiener, JMLR 2010; AURC and E-AURC: Geifman, Uziel and El-Yaniv, arXiv:1805.08206.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import exp, isnan, lgamma, log, log1p, nan
from statistics import fmean

from rankify.errors import BadInput, Misuse, UnknownName
from rankify.evaluation.answers import OF_ANSWERS, evaluate_answers
from rankify.evaluation.golds import Gold
from rankify.evaluation.printed import table
from rankify.types import Answer


@dataclass(frozen=True, kw_only=True)
class Confidence:
    """How much a reader's confidence says: the curve of risk against coverage, and what sums it up.

    An answer's loss is 1 less its measure. The risk of a threshold is the mean loss of the answers whose confidence is
    at least that; its coverage is their share of all questions. Answers of one confidence are given together or not
    at all, so the curve has one point for each confidence. An empty answer is none: no threshold gives it.

    Attributes:
        measure: what an answer is worth.
        thresholds: the confidences of the answers, each once, the largest first.
        coverages, risks: of each threshold.
        losses: of each answer, the most confident first; of one confidence, in the order of the questions.
        confidences: of each of these.
        questions: how many questions there are.
    """

    measure: str
    thresholds: tuple[float, ...]
    coverages: tuple[float, ...]
    risks: tuple[float, ...]
    losses: tuple[float, ...]
    confidences: tuple[float, ...]
    questions: int

    @property
    def coverage(self) -> float:
        """The share of the questions that are answered at all."""
        return len(self.losses) / self.questions

    @property
    def risk(self) -> float:
        """The mean loss of all answers; NaN where there is none."""
        return fmean(self.losses) if self.losses else nan

    @property
    def aurc(self) -> float:
        """The area under the curve: the mean risk, each answer's confidence taken as the threshold once.

        NaN where there is no answer.
        """
        risks = dict(zip(self.thresholds, self.risks, strict=True))
        return fmean(risks[confidence] for confidence in self.confidences) if self.losses else nan

    @property
    def e_aurc(self) -> float:
        """AURC less that of the best order of the same answers, which gives those of less loss first, one by one.

        0 is the best; NaN where there is no answer.
        """
        total, means = 0.0, []
        for number, loss in enumerate(sorted(self.losses), 1):
            total += loss
            means.append(total / number)
        return self.aurc - fmean(means) if means else nan

    @property
    def auroc(self) -> float:
        """How often a right answer is more confident than a wrong one; of equal confidence half of the time.

        NaN where all answers are right or all are wrong, and for a measure that has values between 0 and 1.
        """
        if {*self.losses} != {0.0, 1.0}:
            return nan
        wins, wrong_below = 0.0, 0
        pairs = zip(reversed(self.confidences), reversed(self.losses), strict=True)
        for _, group in groupby(pairs, key=lambda pair: pair[0]):
            own = [loss for _, loss in group]
            wrong = own.count(1.0)
            wins += (len(own) - wrong) * (wrong_below + wrong / 2)
            wrong_below += wrong
        return wins / (wrong_below * (len(self.losses) - wrong_below))

    def coverage_at(self, risk: float) -> float:
        """The largest coverage of a threshold whose risk is not above this one; 0 where there is none."""
        return max((c for c, r in zip(self.coverages, self.risks, strict=True) if r <= risk), default=0.0)

    def risk_at(self, coverage: float) -> float:
        """The risk of the largest threshold that covers at least so much.

        Raises:
            Misuse: no threshold covers that much.
        """
        for covered, risk in zip(self.coverages, self.risks, strict=True):
            if covered >= coverage:
                return risk
        raise Misuse(f"coverage={coverage}: {self.coverage:.4g} of the questions are answered at all")

    def threshold_at(self, risk: float, *, delta: float | None = None) -> float:
        """The threshold of the largest coverage whose risk is not above this one, for `selective`.

        Args:
            delta: the threshold keeps the risk on other questions of the same kind, except with this probability: by
                the binomial bound of Selection with Guaranteed Risk (arXiv:1705.08500), for measures of 0 and 1
                alone. If None, the risk is that of the questions at hand, and may be larger on others.

        Raises:
            Misuse: delta is no probability.
            BadInput: no threshold has so little risk, or a measure between 0 and 1 has no such bound.
        """
        if delta is None:
            kept = [t for t, r in zip(self.thresholds, self.risks, strict=True) if r <= risk]
        else:
            kept = self._guaranteed(risk, delta)
        if not kept:
            surely = "" if delta is None else f", except with probability {delta}"
            raise BadInput(f"no threshold keeps the risk at {risk} or below{surely}, with {len(self.losses)} answers")
        return min(kept)

    def _guaranteed(self, risk: float, delta: float) -> list[float]:
        """The thresholds that the search of the paper's algorithm 2 found to keep the risk."""
        if not 0 < delta < 1 or not 0 < risk < 1:
            raise Misuse(f"risk={risk}, delta={delta}: both are probabilities above 0 and below 1")
        if not {*self.losses} <= {0.0, 1.0}:
            raise BadInput(f"{self.measure} has values between 0 and 1, for which there is no bound; EM has none")
        steps, kept = len(self.thresholds).bit_length(), list[float]()  # as many as the search can take
        low, high = 0, len(self.thresholds) - 1  # between the most confident answer alone and all answers
        while low <= high:
            place = (low + high + 1) // 2
            given = sum(confidence >= self.thresholds[place] for confidence in self.confidences)
            if binomial(round(self.risks[place] * given), given, risk) <= delta / steps:
                kept.append(self.thresholds[place])
                low = place + 1
            else:
                high = place - 1
        return kept

    def __str__(self) -> str:
        rows = [
            [name, f"{value:.4f}"]
            for name, value in (
                ("coverage", self.coverage), (f"risk ({self.measure})", self.risk), ("AURC", self.aurc),
                ("E-AURC", self.e_aurc), ("AUROC", self.auroc),
            )
        ]  # fmt: skip
        return f"{table(['confidence', 'value'], rows)}\n{self.questions} questions, {len(self.losses)} answered"


def evaluate_confidence(
    answers: Iterable[Answer], gold: Gold | None = None, measure: str = "EM", *, patterns: bool = False
) -> Confidence:
    """How much the confidence of answers says of their worth.

    Args:
        answers: one per question, each with a confidence; an empty answer needs none.
        gold: as in `evaluate_answers`; all of its questions count, and those without an answer are not covered.
        measure: what an answer's text is worth, from 0 to 1: EM, F1, contains, ... of `evaluate_answers`.
        patterns: gold answers are regular expressions.

    Raises:
        UnknownName: there is no such measure.
        BadInput: no question has gold answers, or an answer has no confidence.
    """
    if measure not in OF_ANSWERS:
        raise UnknownName.among("measure of an answer's text", measure, OF_ANSWERS)
    given = list(answers)
    worth = evaluate_answers(given, gold, [measure], patterns=patterns).per_query[measure]
    counted = [answer for answer in given if answer.text and answer.query.id in worth]
    for answer in counted:
        if answer.confidence is None or isnan(answer.confidence):
            raise BadInput(
                f"the answer to question {answer.query.id!r} has no confidence; use a reader that says how sure it is, "
                "e.g. self-consistency"
            )
    pairs = [(float(answer.confidence or 0), 1 - worth[answer.query.id]) for answer in counted]
    return curve(pairs, questions=len(worth), measure=measure)


def curve(pairs: Sequence[tuple[float, float]], *, questions: int, measure: str = "EM") -> Confidence:
    """The curve of (confidence, loss) of answers.

    >>> found = curve([(0.9, 0), (0.5, 1), (0.5, 0), (0.1, 1)], questions=5)
    >>> found.thresholds, found.coverages, [round(risk, 3) for risk in found.risks]
    ((0.9, 0.5, 0.1), (0.2, 0.6, 0.8), [0.0, 0.333, 0.5])
    """
    ordered = sorted(pairs, key=lambda pair: -pair[0])
    thresholds, coverages, risks, total, number = list[float](), list[float](), list[float](), 0.0, 0
    for threshold, group in groupby(ordered, key=lambda pair: pair[0]):
        own = [loss for _, loss in group]
        total, number = total + sum(own), number + len(own)
        thresholds.append(threshold)
        coverages.append(number / questions)
        risks.append(total / number)
    return Confidence(
        measure=measure, thresholds=tuple(thresholds), coverages=tuple(coverages), risks=tuple(risks),
        losses=tuple(float(loss) for _, loss in ordered), confidences=tuple(c for c, _ in ordered),
        questions=questions,
    )  # fmt: skip


def binomial(most: int, n: int, p: float) -> float:
    """The probability of at most so many of n, each of probability p, above 0 and below 1.

    >>> round(binomial(1, 4, 0.5), 4), round(binomial(0, 10, 0.1), 4)
    (0.3125, 0.3487)
    """
    ways = (lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) for k in range(most + 1))
    return min(1.0, sum(exp(way + k * log(p) + (n - k) * log1p(-p)) for k, way in enumerate(ways)))
