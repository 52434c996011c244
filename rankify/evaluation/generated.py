"""ROUGE and BLEU of answers, as their libraries compute them: rouge-score and sacrebleu."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from rankify.errors import needs

ROUGE = {"ROUGE-1": "rouge1", "ROUGE-2": "rouge2", "ROUGE-L": "rougeL", "ROUGE-Lsum": "rougeLsum"}


def rouge(name: str, text: str, golds: Sequence[str]) -> float:
    """F1 of ROUGE (Lin, 2004) against the best gold answer, by Google's rouge-score with Porter's stemmer.

    It knows the letters a to z and digits alone: other scripts have no words, and score 0.

    Args:
        name: one of `ROUGE`. ROUGE-Lsum takes each line for a sentence.
    """
    return max(float(_scorer(ROUGE[name]).score(gold, text)[ROUGE[name]].fmeasure) for gold in golds)


@cache
def _scorer(kind: str) -> Any:
    return needs("rouge_score.rouge_scorer", "answers").RougeScorer([kind], use_stemmer=True)


def sentence_bleu(text: str, golds: Sequence[str]) -> float:
    """BLEU of one answer against all of its gold answers, from 0 to 1: sacrebleu's with smoothing and effective order.

    Papineni et al., 2002. Of several answers `corpus_bleu` is what is published, which is not the mean of these.
    """
    return float(needs("sacrebleu", "answers").sentence_bleu(text, list(golds)).score) / 100


def corpus_bleu(texts: Sequence[str], golds: Sequence[Sequence[str]]) -> float:
    """BLEU of all answers together, from 0 to 1: sacrebleu's with its defaults (13a, 4-grams, brevity penalty).

    Args:
        golds: of each answer, any number of gold answers.
    """
    most = max(map(len, golds))
    references = [[own[place] if place < len(own) else None for own in golds] for place in range(most)]
    return float(needs("sacrebleu", "answers").corpus_bleu(list(texts), references).score) / 100
