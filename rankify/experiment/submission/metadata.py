"""What a submission says of its model: the template, and its values checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from reprlib import Repr
from typing import IO, Any
from unicodedata import category, normalize

import yaml

from rankify.errors import BadInput, UnknownName
from rankify.evaluation.averages import averages, names
from rankify.experiment.problems import Problems
from rankify.io.files import reading
from rankify.io.yaml_file import Distinct, unreadable
from rankify.packaged import packaged

NONE, UNKNOWN = "none", "unknown"
LONGEST = 40  # characters of a number
_NOTHING: Mapping[str, str] = {}
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9_]*)")  # in YAML 010 is 8, and 0x10 and 0b11 are numbers, too
_ADDRESS = re.compile(r"https://[^\s/?#]+\.[^\s/?#.]+([/?#]\S*)?")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_names(value: Any) -> bool:
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one.strip() for one in value):
        return False
    return value in ([NONE], [UNKNOWN]) or not {one.strip().lower() for one in value} & {NONE, UNKNOWN}


KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("a text", lambda v: isinstance(v, str) and bool(v.strip())),
    "size": ("a whole number from 0 up, or unknown", lambda v: v == UNKNOWN or (_is_whole(v) and v >= 0)),
    "count": ("a whole number from 1 up", lambda v: _is_whole(v) and v > 0),
    "number": ("a number above 0", lambda v: isinstance(v, int | float) and not isinstance(v, bool) and 0 < v < 1e12),
    "names": ("a list of texts, each a collection, or of none or unknown alone", _is_names),
    "truth": ("true or false", lambda v: isinstance(v, bool)),
    "address": ("the address of a page", lambda v: isinstance(v, str) and bool(_ADDRESS.fullmatch(v))),
}


@cache
def fields() -> dict[str, dict[str, Any]]:
    """The fields, by name: kind, whether required, about, example."""
    found: dict[str, dict[str, Any]] = packaged(files(__package__) / "metadata.yaml")
    return found


def template() -> str:
    """A file to fill in: what is required stands empty below its example, the rest as comments with theirs."""
    lines = ["# Metadata of a submission: fill in what is empty; what stands behind # may be left out."]
    for name, field in fields().items():
        example = (
            yaml.safe_dump(field["example"], default_flow_style=True, allow_unicode=True).split("\n...")[0].strip()
        )
        if field.get("required", False):
            lines += [f"# {field['about']}, e.g. {example}", f"{name}:"]
        else:
            lines += [f"# {field['about']}", f"# {name}: {example}"]
    return "\n".join(lines) + "\n"


class _Unquoted:
    """What YAML would take for a date, or for minutes and seconds, or for a number that nobody meant."""

    def __init__(self, written: str) -> None:
        self.written = written

    def __repr__(self) -> str:
        return self.written


class _Plain(Distinct):
    """Reads no dates, which no field is, and no numbers but those of digits: 1:30 would be 90, and 010 would be 8."""

    def whole(self, node: yaml.ScalarNode) -> Any:
        """A whole number, where it is one."""
        meant = _WHOLE.fullmatch(node.value) and len(node.value) <= LONGEST
        return self.construct_yaml_int(node) if meant else _Unquoted(node.value)

    def broken(self, node: yaml.ScalarNode) -> Any:
        """A number with a point, where it is one."""
        meant = ":" not in node.value and len(node.value) <= LONGEST
        return self.construct_yaml_float(node) if meant else _Unquoted(node.value)


_Plain.add_constructor("tag:yaml.org,2002:int", _Plain.whole)
_Plain.add_constructor("tag:yaml.org,2002:float", _Plain.broken)
_Plain.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: _Unquoted(node.value))


def _loaded(file: IO[str]) -> tuple[Any, dict[str, str]]:
    """What a file says, and how the values that are no texts are written in it."""
    loader = _Plain(file)
    try:
        node = loader.get_single_node()
        said = None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return said, {key.value: value.value for key, value in pairs if isinstance(value, yaml.ScalarNode)}


def _short(value: Any) -> str:
    """A value as Python writes it, a long or deep one cut off."""
    writer = Repr()
    writer.maxlevel, writer.maxstring, writer.maxother = 2, 60, 60
    return writer.repr(value)


def read(path: Path) -> dict[str, Any]:
    """The metadata in a YAML file.

    Raises:
        BadInput, Several: the file is not YAML, or what `refuse` finds; each names file, key and the way out.
    """
    with reading(path) as file:
        try:
            said, written = _loaded(file)
        except RecursionError:
            raise BadInput(f"{path}: not YAML: brackets without end; see `rankify submit beir --template`") from None
        except yaml.YAMLError as error:
            raise unreadable(path, error) from None
    problems = Problems(str(path))
    refuse(said, problems, written)
    problems.refuse()
    found: dict[str, Any] = said
    return found


def refuse(said: Any, problems: Problems, written: Mapping[str, str] = _NOTHING) -> None:
    """Notes what is wrong with metadata: keys that are missing or unknown, values of another kind.

    Args:
        written: by field, how its value stands in the file.
    """
    if not isinstance(said, Mapping):
        problems.note(BadInput("it is a mapping of fields; see `rankify submit beir --template`"), "metadata")
        return
    for name, field in fields().items():
        with problems.at(name):
            required, example = field.get("required"), f"{field['about']}, e.g. {field['example']!r}"
            if name not in said and required:
                raise BadInput(f"is missing: {example}")
            if name in said and said[name] is None:
                raise BadInput(f"is empty: {example}" + ("" if required else "; or leave it out"))
            if name in said:
                _refuse_value(said[name], field, written.get(name))
    for name in said:
        with problems.at():
            if name not in fields():
                raise UnknownName.among("field", str(name), fields())
    with problems.at("zero_shot"):
        _refuse_seen(said)


def _refuse_value(value: Any, field: Mapping[str, Any], written: str | None) -> None:
    """Raises BadInput for a value that is not of its field's kind, as it is written."""
    shown = _short(value if written is None or isinstance(value, str) else _Unquoted(written))
    words, fits = KINDS[field["kind"]]
    if not fits(value):
        raise BadInput(f"{shown} is not {words}, e.g. {field['example']!r}{_way(value, field['kind'])}")
    if any(category(sign) in ("Cc", "Cs") and sign not in "\t\n\r" for text in _texts(value) for sign in text):
        raise BadInput(f"{shown} has a character that no text has; leave it out")


