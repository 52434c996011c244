"""One table, four notations."""

import io

from rich.console import Console

from rankify.experiment.grid import Entry, Grid, escaped

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
