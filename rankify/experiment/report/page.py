"""The page itself: tables as HTML, questions as JSON that its script shows as text, and nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import rankify
from rankify.experiment.grid import Grid

SIZE = 4_000_000  # characters of all questions together; texts of documents are cut as far as this takes
LENGTHS = (1500, 1000, 600, 400, 250, 150, 80, 0)  # characters of a document's text, the first that keeps to the size


def page(name: str, grids: Sequence[Grid], datasets: Sequence[Mapping[str, Any]]) -> str:
    """The report as HTML: an overview, and a view of each question.

    Whatever it shows of a collection or a model is text there: tables are escaped, and the script puts texts on the
    page as text. The page allows no script but its own, by hash, and no request to anywhere.

    Args:
        name: the experiment's.
        grids: the tables of the overview.
        datasets: as `questions` gives them.
    """
    from jinja2 import Environment, StrictUndefined

    style, script = _part("report.css"), _part("report.js")
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    length, data = _fitted(datasets)
    return made.from_string(_part("report.html")).render(
        name=name, grids=grids, datasets=datasets, version=rankify.__version__, cut=length,
        style=style, script=script, style_hash=_hash(style), script_hash=_hash(script), data=data,
    )  # fmt: skip


def _part(name: str) -> str:
    return (files("rankify.experiment.report") / name).read_text("utf-8")


def _hash(text: str) -> str:
    """What a Content-Security-Policy calls a script or a style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _fitted(datasets: Sequence[Mapping[str, Any]]) -> tuple[int, str]:
    """How long a document's text is at most, and the questions as JSON that keeps to the size.

    Raises nothing where even documents without texts are too much: then the page is larger.
    """
    for length in LENGTHS:
        cut = [{**one, "documents": [[id, title[:200], text[:length]] for id, title, text in one["documents"]]}
               for one in datasets]  # fmt: skip
        data = embedded(cut)
        if len(data) <= SIZE:
            break
    return length, data


def embedded(value: Any) -> str:
    """JSON that can stand in a script element: nothing in it ends the element or begins a comment.

    >>> embedded(["</script><!-- é"])
    '["\\\\u003c/script\\\\u003e\\\\u003c!-- é"]'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", "replace").decode()  # half a surrogate pair has no UTF-8
