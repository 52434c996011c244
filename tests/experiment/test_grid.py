"""One table, four notations."""

import io
import re
from math import nan

import pytest
from rich.console import Console

from rankify.experiment.grid import Entry, Grid, escaped
from rankify.experiment.tables import entry, top_two

GRID = Grid(
    title="small: 2 queries",
    columns=["system", "RR@10", "R_5"],
    rows=[
        ("bm25", [Entry("0.5000"), Entry("1.0000", best=True)]),
        ("a|b", [Entry("0.7500", True, "†"), Entry("0.5", mark="‡")]),
    ],
    note="† above, ‡ below bm25 (p <= 0.05)",
)


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
    assert r"a|b & \textbf{0.7500}$^{\dagger}$ & 0.5$^{\ddagger}$ \\" in GRID.latex()
    assert r"p $\leq$ 0.05" in GRID.latex()


def test_every_special_character_of_latex_is_escaped():
    assert escaped(r"\&%$#_{}~^") == r"\textbackslash{}\&\%\$\#\_\{\}\textasciitilde{}\textasciicircum{}"


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
    entries = [entry(value, top_two(values)) for value in values]
    assert [place for place, one in enumerate(entries) if one.best] == best
    assert [place for place, one in enumerate(entries) if one.second] == second
