"""One table, four notations."""

import io
import re
from dataclasses import replace
from math import nan

import pytest
from rich.console import Console

from rankify.experiment import judging
from rankify.experiment.grid import Entry, Grid, latex_file
from rankify.experiment.marking import entry, top_two
from rankify.experiment.tables import means

GRID = Grid(
    title="small: 2 queries",
    columns=["system", "RR@10", "R_5"],
    rows=[
        ("bm25", [Entry("0.5000"), Entry("1.0000", best=True)]),
        ("a|b", [Entry("0.7500", True, "†"), Entry("0.5", mark="‡")]),
    ],
    note="† above, ‡ below bm25 (p <= 0.05)",
)


WHY = "no model 'nonexistent-org/none' on the hub, and no folder of that name; " * 3
WORDS = Grid(
    title="failed",
    columns=["system", "dataset", "reason"],
    rows=[("bm25-rm3-monot5-base", [Entry("pydoc"), Entry(WHY)]), ("x", [Entry("scifact"), Entry("short")])],
    words=["dataset", "reason"],
)


def screen(grid, width):
    console = Console(width=width, file=io.StringIO())
    console.print(grid.rich())
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 160])
def test_on_a_terminal_long_words_are_folded_and_names_stay_whole(width):
    shown = screen(WORDS, width)
    assert re.search(r"^ ?bm25-rm3-monot5-base +pydoc +no model", shown, re.MULTILINE)
    assert re.search(r"^ ?x +scifact +short *$", shown, re.MULTILINE)
    assert shown.count("hub") == 3
    assert "…" not in shown


@pytest.mark.parametrize(
    ("width", "columns", "parts"),
    [(40, 2, 1), (40, 3, 2), (77, 6, 1), (76, 6, 2), (80, 7, 2), (80, 12, 2), (80, 13, 3), (160, 13, 1), (160, 14, 2)],
)
def test_on_a_terminal_columns_that_have_no_room_stand_below_with_their_names(width, columns, parts):
    made = [(name, [Entry(f"0.{i:04}", mark="†") for i in range(columns)]) for name in ("bm25", "rm3-monot5-base")]
    shown = screen(Grid(title="t", columns=["system", *(f"nDCG@{i}" for i in range(columns))], rows=made), width)
    assert [shown.count(f"0.{i:04}†") for i in range(columns)] == [2] * columns
    assert [len(re.findall(rf"nDCG@{i}\b", shown)) for i in range(columns)] == [1] * columns
    assert shown.count("system") == shown.count("bm25") == parts
    assert max(map(len, shown.splitlines())) <= width


def test_a_name_that_is_wider_than_a_terminal_is_folded_and_values_stay_whole():
    shown = screen(Grid(title="t", columns=["system", "R"], rows=[("abcdefghij" * 9, [Entry("0.1234")])]), 50)
    assert "0.1234" in shown
    assert len(re.findall("[a-j]", shown.rpartition("─")[2])) == 90


def test_names_that_are_long_leave_room_for_values_beside_each_other():
    row = ("abcdefghij" * 9, [Entry("0.1234"), Entry("0.2345"), Entry("0.3456")])
    shown = screen(Grid(title="t", columns=["system", "R", "P", "RR"], rows=[row]), 80)
    assert re.search("0.1234 +0.2345 +0.3456", shown)


def test_words_stand_to_the_left_in_every_notation():
    assert "x                     scifact  short\n" in WORDS.text()
    assert "| --- | --- | --- |" in WORDS.markdown()
    assert r"\begin{tabular}{llp{0.50\linewidth}}" in WORDS.latex()
    assert "| --- | ---: | ---: |" in GRID.markdown()
    assert r"\begin{tabular}{lrr}" in GRID.latex()


def test_several_long_columns_of_latex_share_the_width():
    long = replace(WORDS, rows=[("x", [Entry("word " * 9), Entry(WHY)])])
    assert r"\begin{tabular}{lp{0.25\linewidth}p{0.25\linewidth}}" in long.latex()


def test_measures_without_values_say_why_in_columns_of_words():
    [lost] = judging.lost({"songs": {"bm25": [("faithfulness", "no server")]}})
    assert [*lost.words] == ["dataset", "measures", "reason"]


def test_a_column_of_words_that_is_none_is_refused():
    with pytest.raises(ValueError, match="no column 'why'"):
        replace(WORDS, words=["why"])


