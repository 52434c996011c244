"""Instructions and other texts injected into documents, to move them up in a ranking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Literal
from urllib.parse import quote

from rankify.errors import Misuse
from rankify.packaged import packaged
from rankify.text.perturbations.kinds import DocumentPerturbation, Generator, one_of
from rankify.text.perturbations.pieces import Pieces, chunks, joined


class Inject(DocumentPerturbation):
    """A published text injected into the targets of an attack: an instruction, a statement, the query, label words.

    The texts and where they are from stand in `injections.yaml`.

    Args:
        way: statement, query, labels, ignore (where nothing else is said), completion or combined.
        place: where it goes: at the start, in the middle (between two words) or at the end of the text.
        repeat: how many times.
        text: another text in the place of the published ones; `{query}` in it stands for the query.

    >>> from rankify.text.perturbations import generator
    >>> Inject("query", place="start").changed("On cats.", generator(0), query="dogs", words=())
    'dogs On cats.'
    """

    name = "inject"
    targeted = True

    def __init__(
        self, way: str = "", *, place: Literal["start", "middle", "end"] = "end", repeat: int = 1,
        text: str | None = None,
    ) -> None:  # fmt: skip
        if way and text is not None:
            raise Misuse(f"inject:{way} has a text of its own; write inject?text={quote(text)}")
        self.model = one_of("injection", way or "ignore", list(injections())) if text is None else ""
        one_of("place of an injection", place, ["start", "middle", "end"])
        if repeat < 1:
            raise Misuse(f"inject?repeat={repeat}: how many times is 1 or more")
        if text is not None and not text.strip():
            raise Misuse("inject?text= is empty; write what is to be injected, with %20 for a blank")
        self.place, self.repeat, self.text = place, repeat, text

    def changed(self, text: str, chance: Generator, *, query: str, words: Sequence[str]) -> str:  # noqa: ARG002
        written = self.text if self.text is not None else injections()[self.model]["text"]
        injected = " ".join([written.replace("{query}", query)] * self.repeat)
        found = chunks(text)
        before = {"start": 0, "middle": len(found.words) // 2, "end": len(found.words)}[self.place]
        return joined(*_inserted(found, before, injected))


def _inserted(found: Pieces, before: int, text: str) -> Pieces:
    """The words with a text in front of one of them, with a blank where there is no gap."""
    words, gaps = found
    if before == len(words):
        return Pieces([*words, text], [*gaps, ""])
    return Pieces([*words[:before], text, *words[before:]], [*gaps[: before + 1], " ", *gaps[before + 1 :]])


@cache
def injections() -> Mapping[str, Mapping[str, str]]:
    """The published texts by name, each with `quoted` and `source`."""
    found: Mapping[str, Mapping[str, str]] = packaged(files(__package__) / "injections.yaml")["injections"]
    return found
