"""How likely a text is to a language model that looks things up while it reads: In-Context RALM, arXiv:2302.00083."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from rankify import registry
from rankify.documents import Document
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.llm.hf import HF
from rankify.llm.hf_format import tokenized
from rankify.llm.protocol import LLM
from rankify.stages import Stage, positive
from rankify.types import Query, Run

CHOICES = ("first", "random", "logprob", "oracle")
TOGETHER = 256  # steps that are searched for and read together


@dataclass(frozen=True, slots=True)
class Step:
    """Some tokens of a text that were predicted together.

    Args:
        start, end: which of the text's tokens they are, `end` not included.
        loss: their negative log-likelihood, summed.
        document: the one that stood in the window; None for none.
    """

    start: int
    end: int
    loss: float
    document: str | None = None


@dataclass(frozen=True, kw_only=True)
class Perplexity:
    """How surprised a model was by a text.

    Args:
        tokens: how many the text has; the first of them is not predicted.
        words: the blanks in it, as the published code counts words.
        steps: how it was read.
        counts: searches, and steps for which nothing was found (`unfound`).
    """

    tokens: int
    words: int
    steps: tuple[Step, ...]
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def loss(self) -> float:
        """The negative log-likelihood of all tokens that were predicted, summed; natural logarithms."""
        return float(np.sum([step.loss for step in self.steps]))

    @property
    def per_word(self) -> float:
        """The perplexity that the paper reports; infinite where that is too large a number."""
        return _exp(self.loss / self.words)

    @property
    def reasons(self) -> dict[str, str]:
        """Why a perplexity is no finite number, by its name."""
        means = {"per_word": self.loss / self.words, "per_token": self.loss / self.tokens}
        return {
            name: f"e to the power of {mean:,.6g} is beyond the largest number; the loss is exact"
            for name, mean in means.items()
            if _exp(mean) == np.inf
        }

    @property
    def per_token(self) -> float:
        """The same by tokens, all of them counted: comparable between models with one tokenizer alone."""
        return _exp(self.loss / self.tokens)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a text is read; see `perplexity`."""

    choice: str = "first"
    step: int = 4
    window: int = 1024
    query_tokens: int = 32
    document_tokens: int = 256
    top: int = 16
    ranked_tokens: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        if self.choice not in CHOICES:
            raise UnknownName.among("choice of documents", self.choice, CHOICES)
        for name in ("step", "window", "query_tokens", "document_tokens", "top", "ranked_tokens"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise Misuse(f"{name}={value!r}: that is a whole number above 0")
        if not isinstance(self.seed, int) or isinstance(self.seed, bool) or self.seed < 0:
            raise Misuse(f"seed={self.seed!r}: that is a whole number from 0 up")
        if self.step >= self.window:
            raise Misuse(
                f"step={self.step} predicts all of window={self.window}: at least one token has to stand before"
            )

    @property
    def ranked(self) -> int:
        """How many tokens before those that are predicted are looked at to choose a document."""
        return self.ranked_tokens if self.choice == "logprob" else 0

    def fits(self) -> None:
        """Raises Misuse where a document would overwrite what is looked at."""
        if self.document_tokens + self.ranked + self.step > self.window:
            raise Misuse(
                f"document_tokens={self.document_tokens} leave no room for {self.ranked + self.step} tokens behind "
                f"them in a window of {self.window}: lower document_tokens"
            )


def perplexity(
    llm: str | LLM, text: str, retriever: Stage | None = None, *, choice: str = "first", step: int = 4,
    window: int = 1024, query_tokens: int = 32, document_tokens: int = 256, top: int = 16, ranked_tokens: int = 16,
    seed: int = 0,
) -> Perplexity:  # fmt: skip
    """How surprised a causal model is by a text, with a document about it in its window that changes all the time.

    The first window is read as it is. From then on `step` tokens are predicted at a time, from a window that ends with
    them. What stands before them is searched for, and a document overwrites the first tokens of the window, so that it
    gets no longer. The text is read without the tokenizer's special tokens, a document, "title\\ntext", with them. The
    model is asked about all steps in batches. The corpus should not hold the text itself.

    Args:
        llm: a decoder-only model run by `hf`, or its spec, e.g. `hf:gpt2?dtype=float16`.
        text: one at least of two tokens and two words.
        retriever: what documents are searched for with, rerankers and all; no documents if None.
        choice: which of the documents found is taken: the first; a random one; with logprob the one behind which the
            `ranked_tokens` before those to be predicted are the likeliest (zero-shot reranking, section 6.1); with
            oracle the one behind which those to be predicted are, which is a bound. Ties go to the better rank.
        step: how many tokens are predicted at a time; the paper's stride.
        window: how many tokens are read, no more than the model can.
        query_tokens: how many tokens before those to be predicted are searched for.
        document_tokens: the most tokens of a document.
        top: how many documents there are to choose from.
        ranked_tokens: how many tokens logprob looks at.
        seed: of random choices.

    Raises:
        Misuse: the backend is another one, a number is out of range, or a document would overwrite too much.
        BadInput: a text that is too short, or a model that gives some of it no likelihood.
    """
    model = llm if isinstance(llm, LLM) else registry.load("llm", llm)
    if not isinstance(model, HF) or model.encoder_decoder:
        raise Misuse(f"{model!r} does not read token by token: perplexity needs hf: and a decoder-only model")
    how = Reading(
        choice=choice, step=step, window=min(window, model.context or window), query_tokens=query_tokens,
        document_tokens=document_tokens, top=top, ranked_tokens=ranked_tokens, seed=seed,
    )  # fmt: skip
    if retriever is not None:
        how.fits()
    [tokens] = tokenized(model.checkpoint.tokenizer, [text])
    words = text.count(" ")
    if len(tokens) < 2 or not words or not text.strip():
        raise BadInput(
            f"the text {text[:40]!r} is too short: perplexity takes two words at least, with a blank between"
        )
    reading = _Reader(model, how, tokens, retriever)
    steps = tuple(reading.steps())
    return Perplexity(tokens=len(tokens), words=words, steps=steps, counts=+reading.counts)


Place = tuple[int, int, int]  # of a window's first token, of the first that is predicted, and behind the last


def places(tokens: int, *, step: int, window: int) -> Iterator[Place]:
    """The windows of a text.

    >>> list(places(9, step=2, window=4)), list(places(3, step=2, window=4))
    ([(0, 1, 4), (2, 4, 6), (4, 6, 8), (6, 8, 9)], [(0, 1, 3)])
    """
    start = 1
    for begin in range(0, tokens, step):
        end = min(begin + window, tokens)
        yield begin, start, end
        if end == tokens:
            return
        start = end


class _Reader:
    """A text being read.

    Args:
        llm: the model.
        how: how it is read.
        tokens: of the text.
        retriever: what documents come from.
    """

    def __init__(self, llm: HF, how: Reading, tokens: Sequence[int], retriever: Stage | None) -> None:
        self.llm, self.how, self.tokens = llm, how, tokens
        self.search = None if retriever is None else retriever % positive(1 if how.choice == "first" else how.top)
        self.random = np.random.default_rng(how.seed)
        self.counts = Counter[str]()

    def steps(self) -> Iterator[Step]:
        """What becomes of the text, step by step."""
        every = list(places(len(self.tokens), step=self.how.step, window=self.how.window))
        for start in range(0, len(every), TOGETHER):
            some = every[start : start + TOGETHER]
            yield from self._read(some, self._found(some))

    def _found(self, some: Sequence[Place]) -> list[list[Document]]:
        """The documents to choose from at each place."""
        found: list[list[Document]] = [[] for _ in some]
        if self.search is None:
            return found
        own = self.llm.checkpoint.tokenizer
        texts = [own.decode(self.tokens[max(0, start - self.how.query_tokens) : start]) for _, start, _ in some]
        asked = [place for place, (begin, _, _) in enumerate(some) if begin and texts[place].strip()]
        if asked:
            run = self.search(Run.of([Query(str(some[place][1]), texts[place]) for place in asked]))
            for place, ranking in zip(asked, run, strict=True):
                found[place] = list(ranking.documents)
        self.counts["searches"] += len(asked)
        self.counts["unfound"] += sum(begin > 0 and not own for (begin, _, _), own in zip(some, found, strict=True))
        return [self._one_of(own) for own in found] if self.how.choice == "random" else found

    def _one_of(self, documents: list[Document]) -> list[Document]:
        return [documents[self.random.integers(len(documents))]] if documents else []

    def _read(self, some: Sequence[Place], found: Sequence[Sequence[Document]]) -> Iterator[Step]:
        """The steps at some places, each with the document that it was read with."""
        begun = self._begun([document for documents in found for document in documents])
        rows: list[list[int]] = []
        last: list[int] = []
        for (begin, start, end), documents in zip(some, found, strict=True):
            window = list(self.tokens[begin:end])
            before = [next(begun) for _ in documents] or [[]]
            rows += [[*head, *window[len(head) :]] for head in before]
            last += [end - start + self.how.ranked * bool(documents)] * len(before)
        told = iter(self.llm.told(rows, last))
        for (_, start, end), documents in zip(some, found, strict=True):
            each = [next(told) for _ in range(max(1, len(documents)))]
            best = int(np.argmax([self._worth(values, end - start) for values in each]))
            document = documents[best].id if documents else None
            yield Step(start, end, self._loss(each[best], start, end), document)

    def _loss(self, values: Sequence[float], start: int, end: int) -> float:
        """The loss of the predicted tokens, which are the last of those that the model told."""
        loss = -float(np.sum(values[-(end - start) :]))
        if not np.isfinite(loss):
            raise BadInput(
                f"{self.llm!r} gives tokens {start} to {end - 1} of the text a loss of {loss}: its numbers ran over; "
                "try dtype=float32"
            )
        return loss

    def _worth(self, values: Sequence[float], predicted: int) -> float:
        """How likely a document makes what it is chosen by: what is before the predicted tokens, or these."""
        return float(np.sum(values[:-predicted] if self.how.ranked else values[-predicted:]))

    def _begun(self, documents: Sequence[Document]) -> Iterator[list[int]]:
        """The tokens of documents, as windows begin with them."""
        texts = [f"{document.title}\n{document.text}" if document.title else document.text for document in documents]
        if not texts:
            return iter(())
        cut = {"truncation": True, "max_length": self.how.document_tokens}
        return iter(self.llm.checkpoint.tokenizer(texts, verbose=False, **cut)["input_ids"])


def _exp(mean: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.exp(mean))