def test_a_file_of_latex_names_the_package_that_it_needs():
    assert latex_file([GRID, WORDS]) == "% needs \\usepackage{booktabs}\n" + GRID.latex() + "\n" + WORDS.latex()


def test_as_text_digits_stand_below_digits():
    assert GRID.text().splitlines() == [
        "small: 2 queries",
        "",
        "system    RR@10      R_5",
        "------------------------",
        "bm25    0.5000   1.0000",
        "a|b     0.7500†     0.5‡",
        "",
        "† above, ‡ below bm25 (p <= 0.05)",
    ]


def test_as_markdown_the_best_is_bold_and_bars_are_escaped():
    assert "| bm25 | 0.5000 | **1.0000** |" in GRID.markdown()
    assert "| a\\|b | **0.7500**† | 0.5‡ |" in GRID.markdown()


def test_as_latex_nothing_needs_escaping_by_hand():
    assert r"system & RR@10 & R\_5 \\" in GRID.latex()
    assert r"a\textbar{}b & \textbf{0.7500}$^{\dagger}$ & 0.5$^{\ddagger}$ \\" in GRID.latex()
    assert r"p $\leq$ 0.05" in GRID.latex()


def test_on_a_terminal_nothing_is_read_as_markup():
    console = Console(width=100, file=io.StringIO())
    console.print(Grid(title="[bold]x[/bold]", columns=["system", "R"], rows=[("[red]", [Entry("0.5")])]).rich())
    assert "[bold]x[/bold]" in console.file.getvalue()
    assert "[red]" in console.file.getvalue()


def test_the_second_of_a_column_is_underlined():
    """In every notation that has such a thing; a terminal has."""
    grid = Grid(title="t", columns=["system", "R"], rows=[("a", [Entry("0.5", mark="†", second=True)])])
    assert "| a | <u>0.5</u>† |" in grid.markdown()
    assert r"a & \underline{0.5}$^{\dagger}$ \\" in grid.latex()
    console = Console(width=100, file=io.StringIO(), force_terminal=True)
    console.print(grid.rich())
    assert "\x1b[4m0.5" in console.file.getvalue()


def test_letters_of_significance_are_raised_letters_in_latex():
    """Fonts of LaTeX need not have Unicode's small raised letters."""
    grid = Grid(title="t", columns=["system", "R"], rows=[("a", [Entry("0.5", mark="ᵃᶜ")])])
    assert r"a & 0.5$^{\mathrm{ac}}$ \\" in grid.latex()
    assert "0.5ᵃᶜ" in grid.markdown()


def test_the_latex_of_a_table_is_whole():
    """Environments and braces end as they began, and every row has as many cells as there are columns."""
    made = GRID.latex()
    begun = re.findall(r"\\(begin|end)\{(\w+)\}", made)
    assert begun == [("begin", "table"), ("begin", "tabular"), ("end", "tabular"), ("end", "table")]
    bare = re.sub(r"\\[{}]", "", made)
    assert bare.count("{") == bare.count("}")
    rows = [line for line in made.splitlines() if line.endswith(r" \\")]
    assert {len(re.split(r"(?<!\\)&", row)) for row in rows} == {3}
    assert made.isascii()


@pytest.mark.parametrize(
    ("values", "best", "second"),
    [
        ([0.3, 0.1, 0.2], [0], [2]),
        ([0.3, 0.30001, 0.2], [0, 1], [2]),
        ([0.3, 0.2, 0.20001], [0], [1, 2]),
        ([nan, 0.1], [1], []),
        ([nan, nan], [], []),
        ([0.0], [0], []),
    ],
)
def test_best_and_second_are_those_that_are_written_so(values, best, second):
    entries = [entry(value, top_two(values, "F1")) for value in values]
    assert [place for place, one in enumerate(entries) if one.best] == best
    assert [place for place, one in enumerate(entries) if one.second] == second


@pytest.mark.parametrize(("measure", "best", "second"), [("cites_unknown", 1, 2), ("length", None, None)])
def test_the_least_is_best_where_less_is_better_and_none_where_neither_end_is(measure, best, second):
    scores = {s: {measure: value} for s, value in (("a", 0.3), ("b", 0.1), ("c", 0.2), ("d", nan))}
    entries = [row[0] for _, row in means("t", scores, None).rows]
    assert [one.best for one in entries] == [place == best for place in range(4)]
    assert [one.second for one in entries] == [place == second for place in range(4)]
