"""Tables that benchmarks write have the columns, the names of rows and the form of those on the pages."""

from argparse import Namespace

import pytest

from benchmarks import answers, encode, impact, late_interaction, updates
from benchmarks.command import markdown
from tests.test_figures import PAGES, ROOT, figures


def held(page, name, number=None):
    """The lines of the table that stands in a place."""
    [place] = [
        place for place in figures.PLACE.finditer(PAGES[ROOT / "docs" / page])
        if (place["name"], place["number"]) == (name, number)
    ]  # fmt: skip
    return figures.tables(place["held"])[0].splitlines()


MEASURES = dict.fromkeys(("EM", "F1", "contains", "has_answer@1", "has_answer@5", "has_answer@20"), 0.12345)
ANSWERS = answers.lines([{"reranker": name, **MEASURES} for name in ("bm25", "MiniLM", "oracle")], Namespace(depth=50))
CHANGE = {"fresh": (1, 2.345), "changed": (1, 0.5), "ratio": (1, 0.0767), "opened": (1, 0.25), "same": True}
SEARCH = {"build": 7.36, "peak GB": 1.32, **{f"q/s@{k}": 299.4 for k in impact.DEPTHS},
          **{f"recall@{k}": 1 - k / 10**7 for k in impact.DEPTHS}}  # fmt: skip
SPEED = {"peer_per_second": 42.34, "ratio": 1.68, "least_cosine": 0.99123}
SPEEDS = {f"{what}{end}": SPEED for what in ("pairs", "documents") for end in encode.ROWS.values()}
STORED = {"collection": "scifact", "bits": 16, "R@100": 0.931, "kept": 1.0, "bytes": 954153324, "of float32": 0.50007,
          "of float16": 1.00014, "vectors": 1, "ms a query": 3.0}  # fmt: skip


@pytest.mark.parametrize(
    ("written", "page", "name", "number"),
    [
        (markdown(ANSWERS), "rag.md", "bench-answers", None),
        (markdown(updates.table_lines({"bm25": CHANGE, "vectors": CHANGE})), "updates.md", "bench-updates", None),
        (markdown(updates.table_lines({"tokens": CHANGE, "compressed": CHANGE})), "updates.md", "bench-updates-tokens",
         None),
        (markdown(impact.lines(dict.fromkeys(impact.INDEXES, SEARCH))), "sparse.md", "bench-impact", None),
        (markdown(encode.lines(SPEEDS)), "cpu.md", "bench-encode", None),
    ],
)  # fmt: skip
def test_columns_and_names_of_rows_are_the_pages(written, page, name, number):
    made, there = written.splitlines(), held(page, name, number)
    assert made[:2] == there[:2]
    assert [line.split(" | ")[0] for line in made] == [line.split(" | ")[0] for line in there]


def test_the_index_of_token_vectors_is_as_the_page_has_it():
    made = late_interaction.markdown([late_interaction.stored(STORED)]).splitlines()
    there = held("late-interaction.md", "bench-late-interaction", "2")
    assert made == [*there[:2], "| scifact | exact, float16 | .9310 | 1.0000 | 954,153,324 | .5001 | 1.0001 |"]
    assert made[2] == there[2]


def test_figures_are_short():
    assert ANSWERS[2] == ["BM25 alone", ".1235", ".1235", ".1235", ".1235", ".1235", ".1235"]
    assert updates.table_lines({"bm25": CHANGE})[2] == ["`bm25`", "2.35", "0.50", ".077", "0.25", "yes"]
    assert impact.lines({"exact": SEARCH})[2] == ["`exact`", "7.4", "1.3", "299", "299", "299", "0.9999"]
    assert encode.lines(SPEEDS)[2:4] == [
        ["sentence-transformers, a second", "42.3", "42.3", ""], ["torch, float32", "1.7", "1.7", ".991"],
    ]  # fmt: skip


def test_what_a_processor_has_not_is_left_out_of_the_table():
    found = encode.lines({"pairs": SPEED, "documents": {**SPEED, "least_cosine": 0.9999999}, "pairs-bfloat16": SPEED})
    assert found[3:] == [["torch, float32", "1.7", "1.7", "1"], ["torch, bfloat16", "1.7", "", ""]]
