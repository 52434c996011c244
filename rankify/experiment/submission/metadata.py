"""What a submission says of its model: the template, and its values checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from reprlib import Repr
from typing import Any

import yaml

from rankify.errors import BadInput, UnknownName
from rankify.experiment.problems import Problems
from rankify.io.files import reading
from rankify.io.yaml_file import Distinct, unreadable
from rankify.packaged import packaged

UNKNOWN = "unknown"


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("a text", lambda v: isinstance(v, str) and bool(v.strip())),
    "size": ("a whole number from 0 up, or unknown", lambda v: v == UNKNOWN or (_is_whole(v) and v >= 0)),
    "count": ("a whole number from 1 up", lambda v: _is_whole(v) and v > 0),
    "number": ("a number above 0", lambda v: isinstance(v, int | float) and not isinstance(v, bool) and 0 < v < 1e12),
    "names": ("a list of texts", lambda v: isinstance(v, list) and bool(v) and all(isinstance(one, str) for one in v)),
    "truth": ("true or false", lambda v: isinstance(v, bool)),
    "address": ("an address, e.g. https://example.org", lambda v: isinstance(v, str) and v.startswith("https://")),
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
            said = yaml.load(file, Loader=Distinct)  # noqa: S506 - a safe loader
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
                raise BadInput(f"{_short(said[name])} is not {words}, e.g. {field['example']!r}")
    for name in said:
        with problems.at():
            if name not in fields():
                raise UnknownName.among("field", str(name), fields())
