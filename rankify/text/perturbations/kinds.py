"""What a perturbation is, and where its chance comes from."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from rankify import registry
from rankify.errors import Misuse, UnknownName
from rankify.spec import Specified

Generator = np.random.Generator


class Perturbation(Specified, ABC):
    """A change of a text: the same text and the same generator give the same change.

    Attributes:
        model: the way it is done, as its spec has it behind the colon; "" for the only or the usual one.
        seeded: whether chance has a part in it, be it which documents are attacked.
        files: the files that the change depends on.
    """

    name: ClassVar[str]
    model: str = ""

    @property
    def seeded(self) -> bool:
        return True

    @property
    def files(self) -> tuple[str, ...]:
        return ()

    def generator(self, seed: int, *about: str) -> Generator:
        """The chance for one text: it depends on the seed, on what is done, and on the ids of query and document.

        So a change depends neither on the texts before it nor on how they are batched. Options have no part: twice as
        many typos begin with the same ones.
        """
        return generator(seed, self.name, self.model, *about)


class QueryPerturbation(Perturbation):
    """A change of queries, which are then searched for again."""

    @abstractmethod
    def changed(self, text: str, chance: Generator) -> str:
        """The text as it is asked instead; itself where there is nothing to change."""


class DocumentPerturbation(Perturbation):
    """A change of documents that a reranker is given.

    Attributes:
        targeted: whether it is done to the targets of an attack alone, or to all documents.
    """

    targeted: bool

    @abstractmethod
    def changed(self, text: str, chance: Generator, *, query: str, words: Sequence[str]) -> str:
        """The text as the reranker reads it instead; itself where there is nothing to change.

        Args:
            query: the text of the query that it is a candidate for.
            words: what words of the collection may be put in.
        """


def generator(seed: int, *about: str) -> Generator:
    """A generator of its own for each seed and each thing that it is about.

    >>> bool(generator(1, "a").integers(1000) == generator(1, "a").integers(1000))
    True
    """
    digest = hashlib.sha256(json.dumps([seed, *about]).encode())
    return np.random.default_rng(int.from_bytes(digest.digest(), "big"))


def one_of(kind: str, way: str, known: Sequence[str]) -> str:
    """The way, if it is a known one.

    Raises:
        UnknownName: there is none of that name.
    """
    if way not in known:
        raise UnknownName.among(kind, way, known)
    return way


def several(written: str) -> list[Perturbation]:
    """The perturbations of a text, with blanks between their specs, each once.

    >>> several("typos?rate=0.2 case:upper")
    [typos?rate=0.2, case:upper]

    Raises:
        Misuse: there is none.
        UnknownName: there is no such perturbation, or it has no such option.
    """
    found: list[Perturbation] = [registry.load("perturbation", spec) for spec in written.split()]
    if not found:
        raise Misuse('no perturbation is named; write for example "typos case:upper", see: rankify list perturbations')
    return list(dict.fromkeys(found))
