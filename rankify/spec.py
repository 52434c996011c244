"""Specs: the one-line names of components, `name[:model][?option=value&...]`, read and written.

A spec is what a user types, what stands beside every run, and what `repr(stage)` gives.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from rankify.errors import Misuse

Value = str | int | float | bool | None
_WORDS: dict[str, Value] = {"true": True, "false": False, "none": None}


@dataclass(frozen=True, slots=True)
class Spec:
    """A component's name, the model it runs (or ""), and its options.

    >>> Spec.parse("first:vllm:castorini/first_mistral?window=20")
    Spec(name='first', model='vllm:castorini/first_mistral', options={'window': 20})
    >>> str(Spec("bm25", options={"k1": 1.2}))
    'bm25?k1=1.2'
    """

    name: str
    model: str = ""
    options: Mapping[str, Value] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, text: str) -> Spec:
        """Reads a spec.

        Raises:
            Misuse: no name, or an option without a value.
        """
        head, _, query = text.strip().partition("?")
        name, _, model = head.partition(":")
        if not name:
            raise Misuse(f"{text!r} names nothing; a spec is name[:model][?option=value&...]")
        options: dict[str, Value] = {}
        for pair in filter(None, query.split("&")):
            option, equals, written = pair.partition("=")
            if not equals or not option:
                raise Misuse(f"cannot read the options of {text!r}; write name?option=value&option=value")
            options[option] = unquote(written, errors="surrogateescape") if "%" in written else value_of(written)
        return cls(name, model, options)

    def __str__(self) -> str:
        head = f"{self.name}:{self.model}" if self.model else self.name
        written = "&".join(f"{option}={_written(value)}" for option, value in self.options.items())
        return f"{head}?{written}" if written else head


def value_of(text: str) -> Value:
    """The number, boolean or none that is written like this text and no other, or else the text.

    >>> [value_of(t) for t in ("20", "0.9", "true", "none", "cosine", "007", "1.10", "2024_11_24")]
    [20, 0.9, True, None, 'cosine', '007', '1.10', '2024_11_24']
    """
    return next((value for value in _spelled(text, (bool, type(None), int, float)) if _plain(value) == text), text)


def read_as(value: Value, kinds: Collection[type]) -> Value:
    """An option's value in a spec, as one of these kinds where it can be read as one.

    >>> read_as("1e3", (float,)), read_as(20, (str,)), read_as("True", (bool,)), read_as("far", (int,))
    (1000.0, '20', True, 'far')
    """
    if type(value) in kinds:
        return value
    text = _plain(value)
    return text if str in kinds else next(_spelled(text, kinds), value)


def _spelled(text: str, kinds: Collection[type]) -> Iterator[Value]:
    """The values of these kinds that a text can stand for."""
    word = _WORDS.get(text.lower(), text)
    if type(word) in kinds and not isinstance(word, str):
        yield word
    for kind in (int, float):
        if kind in kinds and "_" not in text:
            with suppress(ValueError):
                yield kind(text)


def _plain(value: Value) -> str:
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _written(value: Value) -> str:
    """A value as a spec has it: a text that looks like another value has its first character as %XX."""
    if not isinstance(value, str):
        return quote(_plain(value), safe="+")
    written = quote(value, safe="/:@+", errors="surrogateescape")
    return written if value_of(written) == value or "%" in written else f"%{ord(value[0]):02X}{value[1:]}"


def spec_of(component: object) -> Spec:
    """The spec that loads an equal component: its constructor's plain arguments that differ from the defaults.

    A component keeps each constructor argument under the argument's own name, `**options` that it passes on too, and
    its registered name as `name`.
    """
    options: dict[str, Value] = {}
    for parameter in inspect.signature(type(component).__init__).parameters.values():
        value = getattr(component, parameter.name, parameter.default)
        if parameter.kind is parameter.VAR_KEYWORD and isinstance(value, Mapping):
            options.update(value)
        plain = value is None or isinstance(value, str | int | float | bool)
        if parameter.kind is parameter.KEYWORD_ONLY and plain and value != parameter.default:
            options[parameter.name] = value
    model = getattr(component, "model", "")
    return Spec(getattr(component, "name", type(component).__name__), model if isinstance(model, str) else "", options)


class Specified:
    """A component that is written as its spec, and equal to one of its type that is written alike."""

    def __repr__(self) -> str:
        return str(spec_of(self))

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


def written_options(component: object) -> list[str]:
    """The options of `spec_of` as they stand in the parentheses of a pipeline's text: `name=value` each."""
    return [f"{option}={_plain(value)}" for option, value in spec_of(component).options.items()]


def describe(factory: Any) -> dict[str, Value]:
    """The options a component takes, with their defaults, as its signature says.

    >>> def bm25(corpus, *, k1=0.9, b=0.4): ...
    >>> describe(bm25)
    {'k1': 0.9, 'b': 0.4}
    """
    parameters = inspect.signature(factory).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
