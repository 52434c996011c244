"""What a submission says of its model: the template, and its values checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from reprlib import Repr
from typing import Any

import yaml

from rankify.errors import BadInput, UnknownName
from rankify.evaluation.averages import averages, canonical
from rankify.experiment.problems import Problems
from rankify.io.files import reading
from rankify.io.yaml_file import Distinct, unreadable
from rankify.packaged import packaged

NONE, UNKNOWN = "none", "unknown"
LONGEST = 40  # characters of a number
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
    """What YAML would take for a date, or for minutes and seconds, or for a number without end."""

    def __init__(self, written: str) -> None:
        self.written = written

    def __repr__(self) -> str:
        return self.written


class _Plain(Distinct):
    """Reads no dates, which no field is, and no numbers but those of digits: 1:30 would be 90."""

    def plain(self, node: yaml.ScalarNode) -> Any:
        """A number, where it is one."""
        made = self.construct_yaml_int if node.tag.endswith(":int") else self.construct_yaml_float
        with suppress(ValueError):  # 0x_
            if ":" not in node.value and len(node.value) <= LONGEST:
                return made(node)
        return _Unquoted(node.value)


_Plain.add_constructor("tag:yaml.org,2002:int", _Plain.plain)
_Plain.add_constructor("tag:yaml.org,2002:float", _Plain.plain)
_Plain.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: _Unquoted(node.value))


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
            said = yaml.load(file, Loader=_Plain)  # noqa: S506 - a safe loader
        except RecursionError:
            raise BadInput(f"{path}: not YAML: brackets without end; see `rankify submit beir --template`") from None
        except yaml.YAMLError as error:
            raise unreadable(path, error) from None
    problems = Problems(str(path))
    refuse(said, problems)
    problems.refuse()
    found: dict[str, Any] = said
    return found


def refuse(said: Any, problems: Problems) -> None:
    """Notes what is wrong with metadata: keys that are missing or unknown, values of another kind."""
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
            words, fits = KINDS[field["kind"]]
            if name in said and not fits(said[name]):
                bare = field["kind"] == "text" and not isinstance(said[name], str | list | Mapping)
                way = "; put it in quotes" if bare else ""
                raise BadInput(f"{_short(said[name])} is not {words}, e.g. {field['example']!r}{way}")
    for name in said:
        with problems.at():
            if name not in fields():
                raise UnknownName.among("field", str(name), fields())
    with problems.at("zero_shot"):
        _refuse_seen(said)


def _refuse_seen(said: Mapping[str, Any]) -> None:
    """Raises BadInput where a model is called zero-shot that saw a collection of BEIR, or of which nobody knows it.

    MS MARCO is none of these: BEIR's paper trains its zero-shot models on it.
    """
    trained = said.get("training_data")
    if said.get("zero_shot") is not True or not isinstance(trained, list):
        return
    known = {name for one in averages().values() for name in one.of} - {"msmarco"}
    names = [one.strip() for one in trained if isinstance(one, str)]
    if seen := [one for one in names if canonical(re.sub(r"[/-](train|dev|test)$", "", one)) in known]:
        raise BadInput(f"true, and {seen[0]!r} of BEIR is in training_data; write false")
    if names == [UNKNOWN]:
        raise BadInput("true, and training_data is unknown; leave it out")
