"""Are an answer's sentences supported by what they cite? ALCE, arXiv:2305.14627, section 4."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isnan, nan
from statistics import fmean

from rankify.documents import Document
from rankify.errors import BadInput
from rankify.evaluation.known import mean_of_known
from rankify.evaluation.scores import Evaluation
from rankify.text.citing import numbers, uncited
from rankify.text.sentences import sentences
from rankify.types import Answer

# behind a stop, and the quotes and brackets that close after it
BEHIND = re.compile(
    r"([.!?\u3002\uff01\uff1f][\"'\u2019\u201d\u00bb\u300d\u300f)\]]*)((?:\s*\[\s*\d+(?:\s*[,;]\s*\d+)*\s*\])+)"
)
COMMA = re.compile(r",(?![^\[\]]*\])")  # none between the numbers of a citation
# (premise, hypothesis) pairs -> whether each premise entails its hypothesis
Entails = Callable[[Sequence[tuple[str, str]]], Sequence[bool]]


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer.

    Args:
        text: without its citations.
        cited: what it cites; empty where it cites nothing, or something that was not shown.
    """

    answer: int
    text: str
    cited: tuple[Document, ...]

    def pair(self, without: int | None = None, only: int | None = None) -> tuple[str, str]:
        """The documents as a premise, all of them or not all, and the sentence."""
        kept = [d for place, d in enumerate(self.cited) if place != without and only in (None, place)]
        return "\n".join(f"Title: {document.title}\n{document.text}" for document in kept), self.text


def evaluate_citations(
    answers: Iterable[Answer], entails: Entails, *, most: int = 3, lists: bool = False
) -> Evaluation:
    """ALCE's citation recall and precision: means over the answers, and each answer's values.

    - `citation_recall`: the share of an answer's sentences that are entailed by all that they cite together. One that
      cites nothing, or a document that was not shown, is not.
    - `citation_precision`: the share of its citations that are needed: those of a sentence that is entailed, which
      entail it alone, or without which the others do not. 0 where nothing is cited.

    An answer without a sentence has neither: NaN with a reason, which no mean counts. A document that a sentence cites
    twice counts once, and of several in one bracket each counts, where the published code takes the first alone.
    Sentences are told apart by `rankify.text.sentences`, where the published code has NLTK.

    Args:
        answers: with their contexts, whose numbers are 1, 2, ...
        entails: a model of natural language inference; it is asked three times, each time about everything at once.
            ALCE's own is google/t5_xxl_true_nli_mixture (TRUE, arXiv:2204.04991); others give other figures.
        most: of the citations of a sentence, the first so many count; one that was not shown does wherever it stands.
        lists: answers are lists, as QAMPARI's are: what stands between commas is a sentence each, behind the question.

    Raises:
        BadInput: there are no answers, or two to one question.
    """
    given = list(answers)
    ids = [answer.query.id for answer in given]
    if not given or len({*ids}) < len(ids):
        raise BadInput("no answers to look at" if not given else "two answers are to one question")
    claims = [claim for place, answer in enumerate(given) for claim in _claims(place, answer, most, lists)]
    supported = _asked(entails, [claim.pair() if claim.cited else None for claim in claims])
    needed = _needed(claims, supported, entails)
    recall, precision = {}, {}
    for place, id in enumerate(ids):
        own = [number for number, claim in enumerate(claims) if claim.answer == place]
        cited = sum(len(claims[number].cited) for number in own)
        recall[id] = fmean(supported[number] for number in own) if own else nan
        precision[id] = (sum(needed[number] for number in own) / cited if cited else 0.0) if own else nan
    values = {"citation_recall": recall, "citation_precision": precision}
    means = {name: mean_of_known(row.values()) for name, row in values.items()}
    empty = {id: "the answer has no sentence" for id, value in recall.items() if isnan(value)}
    reasons = dict.fromkeys(values, empty) if empty else {}
    return Evaluation(means=means, per_query=values, queries=tuple(ids), reasons=reasons)


def _claims(place: int, answer: Answer, most: int, lists: bool) -> list[Claim]:
    """The sentences of an answer that say something; a citation behind a full stop is that sentence's."""
    found: list[Claim] = []
    parts = COMMA.split(answer.text.rstrip(" \n.,")) if lists else [s.text for s in sentences(_inside(answer.text))]
    for part in parts:
        wanted = list(dict.fromkeys(numbers(part)))
        known = all(1 <= number <= len(answer.contexts) for number in wanted)
        cited = tuple(answer.contexts[number - 1] for number in wanted[:most]) if known else ()
        if text := uncited(part).strip():
            found.append(Claim(place, f"{answer.query.text} {text}" if lists else text, cited))
    return found


def _inside(text: str) -> str:
    """Citations that stand behind a full stop, before it.

    >>> _inside("Cats purr. [1][2] Dogs bark [3].")
    'Cats purr [1][2]. Dogs bark [3].'
    >>> _inside("He said: 'Cats purr.' [1] Dogs bark [2].")
    "He said: 'Cats purr [1].' Dogs bark [2]."
    """
    return BEHIND.sub(lambda found: f" {found[2].strip()}{found[1]}", text)


def _needed(claims: Sequence[Claim], supported: Sequence[bool], entails: Entails) -> list[int]:
    """How many of the citations of each sentence are needed."""
    several = [
        (number, place)
        for number, claim in enumerate(claims)
        if supported[number] and len(claim.cited) > 1
        for place in range(len(claim.cited))
    ]
    alone = _asked(entails, [claims[number].pair(only=place) for number, place in several])
    left = [one for one, enough in zip(several, alone, strict=True) if not enough]
    spare = _asked(entails, [claims[number].pair(without=place) for number, place in left])
    found = [int(entailed and len(claim.cited) == 1) for claim, entailed in zip(claims, supported, strict=True)]
    for (number, _), enough in zip(several, alone, strict=True):
        found[number] += enough
    for (number, _), without in zip(left, spare, strict=True):
        found[number] += not without
    return found


def _asked(entails: Entails, pairs: Sequence[tuple[str, str] | None]) -> list[bool]:
    """What the model says of each pair, asked at once; of none, no."""
    wanted = [pair for pair in pairs if pair is not None]
    said = list(entails(wanted)) if wanted else []
    if len(said) != len(wanted):
        raise ValueError(f"{len(wanted)} pairs were asked about and {len(said)} answered")
    answers = iter(said)
    return [bool(next(answers)) if pair is not None else False for pair in pairs]
