"""Which prompt files a method can ask with in the place of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from rankify.errors import Misuse
from rankify.prompts.template import Template, names, template

OPTIONS = ("prompt", "reads")  # options of methods that name prompt files
_DOCUMENTS = re.compile(r"\{[%{][^{}%]*\bdocuments\b")


def shows_documents(asks: Template) -> bool:
    """Whether a prompt shows the documents that it is given.

    >>> shows_documents(template("basic")), shows_documents(template("zero-shot"))
    (True, False)
    """
    return bool(asks.parts) or _DOCUMENTS.search(f"{asks.messages}{asks.text}") is not None


def refuse_unfit(
    method: str, usual: Mapping[str, Any], given: Mapping[str, Any], *, reads: Collection[str] = (), bare: bool = False
) -> None:
    """Refuses prompts with which a method would show other things than it says, or could not read the replies.

    Args:
        method: its name.
        usual: its own prompts, by option.
        given: its options.
        reads: how replies may be read besides the way of its own prompt.
        bare: whether a prompt may do without the values that its own one has.

    Raises:
        UnknownName: no prompt has that name.
        Misuse: a prompt does not fit; the message says why, and names those that do.
    """
    for option in OPTIONS:
        if option not in given or option not in usual:
            continue
        unfit = _unfit(template(usual[option]), {*reads}, bare=bare)
        if why := unfit(template(given[option])):
            fitting = [name for name in names() if not unfit(template(name))]
            use = " or ".join([", ".join(fitting[:-1])] * (len(fitting) > 1) + fitting[-1:])
            raise Misuse(f"{option}={given[option]!r} of {method!r} {why}; use {use}")


def _unfit(own: Template, reads: set[str], *, bare: bool) -> Callable[[Template], str]:
    """What is wrong with a prompt in the place of another one; "" where it fits."""

    def unfit(other: Template) -> str:
        lacks, more = own.values.keys() - other.values.keys(), other.values.keys() - own.values.keys()
        if other.reads not in {own.reads, *reads}:
            return f"asks for another kind of reply ({other.reads}, not {own.reads})"
        if bool(other.parts) != bool(own.parts):
            return f"is {'not ' * bool(own.parts)}of parts that an encoder reads apart"
        if shows_documents(other) != shows_documents(own):
            return f"shows {'no ' * shows_documents(own)}documents"
        if more or (lacks and not bare):
            return f"also shows {min(more)}" if more else f"does not show {min(lacks)}"
        return ""

    return unfit
