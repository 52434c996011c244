"""The figures of the documentation: every benchmark has a page, every page's benchmark exists, and places are whole."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("figures", ROOT / "scripts" / "figures.py")
figures = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(figures)

MADE = re.findall(r"^(bench-[a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
ELSEWHERE = {
    "bench-search",
    "bench-runs",
    "bench-startup",
}  # of the README's sentences and of the change log, without a table


def test_every_benchmark_is_named_on_a_page_and_every_name_is_a_benchmark():
    assert {*figures.benchmarks()} <= {*MADE}
    assert {*MADE} - {*figures.benchmarks()} <= ELSEWHERE


@pytest.mark.parametrize("page", figures.pages(), ids=lambda page: page.name)
def test_every_place_of_tables_ends(page):
    text = page.read_text("utf-8")
    assert re.findall(r"<!-- (bench-[a-z-]+) -->", text) == re.findall(r"<!-- /(bench-[a-z-]+) -->", text)


def test_tables_are_taken_out_of_what_was_printed_and_put_in_their_place():
    made = figures.tables("words\n| a | b |\n|---|---|\n| 1 | 2 |\nmore words\n")
    assert made == "| a | b |\n|---|---|\n| 1 | 2 |"
    text = "x\n<!-- bench-a -->\nold\n<!-- /bench-a -->\n<!-- bench-b -->\nkept\n<!-- /bench-b -->\n"
    assert figures.replaced(text, "bench-a", made).count("| 1 | 2 |") == 1
    assert "old" not in figures.replaced(text, "bench-a", made)
    assert "kept" in figures.replaced(text, "bench-a", made)


def test_the_reproduction_has_its_place():
    assert "<!-- bench-reproduce -->\n\n| system |" in (ROOT / "docs" / "reproducing.md").read_text("utf-8")
