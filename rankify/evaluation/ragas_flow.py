"""What RAGAS's measures ask for: replies of a language model, and vectors of texts; each measure is a flow.

A flow is a generator. It yields all that could be asked now, is sent what came of each, and returns the measure's
value; where it has none it raises `NotKnown`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rankify.evaluation.known import NotKnown
from rankify.evaluation.ragas_replies import record_of
from rankify.io.jsonl import Record
from rankify.llm.sampling import Sampling

Vectors = NDArray[np.float64]
Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A question, its answer, and what they are measured by.

    Args:
        contexts: texts that the answer was read from, best first.
        reference: the gold answer; the first where there are several.
        seed: of what is drawn at random.
    """

    question: str
    answer: str
    contexts: tuple[str, ...] = ()
    reference: str = ""
    seed: int = 0

    def having(self, *names: str) -> Case:
        """The case itself.

        Raises:
            NotKnown: one of these is missing or empty: question, answer, contexts, reference.
        """
        words = {"question": "the question is empty", "answer": "the answer is empty",
                 "contexts": "the answer has no contexts", "reference": "the question has no gold answer"}  # fmt: skip
        for name in names:
            value = getattr(self, name)
            if not (value.strip() if isinstance(value, str) else value):
                raise NotKnown(words[name])
        if "contexts" in names and not all(self.contexts):
            raise NotKnown("the text of a context is not known")
        return self


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A reply is wanted.

    Args:
        prompt: a prompt file's name.
        input: what it is about.
        options: what else its text leaves open.
        sampling: how the reply is drawn; greedy decoding if None.
    """

    prompt: str
    input: Mapping[str, Any]
    options: Mapping[str, str] = field(default_factory=dict)
    sampling: Sampling | None = None


@dataclass(frozen=True)
class Embed:
    """The vectors of texts are wanted, as questions or as passages are encoded."""

    texts: tuple[str, ...]
    questions: bool = False


Request = Ask | Embed
Flow = Generator[list[Request], list[Any], Value]
# what comes of an `Ask` is the reply's text, or why it cannot be had


def replies(asks: Sequence[Ask]) -> Flow[list[str | NotKnown]]:
    """The replies, in a flow: `found = yield from replies([Ask(...)])`; of nothing, nothing."""
    return (yield list(asks)) if asks else []


def records(asks: Sequence[Ask], *keys: str) -> Flow[list[Record]]:
    """What the replies say under these keys.

    Raises:
        NotKnown: one of them does not.
    """
    return [read(reply, *keys) for reply in (yield from replies(asks))]


def read(reply: str | NotKnown, *keys: str) -> Record:
    """What a reply says under these keys.

    Raises:
        NotKnown: there is no reply, or it does not.
    """
    if isinstance(reply, NotKnown):
        raise reply
    return record_of(reply, *keys)


def readable(replies: Iterable[str | NotKnown], what: Callable[[str | NotKnown], Value]) -> list[Value]:
    """What can be read of the replies, of one at least.

    Raises:
        NotKnown: nothing can.
    """
    found = [_tried(reply, what) for reply in replies]
    known = [one for one in found if not isinstance(one, NotKnown)]
    if not known:
        raise next(iter(found))  # type: ignore[misc]
    return known


def _tried(reply: str | NotKnown, what: Callable[[str | NotKnown], Value]) -> Value | NotKnown:
    try:
        return what(reply)
    except NotKnown as why:
        return why


def likeness(texts: Sequence[str], *, questions: bool = False) -> Flow[list[float]]:
    """The cosine of the first text's vector with that of each other one.

    Raises:
        NotKnown: a vector is nothing but zeros.
    """
    [vectors] = yield [Embed(tuple(texts), questions)]
    lengths = np.linalg.norm(vectors, axis=1)
    if not lengths.all():
        raise NotKnown("the vector of a text is nothing but zeros")
    unit = vectors / lengths[:, None]
    return [float(one @ unit[0]) for one in unit[1:]]