def _way(value: Any, kind: str) -> str:
    """What is to be done with a value of another kind, where that can be seen."""
    if kind == "text" and not isinstance(value, str | list | Mapping):
        return "; put it in quotes"
    if kind in ("size", "count", "number") and (isinstance(value, _Unquoted) or _is_number(value)):
        return "; write a number in digits, without an exponent or a 0 in front, and not in quotes"
    return ""


def _is_number(value: Any) -> bool:
    """Whether a text is a number."""
    try:
        return isinstance(value, str) and bool(float(value) or True)
    except ValueError:
        return False


def _texts(value: Any) -> Iterator[str]:
    yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str))


def _refuse_seen(said: Mapping[str, Any]) -> None:
    """Raises BadInput where a model is called zero-shot that saw a collection of BEIR, or of which nobody knows it.

    MS MARCO is none of these: BEIR's paper trains its zero-shot models on it.
    """
    trained = said.get("training_data")
    if said.get("zero_shot") is not True or not isinstance(trained, list):
        return
    named = [one.strip() for one in trained if isinstance(one, str)]
    if seen := next(filter(_is_of_beir, named), None):
        raise BadInput(f"true, and {_short(seen)} in training_data is of BEIR; write false")
    if named == [UNKNOWN]:
        raise BadInput("true, and training_data is unknown; leave it out")


def _is_of_beir(name: str) -> bool:
    """Whether a name is that of BEIR, of a named set, or of a collection other than MS MARCO.

    Case, accents, blanks and signs count nothing, nor do an owner in front and a split behind.

    >>> [_is_of_beir(one) for one in ("mteb/HotPot_QA", "Natural Questions (train)", "BEIR-14", "beir/msmarco", "mine")]
    [True, True, True, False, False]
    """
    pieces = re.sub(r"[\W_]+(train(ing)?|dev|test)\W*$", "", name.lower()).split("/")
    return any(_folded("".join(pieces[first:])) in _of_beir() for first in range(len(pieces)))


@cache
def _of_beir() -> set[str]:
    collections = {_folded(other) for other, name in names().items() if name != "msmarco"}
    return collections | {_folded(name) for name in ("beir", *averages())}


def _folded(name: str) -> str:
    """A name without case, accents, blanks and signs."""
    return re.sub(r"[\W_]+", "", normalize("NFKD", name.lower()).encode("ascii", "ignore").decode())
