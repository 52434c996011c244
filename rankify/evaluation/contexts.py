"""What an answer was read from: measures of its contexts that need no model.

RAGAS's measures by ids and by texts (https://github.com/explodinggradients/ragas, Apache-2.0), and citations of
passages that were not shown. What should have been found stands in the question's metadata, as RAGAS calls it:
`reference_context_ids`, `reference_contexts`; ids may also be those of judgments.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rankify.documents import Document
from rankify.evaluation.known import NotKnown
from rankify.evaluation.strings import similarity
from rankify.text.citing import citations, uncited
from rankify.types import Answer

ALIKE = 0.5  # how similar a passage is to one that should have been found if it is that one
Judged = Mapping[str, Mapping[str, int]]


def id_based_precision(answer: Answer, qrels: Judged | None = None) -> float:
    """The share of the contexts that should have been found, by their ids, whatever their order.

    Raises:
        NotKnown: there are no contexts, or it is not known what should have been found.
    """
    wanted, found = _reference_ids(answer, qrels), {context.id for context in answer.contexts}
    if not found:
        raise NotKnown("the answer has no contexts")
    return len(found & wanted) / len(found)


def id_based_recall(answer: Answer, qrels: Judged | None = None) -> float:
    """The share of what should have been found that is among the contexts, by ids.

    Raises:
        NotKnown: it is not known what should have been found.
    """
    wanted = _reference_ids(answer, qrels)
    return len(wanted & {context.id for context in answer.contexts}) / len(wanted)


def text_based_precision(answer: Answer, _: Judged | None = None) -> float:
    """Average precision of the contexts; one counts that is at least half similar to what should have been found.

    Raises:
        NotKnown: there are no contexts, one has no text, or it is not known what should have been found.
    """
    wanted = _reference_texts(answer)
    return average_precision([max(similarity(ref, text) for ref in wanted) >= ALIKE for text in _texts(answer)])


def text_based_recall(answer: Answer, _: Judged | None = None) -> float:
    """The share of what should have been found to which a context is more than half similar.

    Raises:
        NotKnown: as for the precision.
    """
    wanted, found = _reference_texts(answer), _texts(answer)
    return sum(max(similarity(text, ref) for text in found) > ALIKE for ref in wanted) / len(wanted)


def cites_unknown(answer: Answer, _: Judged | None = None) -> float:
    """1 if the answer cites the number or the id of a passage that was not shown, else 0.

    A reader that asked a model counted such numbers itself, those in its reasoning too; of other answers the text says.
    """
    counted = answer.usage.get("cited_unknown", 0)
    told = counted or "asked" in answer.usage
    numbers = counted if told else citations(answer.text, answer.contexts).unknown
    return float(numbers > 0 or bool(unshown(answer)))


def unshown(answer: Answer) -> tuple[str, ...]:
    """The ids that an answer cites and was not shown, as in a file of answers that somebody else wrote."""
    shown = {context.id for context in answer.contexts}
    return tuple(id for id in answer.citations if id not in shown)


def without_marks(answer: Answer) -> str:
    """An answer's text without the marks of its citations, as ALCE takes them out before it measures.

    A mark such as `[1]` is a citation where the answer cites what it stands for, or counts it among the unknown ones;
    the text of a reader that cites nothing stays as it is, whatever stands in brackets.

    >>> from rankify.types import Query
    >>> shown = (Document("d", ""),)
    >>> without_marks(Answer(query=Query("q", "?"), text="Paris [1].", contexts=shown, citations=("d",)))
    'Paris.'
    >>> without_marks(Answer(query=Query("q", "?"), text="array[1]", contexts=shown))
    'array[1]'
    """
    found = citations(answer.text, answer.contexts)
    counted = bool(found.documents) or answer.usage.get("cited_unknown", 0) >= found.unknown > 0
    return uncited(answer.text) if counted and {*found.documents} <= {*answer.citations} else answer.text


def average_precision(verdicts: Sequence[bool | int]) -> float:
    """The mean of the precision at each relevant rank, as RAGAS has it; 0 where nothing is relevant.

    >>> round(average_precision([1, 0, 1]), 6), average_precision([0, 0])
    (0.833333, 0.0)
    """
    shares = [sum(verdicts[:rank]) / rank * verdict for rank, verdict in enumerate(verdicts, 1)]
    return sum(shares) / (sum(verdicts) + 1e-10)


def text_of(context: Document) -> str:
    """What is compared of a context: its text, below its title where it has one."""
    return "\n".join(filter(None, (context.title, context.text)))


def _texts(answer: Answer) -> list[str]:
    found = [text_of(context) for context in answer.contexts]
    if not found:
        raise NotKnown("the answer has no contexts")
    if "" in found:
        raise NotKnown(f"the text of context {answer.contexts[found.index('')].id!r} is not known")
    return found


def _reference_texts(answer: Answer) -> list[str]:
    return list(map(str, _given(answer, "reference_contexts")))


def _reference_ids(answer: Answer, qrels: Judged | None) -> set[str]:
    if qrels is not None and "reference_context_ids" not in answer.query.metadata:
        found = {id for id, grade in qrels.get(answer.query.id, {}).items() if grade > 0}
        if not found:
            raise NotKnown("no document is judged relevant to the question")
        return found
    return set(map(str, _given(answer, "reference_context_ids")))


def _given(answer: Answer, name: str) -> Collection[Any]:
    """A list in the question's metadata that is not empty."""
    found = answer.query.metadata.get(name)
    if not isinstance(found, list | tuple) or not found:
        raise NotKnown(f"the question has no {name} in its metadata")
    return found
