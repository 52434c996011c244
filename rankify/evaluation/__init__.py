"""What a run or an answer is worth: measures, per query and on average, and whether systems differ."""

from __future__ import annotations

from rankify.evaluation.answers import evaluate_answers, evaluate_passages, mark_answers
from rankify.evaluation.comparison import Comparison, Difference
from rankify.evaluation.names import answer_measures
from rankify.evaluation.ranking import evaluate
from rankify.evaluation.scores import Evaluation
from rankify.evaluation.selective import Confidence, evaluate_confidence
from rankify.evaluation.significance import compare

__all__ = [
    "Comparison",
    "Confidence",
    "Difference",
    "Evaluation",
    "answer_measures",
    "compare",
    "evaluate",
    "evaluate_answers",
    "evaluate_confidence",
    "evaluate_passages",
    "mark_answers",
]
