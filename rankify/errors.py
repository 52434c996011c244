"""What can go wrong, each with the way out in its message: one line, the user's words, the offending value."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from importlib import import_module
from types import ModuleType
from typing import ClassVar


class RankifyError(Exception):
    """Anything Rankify refuses or cannot finish. `exit_code` is what the command line leaves with."""

    exit_code: ClassVar[int] = 1

    def __str__(self) -> str:
        return " ".join(str(a) for a in self.args)  # a KeyError would print the repr


class BadInput(RankifyError, ValueError):
    """Data that cannot be used: the message names the file and line, or the value."""


class Misuse(BadInput):
    """Arguments that make no whole: a spec, pipeline, option or measure that cannot be read or is out of range."""

    exit_code = 2


class Several(Misuse):
    """Several things are wrong at once. Each is a line of its own in the message.

    >>> print(Several("no system 'a'", "no system 'b'"))
    no system 'a'
    no system 'b'
    """

    def __str__(self) -> str:
        return "\n".join(" ".join(str(one).split()) for one in self.args)


class UnknownName(RankifyError, LookupError):
    """A name or an option that nothing answers to; the message lists near ones."""

    exit_code = 2

    @classmethod
    def among(cls, kind: str, name: str, known: Iterable[str]) -> UnknownName:
        """The error for a `name` that is none of the `known`.

        >>> str(UnknownName.among("reranker", "frist", ["first", "rankgpt"]))
        "no reranker 'frist'; did you mean 'first'?"
        >>> str(UnknownName.among("reranker", "xyz", ["first", "rankgpt"]))
        "no reranker 'xyz'; there are: first, rankgpt"
        >>> str(UnknownName.among("measure", "ndcg", ["nDCG", "R"]))
        "no measure 'ndcg'; did you mean 'nDCG'?"
        """
        names = sorted(set(known))
        folded = {n.lower(): n for n in names}
        if near := [folded[n] for n in difflib.get_close_matches(name.lower(), folded)]:
            return cls(f"no {kind} {name!r}; did you mean {' or '.join(map(repr, near))}?")
        return cls(f"no {kind} {name!r}; there are: {', '.join(names) or 'none'}")


class MissingExtra(RankifyError, ImportError):
    """A library that an optional part needs is not installed."""


class BadReply(RankifyError):
    """A model or a server answered with something that is not an answer."""


def needs(module: str, extra: str) -> ModuleType:
    """The module, imported now.

    Raises:
        MissingExtra: it is not installed; the message says which extra of Rankify brings it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name and not module.startswith(error.name):
            raise  # the module is there, something inside it is not: the real message helps more
        name = module.partition(".")[0]
        raise MissingExtra(f'{name} is not installed: pip install "rankify[{extra}]"') from None
