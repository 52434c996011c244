"""Texts that come from elsewhere, in LaTeX and Markdown: they print as they are, and tables stay whole."""

import random
import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from rankify.experiment.escaping import in_latex, in_markdown
from rankify.experiment.grid import Entry, Grid, latex_file

GRID = Grid(title="t", columns=["system", "R"], rows=[("a", [Entry("0.5", best=True)]), ("b", [Entry("0.4")])])
HOSTILE = [
    "<html>", "</td></table>", "<!-- x -->", "<https://a.example/b>", "*a*", "**a**", "_a_", "__a__", "__init__", "`a`",
    "``a`b``", "[a](b)", "![a](b)", "[a][b]", "[^1]", "[a]", "~~a~~", "~a~", "a|b", "||", "\\", "a\\", "\\|", "\\*a\\*",
    "\\_", "&lt;b&gt;", "&#60;", "&", "_a", "a_", "*", "2 * 3 * 4", "a_b_c", "<0.0001", "12.5*", "$x$", "a]: b", "!",
]  # fmt: skip
PLAIN = ["bm25_k1", "nDCG@10", "a -> b", "p >= 0.05", "p <= 0.05", "bm25?k1=2.0&b=0.9 % 20 >> rm3", "fused[k1=0.9]",
         "rrf(bm25 % 9, dense:BAAI/bge-base-en-v1.5)", "No. 3 (#1) + {x}: 'a', \"b\"!", "a\\b", "† above"]  # fmt: skip


def printed(markdown):
    """What Markdown with GitHub's tables prints of the title, each cell and the note, as texts; no frames."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    inline = [token for token in parser.parse(markdown) if token.type == "inline"]
    assert {child.type for token in inline for child in token.children} <= {"text", "text_special"}
    return ["".join(child.content for child in token.children) for token in inline]


def everywhere(text):
    """A table that has a text in all places."""
    return Grid(title=f"t {text}", columns=["system", text], rows=[(f"n {text}", [Entry(text)])], note=f"m {text}")


@pytest.mark.parametrize("text", [*HOSTILE, *PLAIN])
def test_markdown_prints_every_text_as_it_is(text):
    assert printed(everywhere(text).markdown()) == [f"t {text}", "system", text, f"n {text}", text, f"m {text}"]


def test_markdown_prints_texts_of_chance_as_they_are():
    chance = random.Random(7)
    for _ in range(3000):
        text = "".join(chance.choices("ab1*_`~|\\<>/!?&;#[]()^: lt", k=chance.randint(1, 9))).strip() or "a"
        text = " ".join(text.split())
        said = printed(everywhere(f"{text}.").markdown())
        assert said == [f"t {text}.", "system", f"{text}.", f"n {text}.", f"{text}.", f"m {text}."]


@pytest.mark.parametrize("text", PLAIN)
def test_what_markdown_does_not_read_as_more_stands_in_its_source_as_it_is(text):
    assert in_markdown(text) == text


def test_lines_of_a_text_are_one_in_markdown():
    assert in_markdown("no server\n\n| at all") == "no server  \\| at all"


def test_frames_of_the_best_two_are_ours():
    row = ("*a*", [Entry("0.5_", best=True, mark="†"), Entry("<b>", second=True)])
    made = Grid(title="t", columns=["system", "R", "P"], rows=[row]).markdown()
    assert r"| \*a\* | **0.5\_**† | <u>\<b></u> |" in made


def test_every_special_character_of_latex_is_escaped():
    assert in_latex(r"\&%$#_{}~^|") == (
        r"\textbackslash{}\&\%\$\#\_\{\}\textasciitilde{}\textasciicircum{}\textbar{}"
    )  # fmt: skip


@pytest.mark.parametrize("name", ["[2pt] x", "*", " [x]", "*x*"])
def test_no_cell_of_latex_is_an_option_of_what_stands_before_it(name):
    """After a row's end and after a rule of booktabs brackets are a length, and a star forbids a page's end."""
    made = replace(
        GRID, columns=[name, "R"], rows=[(name, [Entry("0.5")]), ("b", [Entry("[1]")]), (name, [Entry("1")])]
    )
    for latex in (made.latex(), replace(made, rows=[*made.rows] * 20).latex()):
        assert not re.search(r"(\\\\|\\(top|mid|bottom)rule|\\end\w+)\s*[\[*]", latex)
        assert len(re.findall(r"^\{\}\s*[\[*]", latex, re.MULTILINE)) == latex.count(in_latex(name))


def test_a_plain_cell_of_latex_has_nothing_before_it():
    assert "\na & \\textbf{0.5} \\\\\nb & 0.4 \\\\\n" in GRID.latex()


def long(rows):
    return replace(GRID, rows=[(f"s{place}", [Entry(f"0.{place}")]) for place in range(rows)], note="a note")


def test_a_table_of_latex_that_no_page_holds_goes_on_below_its_columns_names():
    made = long(41).latex()
    assert re.findall(r"\\(begin|end)\{(\w+)\}", made) == [("begin", "longtable"), ("end", "longtable")]
    first, again, foot, last, rows = re.fullmatch(
        r"\\begin\{longtable\}\{lr\}\n\\caption\{t. a note\} \\\\\n(.*)\\endfirsthead\n(.*)\\endhead\n(.*)\\endfoot\n"
        r"(.*)\\endlastfoot\n(.*)\\end\{longtable\}\n", made, re.DOTALL
    ).groups()  # fmt: skip
    assert first == again == "\\toprule\nsystem & R \\\\\n\\midrule\n"
    assert (foot, last) == ("\\midrule\n", "\\bottomrule\n")
    assert rows.splitlines() == [rf"s{place} & 0.{place} \\" for place in range(41)]


def test_a_table_of_forty_rows_is_a_float():
    assert re.findall(r"\\begin\{(\w+)\}", long(40).latex()) == ["table", "tabular"]


def test_a_file_of_latex_names_the_packages_that_it_needs_and_no_other():
    assert latex_file([GRID]).startswith("% needs \\usepackage{booktabs}\n\\begin{table}")
    assert latex_file([GRID, long(41)]).startswith("% needs \\usepackage{booktabs,longtable}\n\\begin{table}")
    assert latex_file(iter([long(41)])).count("\\begin{longtable}") == 1
