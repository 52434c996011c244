"""A language model that knows the relevance judgments: an oracle, and a judge that is wrong as much as you like."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from os import PathLike, fspath
from threading import Lock
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rankify.errors import BadInput, Misuse
from rankify.io.qrels import read_qrels
from rankify.llm.malformed import DEFECTS, TAG_DEFECTS, answered
from rankify.llm.protocol import LLM, Attention, MaxTokens, Prompt, Reply, Shown, most_of
from rankify.llm.sampling import Samplings

Grades = Mapping[str, Mapping[str, int]]
Seen = NDArray[np.float64]  # the grades of the documents shown, as this judge sees them

SURE = 4.0  # the log-odds of Yes against No for a document of the highest grade
NAMING = {"permutation": None, "label": 1, "pair": 1}  # readings of replies that name documents, and how many of them
RANKS = (
    "a simulated model ranks documents and answers no questions: readers, rewriting and judges of answers want one "
    "that writes, e.g. http:gpt-4o-mini"
)


class Simulated(LLM):
    """Ranks by the judgments of what each prompt says that it shows; texts are not read, and tokens are words.

    It answers no questions: judgments say which documents are relevant, and not what they say.

    A document is seen with its grade, 0 where it has none; of equal grades the one shown first is better. What it

    - writes: all identifiers, best first ("[2] > [1]"); the best one's identifier; or Yes for a grade above 0, else No.
      Where the prompt asks for a think block and answer tags, it writes those, too.
    - chooses, shown several documents: one choice stands for each, and is scored with its grade.
    - chooses, shown one document: the choices are degrees of relevance. Numbers are worth their value; words run from
      the most relevant to the least ("Yes", "No"). Worths and grades are brought to a scale from 0 to 1, and a choice's
      logit is `SURE * (2 * grade * worth - worth ** 2)`: the nearer to the grade, the likelier.
    - looks at: each document, as if it were one token, with its grade.
    - finds likely: a document's grade, whatever the continuation; among several, that of the one it names.

    The same prompt gets the same answer in whatever company and order it is asked.

    Args:
        model: a file of judgments as TREC or BEIR write them, or the judgments themselves.
        noise: the standard deviation of errors added to grades. Every look has its own: the same document in another
            prompt is seen otherwise, so this judge contradicts itself, as models do.
        position_bias: how much the place in the prompt counts instead of the grade, 0 to 1. Places are worth from the
            highest grade (shown first) to 0 (shown last); with 1 the document shown first always wins.
        wrong: the share of looks that are mistaken: another document than the best one is best, and the order of the
            others is random; a document shown alone is seen with another grade.
        malformed: the share of written replies that are broken, each in one of the ways of `DEFECTS`, or of
            `TAG_DEFECTS` where the prompt asks for answer tags.
        thoughts: the words of a think block before each answer that it writes, as models have it that think by nature.
        seed: of the errors, and of which replies are broken and how.
    """

    name: ClassVar[str] = "simulated"
    offers = frozenset({"generate", "choose", "loglikelihood", "attend"})
    raw_logits = True
    knowing = True
    fuses = True

    def __init__(
        self,
        model: str | PathLike[str] | Grades,
        *,
        noise: float = 0.0,
        wrong: float = 0.0,
        position_bias: float = 0.0,
        malformed: float = 0.0,
        thoughts: int = 0,
        seed: int = 0,
    ) -> None:
        shares = {"wrong": wrong, "position_bias": position_bias, "malformed": malformed}
        if noise < 0 or thoughts < 0 or not all(0 <= share <= 1 for share in shares.values()):
            given = ", ".join(f"{name}={share}" for name, share in shares.items())
            raise Misuse(f"{noise=}, {thoughts=}, {given}: noise and thoughts are at least 0, the others from 0 to 1")
        self.grades = model if isinstance(model, Mapping) else read_qrels(fspath(model))
        self.model = _digest(self.grades) if isinstance(model, Mapping) else fspath(model)
        self.noise, self.wrong, self.position_bias = noise, wrong, position_bias
        self.malformed, self.thoughts, self.seed = malformed, thoughts, seed
        self.top = max((grade for row in self.grades.values() for grade in row.values()), default=0) or 1
        self.batches = 0  # calls of generate, choose and loglikelihood
        self.broken: Counter[str] = Counter()  # replies broken so far, by kind
        self._counting = Lock()  # several threads may ask

    @cached_property
    def identity(self) -> str:
        """What replies depend on: the grades themselves, whatever their file is called."""
        return f"{self!r} {_digest(self.grades)}"

    def generate(
        self,
        prompts: Sequence[Prompt],
        *,
        max_tokens: MaxTokens,
        sampling: Samplings = None,  # noqa: ARG002  it knows the answer, and draws nothing
        logprobs: bool = False,
    ) -> list[Reply[str]]:
        if logprobs:
            raise self.cannot_tell()
        most = most_of(max_tokens, len(prompts))
        self._count(prompts)
        return [self._written(prompt, _about(prompt), own) for prompt, own in zip(prompts, most, strict=True)]

    def choose(
        self, prompts: Sequence[Prompt], choices: Sequence[Sequence[str]], *, top: int | None = None
    ) -> list[Reply[tuple[float, ...]]]:
        self._count(prompts)
        replies = []
        for prompt, texts in zip(prompts, choices, strict=True):
            logits = self._logits(prompt, texts)
            if top is not None:
                logits[np.argsort(-logits, kind="stable")[top:]] = -np.inf
            replies.append(Reply(tuple(logits.tolist()), _words(prompt.plain)))
        return replies

    def loglikelihood(
        self,
        prompts: Sequence[Prompt],
        continuations: Sequence[str],
        *,
        end: bool = False,  # noqa: ARG002  a grade has no end
    ) -> list[Reply[float]]:
        self._count(prompts)
        return [
            Reply(float(self._seen(prompt)[_named(prompt, text)]), _words(prompt.plain) + _words(text))
            for prompt, text in zip(prompts, continuations, strict=True)
        ]

    def attend(
        self,
        prompts: Sequence[Prompt],
        *,
        max_tokens: int = 1,  # noqa: ARG002  it looks, and writes nothing
        last: bool = False,  # noqa: ARG002  it has no tokens to look with
    ) -> list[Reply[Attention]]:
        self._count(prompts)
        return [
            Reply(tuple((float(grade),) for grade in self._seen(prompt)), _words(prompt.plain)) for prompt in prompts
        ]

    def tokens(self, texts: Sequence[str]) -> list[int]:
        return [_words(text) for text in texts]

    def _count(self, prompts: Sequence[Prompt]) -> None:
        with self._counting:
            self.batches += 1
            self.passes += len(prompts)

    def _seen(self, prompt: Prompt) -> Seen:
        shown = _about(prompt)
        judged = self.grades.get(shown.query, {})
        grades = np.array([judged.get(document, 0) for document in shown.documents], dtype=np.float64)
        if self.wrong and (random := self._random("wrong", prompt)).random() < self.wrong:
            grades = self._mistaken(grades, random)
        if self.noise:
            grades += self.noise * self._random("noise", prompt).standard_normal(len(grades))
        if len(grades) > 1 and self.position_bias:
            places = np.linspace(self.top, 0, len(grades))
            grades = (1 - self.position_bias) * grades + self.position_bias * places
        return grades

    def _mistaken(self, grades: Seen, random: np.random.Generator) -> Seen:
        """Grades that are wrong about what is best."""
        if len(grades) == 1:
            return np.array([float(random.choice([g for g in range(self.top + 1) if g != grades[0]]))])
        mistaken: Seen = random.permutation(grades)
        best = int(np.argmax(grades))
        if mistaken[best] == grades[best]:
            other = int(random.choice(np.delete(np.arange(len(grades)), best)))
            mistaken[[best, other]] = mistaken[[other, best]]
        return mistaken

    def _written(self, prompt: Prompt, shown: Shown, most: int) -> Reply[str]:
        seen = self._seen(prompt)
        if shown.reads in NAMING:
            order = np.argsort(-seen, kind="stable")[: NAMING[shown.reads]]
            named = [shown.identifiers[place] for place in order]
        elif shown.reads == "relevance" and len(seen) == 1:
            named = ["Yes" if seen[0] >= 0.5 else "No"]
        else:
            raise BadInput(f"no reply about {len(seen)} documents that is read as {shown.reads!r}: {RANKS}")
        tagged = "<answer>" in prompt.plain
        defect = self._defect(prompt, [*DEFECTS, *(TAG_DEFECTS if tagged else ())])
        text = answered(defect, named, shown.identifiers, thought=self._thought(prompt), tagged=tagged)
        text = text.removeprefix(_beginning(prompt.prefill))
        cut = "".join(re.findall(r"\s*\S+", text)[:most])
        whole = cut == text and defect != "unended"
        return Reply(cut, _words(prompt.plain), _words(cut), finished=whole)

    def _thought(self, prompt: Prompt) -> str:
        """The think block before an answer; the prompt may have begun it."""
        if not self.thoughts and "<think>" not in prompt.plain:
            return ""
        begun = prompt.plain.endswith("<think>")
        return f"{'' if begun else '<think>'}{' '.join(['hm'] * max(self.thoughts, 1))}</think>\n"

    def _defect(self, prompt: Prompt, kinds: Sequence[str]) -> str:
        """The kind of defect that the reply to a prompt has, "" for none."""
        if not self.malformed:
            return ""
        random = self._random("malformed", prompt)
        kind = str(random.choice(kinds)) if random.random() < self.malformed else ""
        with self._counting:
            self.broken.update([kind] if kind else [])
        return kind

    def _logits(self, prompt: Prompt, choices: Sequence[str]) -> Seen:
        seen = self._seen(prompt)
        if len(seen) == 1:
            worth, grade = _worth(choices), float(seen[0]) / self.top
            logits: Seen = SURE * (2 * grade * worth - worth**2)
            return logits
        if len(choices) != len(seen):
            raise BadInput(f"{len(choices)} choices for {len(seen)} documents: {self!r} needs one for each")
        return seen

    def _random(self, purpose: str, prompt: Prompt) -> np.random.Generator:
        """The random numbers of a prompt, the same whenever it is asked."""
        shown = _about(prompt)
        return np.random.default_rng(_number([self.seed, purpose, shown.query, *shown.documents, prompt.plain]))


def _about(prompt: Prompt) -> Shown:
    if prompt.shown is None or not prompt.shown.documents:
        raise BadInput(f"a prompt that does not say which documents it shows: {RANKS}")
    return prompt.shown


def _named(prompt: Prompt, continuation: str) -> int:
    """The place of the document whose identifier a prompt's beginning of the reply and its continuation spell."""
    shown, text = _about(prompt), continuation.strip()
    if len(shown.documents) == 1:
        return 0
    for spelled in (text, f"{_beginning(prompt.prefill)} {text}"):
        if spelled in shown.identifiers:
            return shown.identifiers.index(spelled)
    raise BadInput(f"{continuation!r} names none of {', '.join(shown.identifiers)}")


def _worth(choices: Sequence[str]) -> Seen:
    """What degrees of relevance are worth, 0 to 1: numbers by their value, words from the best to the worst."""
    try:
        values = np.array([float(choice) for choice in choices])
    except ValueError:
        values = np.arange(len(choices), 0.0, -1.0)
    spread = values.max() - values.min()
    return (values - values.min()) / spread if spread else np.ones(len(choices))


def _beginning(prefill: str) -> str:
    """How a reply begins, as its identifiers spell it: "Passage" of " Passage:"."""
    return prefill.strip(" :")


def _words(text: str) -> int:
    return len(text.split())


def _digest(grades: Grades) -> str:
    """A name for judgments that have no file, so that models which know others differ."""
    rows = (str(sorted(row.items())) for _, row in sorted(grades.items()))
    return f"judgments-{_number([*sorted(grades), *rows]):x}"


def _number(parts: Iterable[object]) -> int:
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(f"{part}\0".encode())
    return int.from_bytes(digest.digest(), "big")
