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
from rankify.experiment.report.plots import Plot

SIZE = 4_000_000  # bytes of all questions together; texts of documents and reasoning are cut as far as this takes
LENGTHS = (2000, 1500, 1000, 600, 400, 250, 150, 80, 40, 0)  # characters, the first that keeps to the size
TITLE = 200  # characters of a title


def page(
    name: str, grids: Sequence[Grid], datasets: Sequence[Mapping[str, Any]], plots: Sequence[Plot] = (), why: str = ""
) -> str:  # fmt: skip
    """The report as HTML: an overview, and a view of each question.

    Whatever it shows of a collection or a model is text there: tables are escaped, and the script puts texts on the
    page as text. The page allows no script but its own, by hash, and no request to anywhere.

    Args:
        name: the experiment's.
        grids: the tables of the overview.
        datasets: as `questions` gives them.
        plots: what is drawn below the tables.
        why: what is said where there are no plots.
    """
    from jinja2 import Environment, StrictUndefined

    style, script = _part("report.css"), _part("report.js")
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    length, data = _fitted(datasets)
    return made.from_string(_part("report.html")).render(
        name=name, grids=grids, plots=plots, why=why, datasets=datasets, version=rankify.__version__, cut=length,
        style=style, script=script, style_hash=_hash(style), script_hash=_hash(script), data=data,
    )  # fmt: skip


def _part(name: str) -> str:
    return (files("rankify.experiment.report") / name).read_text("utf-8")


def _hash(text: str) -> str:
    """What a Content-Security-Policy calls a script or a style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _fitted(datasets: Sequence[Mapping[str, Any]]) -> tuple[int, str]:
    """How long texts of documents and reasoning are at most, and the questions as JSON that is about of that size.

    Where questions and answers alone are larger, no other text is left, and the page is as large as they are.
    """
    texts = [text for one in datasets for text in _texts(one)]
    rest = len(embedded([_cut(one, 0) for one in datasets]).encode())
    sizes = [(len(text), len(text.encode("utf-8", "replace"))) for text in texts]
    length = next((n for n in LENGTHS if rest + sum(size * min(1, n / (c or 1)) for c, size in sizes) <= SIZE), 0)
    return length, embedded([_cut(one, length) for one in datasets])


def _texts(data: Mapping[str, Any]) -> list[str]:
    """What may be cut."""
    answers = [one["answer"] for question in data["questions"] for one in question["systems"] if one["answer"]]
    return [*(text for _, _, text in data["documents"]), *(answer["reasoning"] for answer in answers)]


def _cut(data: Mapping[str, Any], length: int) -> dict[str, Any]:
    """A dataset whose texts of documents and reasoning are so long at most."""

    def short(text: str, most: int = length) -> str:
        return text if len(text) <= most else f"{text[:most]}…" if most else ""

    def of_system(one: Mapping[str, Any]) -> dict[str, Any]:
        answer = one["answer"]
        return {**one, "answer": answer and {**answer, "reasoning": short(answer["reasoning"])}}

    return {
        **data,
        "documents": [[id, short(title, TITLE), short(text)] for id, title, text in data["documents"]],
        "questions": [{**one, "systems": list(map(of_system, one["systems"]))} for one in data["questions"]],
    }


def embedded(value: Any) -> str:
    """JSON that can stand in a script element: nothing in it ends the element or begins a comment.

    >>> embedded(["</script><!-- é"])
    '["\\\\u003c/script\\\\u003e\\\\u003c!-- é"]'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", "replace").decode()  # half a surrogate pair has no UTF-8
