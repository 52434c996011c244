"""Questions of the report, packed, with as much text as the page has room for."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Record = Mapping[str, Any]
T = TypeVar("T")

TITLE = 200  # characters of a title
# Characters of texts, and of those that readers were shown and of reasoning, which are cut last. The first that fits.
CUTS = (
    *((length, 20_000) for length in (20_000, 8000, 4000, 2000, 1500, 1000, 800, 600, 500, 400, 300, 250)),
    *((250, length) for length in (8000, 4000, 2000, 1000, 600, 400, 250)),
    *((length, length) for length in (200, 150, 100, 80, 60, 40, 20, 0)),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """What of the questions the page holds.

    Attributes:
        data: all of it, packed.
        length: characters after which texts were cut; None where none was.
        shown: characters after which passages that readers were shown and reasoning were cut; None where none was.
    """

    data: str
    length: int | None
    shown: int | None


def fitted(datasets: Sequence[Record], room: int) -> Fitted:
    """The questions, packed, in so many bytes at most: texts are cut, then questions left out, the last ones first.

    A page without a single question may still be larger, by the names of datasets and systems.
    """
    made: dict[tuple[int, int], str] = {}
    cut = _first(CUTS, lambda cut: len(made.setdefault(cut, packed([_cut(one, *cut) for one in datasets]))) <= room)
    if cut is not None:
        return Fitted(data=made[cut], length=_reached(datasets, cut[0], False), shown=_reached(datasets, cut[1], True))
    bare = [_cut(one, 0, 0) for one in datasets]
    counts = range(max((len(one["questions"]) for one in datasets), default=0), -1, -1)
    count = _first(counts, lambda count: len(packed([_headed(one, count) for one in bare])) <= room) or 0
    return Fitted(data=packed([_headed(one, count) for one in bare]), length=0, shown=0)


def packed(value: Any) -> str:
    """JSON, deflated (RFC 1950), as base64: what the page's script unpacks, and nothing that could end its element."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    squeezed = zlib.compress(text.encode("utf-8", "replace"))  # half a surrogate pair has no UTF-8
    return base64.b64encode(squeezed).decode()


def _first(values: Sequence[T], fits: Callable[[T], bool]) -> T | None:
    """The first value that fits, where all behind it do."""
    low, high = 0, len(values)
    if values and fits(values[0]):  # as it mostly is
        return values[0]
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(values[middle]) else (middle + 1, high)
    return values[low] if low < len(values) else None


def _texts(data: Record, shown: bool) -> Iterator[str]:
    """What may be cut: passages that readers were shown and reasoning, or all other texts of documents."""
    contexts = _contexts(data)
    yield from (text for place, (_, _, text) in enumerate(data["documents"]) if (place in contexts) == shown)
    if shown:
        yield from (answer["reasoning"] for answer in _answers(data))


def _reached(datasets: Sequence[Record], length: int, shown: bool) -> int | None:
    """The length, where a text is longer."""
    return length if any(len(text) > length for one in datasets for text in _texts(one, shown)) else None


def _answers(data: Record) -> list[Record]:
    return [one["answer"] for question in data["questions"] for one in question["systems"] if one["answer"]]


def _contexts(data: Record) -> set[int]:
    """The numbers of documents that readers were shown."""
    return {number for answer in _answers(data) for number in answer["contexts"]}


def _cut(data: Record, length: int, shown: int) -> dict[str, Any]:
    """A dataset whose texts are so long at most, and so long those that readers were shown and reasoning."""
    contexts = _contexts(data)

    def of_system(one: Record) -> Record:
        answer = one["answer"]
        return {**one, "answer": answer and {**answer, "reasoning": _short(answer["reasoning"], shown)}}

    return {
        **data,
        "documents": [
            [id, _short(title, TITLE), _short(text, shown if place in contexts else length)]
            for place, (id, title, text) in enumerate(data["documents"])
        ],
        "questions": [{**one, "systems": list(map(of_system, one["systems"]))} for one in data["questions"]],
    }


def _short(text: str, most: int) -> str:
    """A text, with a sign where it is cut; nothing where nothing is left."""
    return text if len(text) <= most else f"{text[:most]}…" if most else ""


def _headed(data: Record, count: int) -> dict[str, Any]:
    """A dataset's first questions, and the documents that they need, which come first."""
    kept = data["questions"][:count]
    needed = 1 + max((number for question in kept for number in _numbers(question)), default=-1)
    return {**data, "questions": kept, "documents": data["documents"][:needed]}


def _numbers(question: Record) -> Iterator[int]:
    """The numbers of the documents that a question's page shows."""
    yield from (number for number, *_ in question["judged"] or ())
    for one in question["systems"]:
        yield from (number for numbers in one["stages"] for number in numbers)
        yield from one["answer"]["contexts"] if one["answer"] else ()
