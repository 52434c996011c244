"""What a method of answering is: a generator that asks for texts and for documents, and ends with what it found.

It yields all requests that it could have answered now and is sent one result for each: `Write` and `Mix` give
`Written`, `Search` gives a `Ranking`, `Score` gives a number for each text, `Show` what may be shown of texts. It
returns `Found`. It knows prompts and how replies are read; models, batches, lengths and costs are the reader's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rankify.documents import Document
from rankify.llm.protocol import Logprobs
from rankify.llm.sampling import Sampling
from rankify.prompts.template import Template
from rankify.rag.scoring import Scorer
from rankify.rag.transcript import Transcript
from rankify.types import Ranking


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Asks the model to write.

    Args:
        template: the prompt.
        documents: what it shows, best first; fewer are shown where they do not fit.
        asks: the question that it shows; the query's own if None.
        values: what else it says, e.g. what the model has written so far; texts of others do not belong there. A
            transcript gives up its oldest turns where there is no room for them.
        max_tokens: the most tokens of a reply, thoughts included.
        stop: texts at which a reply ends.
        begins: how the reply begins, behind what the prompt itself begins it with; as it stands, so that texts of
            others in it have to be harmless already. A transcript again.
        samplings: how replies are drawn, one reply for each; None is greedy decoding.
        logprobs: whether replies tell how likely each of their tokens was.
    """

    template: Template
    documents: Sequence[Document] = ()
    asks: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    max_tokens: int = 32
    stop: tuple[str, ...] = ()
    begins: str | Transcript = ""
    samplings: Sequence[Sampling | None] = (None,)
    logprobs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Asks the model to write one reply to several prompts, one a document: `Written` again.

    Args:
        write: what each prompt is, about all documents; its one sampling is that of the reply.
        weights: of each document.
    """

    write: Write
    weights: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a model wrote.

    Args:
        replies: what each reply says, without thoughts.
        thoughts: what each reply thought before it said something.
        whole: each reply as it was written.
        shown: the documents that stood in the prompt, in the order of their numbers.
        finished: whether each reply came to its end.
        logprobs: the tokens of what each reply says, where asked for; those of all of it where thoughts divide it.
    """

    replies: tuple[str, ...]
    thoughts: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    shown: tuple[Document, ...] = ()
    finished: tuple[bool, ...] = ()
    logprobs: tuple[Logprobs, ...] = ()

    @property
    def text(self) -> str:
        """The first reply, without blanks around it."""
        return self.replies[0].strip()


@dataclass(frozen=True, slots=True)
class Search:
    """Asks for documents about a text, best first, by the pipeline that stands before the reader."""

    text: str


@dataclass(frozen=True, slots=True)
class Show:
    """Asks how much of some texts, the best first, a transcript may show by the rules of the context.

    The result is (rank, text) of each that is shown, in the order to show them. It is there at once, in no round.
    """

    texts: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Asks a scorer how well texts answer: one number each, the larger the better.

    Args:
        scorer: it is asked about the texts of all questions at once.
        asks: the question.
        texts: what may answer it.
    """

    scorer: Scorer
    asks: str
    texts: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a method ends with.

    Args:
        text: the answer; "" for none.
        reasoning: what was written on the way.
        shown: the documents that the answer was written from, in the order of their numbers, which it may cite.
        cites: the text whose citations count; the answer's if None, "" where the prompt numbers no documents.
        confidence: on the method's own scale.
        counts: what went wrong or was done on the way, e.g. unreadable.
    """

    text: str
    reasoning: str = ""
    shown: Sequence[Document] = ()
    cites: str | None = None
    confidence: float | None = None
    counts: Counter[str] = field(default_factory=Counter)


Request = Write | Mix | Search | Score | Show
Flow = Generator[list[Request], list[Any], Found]
Answering = Callable[[Ranking], Flow]  # from a question with the documents about it, best first, to its flow


def searched(texts: Sequence[str]) -> Generator[list[Request], list[Any], list[Ranking]]:
    """The documents about some texts, in a flow: `rankings = yield from searched(texts)`."""
    return (yield [Search(text) for text in texts])


def shows(texts: Sequence[str]) -> Generator[list[Request], list[Any], list[tuple[int, str]]]:
    """What a transcript may show of texts, in a flow: `[(rank, text), ...] = yield from shows(texts)`."""
    [found] = yield [Show(texts)]
    assert isinstance(found, list)  # noqa: S101 - for mypy: a result is of its request's kind
    return found


def written(request: Write | Mix) -> Generator[list[Request], list[Any], Written]:
    """What a model writes, in a flow: `reply = yield from written(Write(...))`."""
    [found] = yield [request]
    assert isinstance(found, Written)  # noqa: S101 - for mypy: a result is of its request's kind
    return found


def merged(rankings: Sequence[Ranking], *, most: int | None = None) -> list[Document]:
    """The documents of several rankings, each once, in turns: the best of each, then the second of each, ...

    Scores of different searches do not compare, so their order is all that counts.
    """
    found: dict[str, Document] = {}
    for rank in range(max(map(len, rankings), default=0)):
        for ranking in rankings:
            if rank < len(ranking):
                found.setdefault(ranking.documents[rank].id, ranking.documents[rank])
    return list(found.values())[:most]
