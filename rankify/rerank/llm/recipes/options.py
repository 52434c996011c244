"""Options that several recipes have."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TypeVar

from rankify.errors import UnknownName
from rankify.prompts.template import Template, names, template
from rankify.rerank.llm.flow import MakeFlow
from rankify.rerank.llm.flows.sliding_window import sliding_window

Kind = TypeVar("Kind")


def windows(window: int, step: int, passes: int) -> MakeFlow:
    """A flow of sliding windows."""
    return partial(sliding_window, window=window, step=step, passes=passes)


def prompt_that(name: str, reads: str) -> Template:
    """The prompt of that name, whose reply is read in this way.

    Raises:
        UnknownName: there is none.
    """
    fitting = [n for n in names() if template(n).reads == reads]
    if name not in fitting:
        raise UnknownName.among(f"prompt whose reply is a {reads}", name, fitting)
    return template(name)


def one_of(option: str, name: str, known: Mapping[str, Kind]) -> Kind:
    """What an option names.

    Raises:
        UnknownName: nothing has that name; the message lists near ones.
    """
    if name not in known:
        raise UnknownName.among(option, name, known)
    return known[name]
