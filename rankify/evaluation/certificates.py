"""Whether substituted words can bring another document among the best k: certificates by randomised smoothing.

CertDR, Wu et al., CIKM 2022, arXiv:2209.06691: a document is scored by the mean over texts in which each word is drawn
anew from a set of words like it. A few substituted words change the distribution of such texts little, so they can
change the mean by no more than a bound, whatever the model is. The bound here follows from total variation alone: with
scores between 0 and 1, two means differ by at most the total variation of their texts, which for independent words is
at most 1 - prod(1 - TV of each substituted word).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import log, prod, sqrt

import numpy as np

from rankify.documents import Document
from rankify.errors import BadInput
from rankify.text.perturbations import generator
from rankify.text.perturbations.pieces import core, joined, pieces
from rankify.types import Query, Ranking

Score = Callable[[Query, Sequence[str]], Sequence[float]]


class Substitutions:
    """What an attacker may write for a word, and what smoothing draws for it.

    Args:
        synonyms: the words that may stand for a word; lower case. It may stand for each of them, too.
        drawn: the words that smoothing draws from for a word, each as often; the word and its synonyms if not given.
    """

    def __init__(
        self, synonyms: Mapping[str, Collection[str]], drawn: Mapping[str, Collection[str]] | None = None
    ) -> None:
        both = {
            (a, b) for word, others in synonyms.items() for other in others for a, b in ((word, other), (other, word))
        }
        self.synonyms: dict[str, frozenset[str]] = {a: frozenset(b for c, b in both if c == a) for a, _ in both}
        given = self.synonyms if drawn is None else drawn
        self._drawn = {
            word: tuple(sorted({*others, word} if drawn is None else others)) for word, others in given.items()
        }
        if empty := next((word for word, others in self._drawn.items() if not others), None):
            raise BadInput(f"nothing is drawn for {empty!r}; leave it out, or give it a word, at least itself")

    def drawn(self, word: str) -> tuple[str, ...]:
        """What smoothing draws from for a word: the word alone where nothing is like it."""
        return self._drawn.get(word, (word,))

    def distance(self, word: str) -> float:
        """The largest total variation between what is drawn for a word and for one that may stand for it.

        Of uniform distributions over two sets it is 1 - |A and B| / max(|A|, |B|).

        >>> Substitutions({"a": ["b"], "b": ["c"]}).distance("a")
        0.33333333333333337
        """
        own = {*self.drawn(word)}
        others = [{*self.drawn(other)} for other in self.synonyms.get(word, ())]
        return max((1 - len(own & other) / max(len(own), len(other)) for other in others), default=0.0)

    def bound(self, words: Sequence[str], budget: int) -> float:
        """How much at most the smoothed score of a text can rise when up to `budget` of its words are substituted."""
        farthest = sorted(map(self.distance, words), reverse=True)[:budget]
        return 1 - prod(1 - distance for distance in farthest)

    def variant(self, text: str, chance: np.random.Generator) -> str:
        """The text with every word drawn anew; the signs around a word and the gaps stay."""
        words, gaps = pieces(text)
        return joined([self._redrawn(word, chance) for word in words], gaps)

    def _redrawn(self, word: str, chance: np.random.Generator) -> str:
        before, inner, after = core(word)
        known = self.drawn(inner.lower())
        return word if known == (inner.lower(),) else f"{before}{known[int(chance.integers(len(known)))]}{after}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """What is known of the best k of a query.

    Attributes:
        ids: all documents by their smoothed scores, best first.
        scores: these, each the mean of a sample.
        certified: whether no document below the best k can come among them by `budget` substituted words.
    """

    ids: tuple[str, ...]
    scores: tuple[float, ...]
    certified: bool


def certify(
    score: Score, ranking: Ranking, words: Substitutions, *, k: int = 10, budget: int = 5, samples: int = 100,
    seed: int = 0, alpha: float = 0.05,
) -> Certificate:  # fmt: skip
    """The documents of a query in the order of their smoothed scores, and whether the best k are certified.

    The certificate errs with a probability of at most alpha, by Hoeffding's inequality for all documents together.
    Where there are no more than k documents the best k are certified.

    Args:
        score: the model: scores of texts for a query, between 0 and 1.
        ranking: the query and its candidates.
        words: what may be substituted.
        k: how many are the best.
        budget: how many words of a document an attacker may substitute.
        samples: how many texts of each document are scored.
        seed: of the texts; they depend on it and on the ids of query and document.
        alpha: the probability of an error.

    Raises:
        BadInput: a number is out of range, or a score is not between 0 and 1.
    """
    _refuse(k=k, budget=budget, samples=samples, alpha=alpha)
    means = [_mean(score, ranking.query, document, words, samples, seed) for document in ranking.documents]
    rises = [words.bound(_words(document.text), budget) for document in ranking.documents]
    order = sorted(range(len(means)), key=lambda place: (-means[place], place))
    margin = sqrt(log(2 * max(len(means), 1) / alpha) / (2 * samples))
    best, others = order[:k], order[k:]
    least = min((means[place] for place in best), default=0.0) - margin
    return Certificate(
        ids=tuple(ranking.ids[place] for place in order),
        scores=tuple(means[place] for place in order),
        certified=all(least > means[place] + margin + rises[place] for place in others),
    )


def certified_share(certificates: Sequence[Certificate]) -> float:
    """CRQ: the share of the queries whose best k are certified.

    Raises:
        BadInput: there is no query.
    """
    if not certificates:
        raise BadInput("there is no query to have a certificate")
    return sum(one.certified for one in certificates) / len(certificates)


def _words(text: str) -> list[str]:
    return [core(word)[1].lower() for word in pieces(text).words]


def _mean(score: Score, query: Query, document: Document, words: Substitutions, samples: int, seed: int) -> float:
    chance = generator(seed, "smoothing", query.id, document.id)
    found = np.asarray(score(query, [words.variant(document.text, chance) for _ in range(samples)]), dtype=np.float64)
    if found.shape != (samples,) or not ((found >= 0) & (found <= 1)).all():
        raise BadInput(
            f"document {document.id!r}: {samples} scores between 0 and 1 are needed; pass them through a sigmoid"
        )
    return float(found.mean())


def _refuse(*, k: int, budget: int, samples: int, alpha: float) -> None:
    for name, number in (("k", k), ("budget", budget), ("samples", samples)):
        if number < 1:
            raise BadInput(f"{name}={number}: give a whole number from 1 up")
    if not 0 < alpha < 1:
        raise BadInput(f"alpha={alpha:g}: a probability is between 0 and 1")
