"""The figures of the documentation: every table stands in its place, can be made again, and is as it is made."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("figures", ROOT / "scripts" / "figures.py")
figures = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(figures)

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
MADE = re.findall(r"^(bench-[a-z-]+):", MAKEFILE, re.MULTILINE)
ELSEWHERE = {"bench-search", "bench-runs", "bench-startup"}  # of the change log
NOT_MEASURED = {"docs/efficiency.md", "docs/decisions/reasoning.md"}  # numbers in tables of keys and of replies
NUMBER = re.compile(r"[*<>u/~]*[-+]?[.\d][\d.,]*( ?(s|ms|[MG]B|%|x|h|[KM]))?[†‡*</u>]*")
PAGES = figures.pages()


def named(page):
    return page.relative_to(ROOT).as_posix()


def is_measured(table):
    """Whether a third of a table's values are numbers."""
    values = [cell.strip() for line in table.splitlines()[2:] for cell in line.strip("|").split("|")[1:]]
    return 3 * sum(bool(NUMBER.fullmatch(value)) for value in values) > len(values) > 0


def without_code(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_table_of_figures_has_a_place_and_so_a_command_that_makes_it(page):
    outside = figures.PLACE.sub("", without_code(PAGES[page]))
    unmarked = [table.splitlines()[0] for table in figures.tables(outside) if is_measured(table)]
    assert not unmarked or named(page) in NOT_MEASURED


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_place_ends_with_its_own_name_and_holds_one_table(page):
    opened = re.findall(r"<!-- (bench-[a-z0-9 -]+) -->", PAGES[page])
    assert opened == re.findall(r"<!-- /(bench-[a-z0-9 -]+) -->", PAGES[page])
    for place in figures.PLACE.finditer(PAGES[page]):
        assert place["end"] == " ".join(filter(None, [place["name"], place["number"]]))
        [table] = figures.tables(place["held"])
        assert place["held"] == f"\n{table}\n\n"


def test_the_places_of_a_target_are_numbered_from_1():
    numbers = {}
    for text in PAGES.values():
        for place in figures.PLACE.finditer(text):
            numbers.setdefault(place["name"], []).append(place["number"])
    assert all(found in ([None], [str(n) for n in range(1, len(found) + 1)]) for found in numbers.values())


@pytest.mark.parametrize("name", figures.targets(PAGES))
def test_every_target_of_a_place_writes_its_tables_as_markdown(name):
    command = ["make", "-n", "--no-print-directory", name, "FIGURES=figures"]
    outside = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}  # tests run by make, too
    recipe = subprocess.run(command, cwd=ROOT, env=outside, capture_output=True, text=True, check=True)
    own = recipe.stdout.strip().splitlines()[-1]
    module = re.search(r"-m (benchmarks\.\w+)", own)[1]
    assert own.endswith(f"--markdown figures/{name}.md")
    assert "--check" not in own  # a bar that is missed is no reason to leave old figures on a page
    source = (ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8")
    assert '"--markdown"' in source or re.search(r"= (parser|tabled)\(", source)  # benchmarks.command's, which have it


def test_every_benchmark_is_named_on_a_page_and_every_name_is_a_benchmark():
    written = {name for text in PAGES.values() for name in figures.NAMED.findall(text)}
    assert written | {*figures.targets(PAGES)} <= {*MADE}
    assert {*MADE} - {*figures.targets(PAGES)} - written == ELSEWHERE


def made_again(tmp_path, *words):
    """The tables that a benchmark writes now."""
    file = tmp_path / "made.md"
    subprocess.run([sys.executable, "-m", *words, "--markdown", file], cwd=ROOT, check=True, capture_output=True)
    return figures.tables(file.read_text("utf-8"))


def test_the_readme_says_what_the_pages_say(tmp_path):
    page = ROOT / "README.md"
    assert figures.replaced(PAGES[page], "bench-readme", made_again(tmp_path, "benchmarks.readme")) == PAGES[page]


def test_figures_that_are_measured_again_are_as_the_page_has_them(tmp_path, shared):
    [table] = made_again(tmp_path, "benchmarks.adaptive", "--only", "rankgpt", "tourrank?tournaments=1")
    assert len(table.splitlines()) == 4
    assert {*table.splitlines()} <= {*PAGES[ROOT / "docs" / "decisions" / "adaptive.md"].splitlines()}


def test_published_figures_of_bm25_are_as_the_page_has_them(tmp_path, shared):
    [table] = made_again(tmp_path, "benchmarks.reproduce", "--systems", "bm25-flat", "bm25-multifield")
    assert len(table.splitlines()) == 2 + 12
    assert {*table.splitlines()} <= {*PAGES[ROOT / "docs" / "reproducing.md"].splitlines()}


@pytest.fixture
def site(tmp_path):
    """A README and a page with places for two tables of one target, and for one of another."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("a\n<!-- bench-b -->\n\n| old |\n\n<!-- /bench-b -->\n", "utf-8")
    places = "".join(f"<!-- bench-a {n} -->\n\n| old {n} |\n\n<!-- /bench-a {n} -->\n" for n in (1, 2))
    (tmp_path / "docs" / "page.md").write_text(f"words\n{places}more\n", "utf-8")
    return tmp_path


TWO = "| one |\n|---|\n| 1 |\n\n| two |\n|---|\n| 2 |\n"


def test_tables_take_the_place_of_the_old_ones_and_nothing_else_changes(site, capsys):
    figures.main(["bench-a"], site, lambda name, root: TWO)
    assert (site / "docs" / "page.md").read_text() == (
        "words\n<!-- bench-a 1 -->\n\n| one |\n|---|\n| 1 |\n\n<!-- /bench-a 1 -->\n"
        "<!-- bench-a 2 -->\n\n| two |\n|---|\n| 2 |\n\n<!-- /bench-a 2 -->\nmore\n"
    )
    assert "| old |" in (site / "README.md").read_text()
    assert capsys.readouterr().out == "bench-a: docs/page.md\n"
    figures.main(["bench-a"], site, lambda name, root: TWO)
    assert capsys.readouterr().out == "bench-a: as the pages have it\n"


@pytest.mark.parametrize(
    ("name", "written", "message"),
    [
        ("bench-a", "", "bench-a wrote 0 tables; there is none for <!-- bench-a 1 -->"),
        ("bench-a", "took 3 s\n| one |\n|---|\n", "bench-a wrote 1 tables; there is none for <!-- bench-a 2 -->"),
        ("bench-b", TWO, "bench-b wrote 2 tables; there is none for <!-- bench-b -->"),
        ("bench-c", TWO, "no page has a table of bench-c; there are: bench-b, bench-a"),
    ],
)
def test_a_target_without_a_table_for_a_place_leaves_every_page_as_it_was(site, name, written, message):
    before = figures.pages(site)
    with pytest.raises(SystemExit, match=re.escape(message)):
        figures.main([name], site, lambda name, root: written)
    assert figures.pages(site) == before


def test_a_target_that_fails_leaves_every_page_as_it_was_and_no_old_table_is_taken_for_a_new_one(site):
    before = figures.pages(site)
    (site / "Makefile").write_text("bench-a:\n\tfalse\nbench-b:\n\ttrue\n", "utf-8")
    (site / "figures").mkdir()
    for name in ("bench-a", "bench-b"):
        (site / "figures" / f"{name}.md").write_text(TWO, "utf-8")
    with pytest.raises(SystemExit, match="make bench-a left with 2; no page was changed"):
        figures.main(["bench-a"], site)
    with pytest.raises(SystemExit, match="bench-b wrote 0 tables"):
        figures.main(["bench-b"], site)
    assert figures.pages(site) == before


def test_a_picture_takes_the_place_of_the_old_one(site):
    (site / "docs" / "images").mkdir()
    (site / "docs" / "images" / "b.svg").write_text("<svg>old</svg>", "utf-8")
    made = "bench-a:\n\ttrue\nbench-b:\n\techo '| new |' > figures/bench-b.md\n\techo '<svg/>' > figures/bench-b.svg\n"
    (site / "Makefile").write_text(made, "utf-8")
    figures.main(["bench-b"], site)
    assert "| new |" in (site / "README.md").read_text()
    assert (site / "docs" / "images" / "b.svg").read_text() == "<svg/>\n"
    (site / "figures" / "bench-a.svg").write_text("<svg>of an earlier time</svg>", "utf-8")
    with pytest.raises(SystemExit, match="bench-a wrote 0 tables"):
        figures.main(["bench-a"], site)
    assert [path.name for path in (site / "docs" / "images").iterdir()] == ["b.svg"]


def test_every_picture_of_figures_is_drawn_by_a_target():
    drawn = re.findall(r"--plot \$\(FIGURES\)/\$@\.svg", MAKEFILE)
    pictures = {path.stem for path in (ROOT / "docs" / "images").glob("*.svg")}
    assert (pictures, len(drawn)) == ({"noise"}, 1)
    assert "bench-noise" in figures.targets(PAGES)


def test_a_page_is_written_whole_or_not_at_all(site):
    page = site / "README.md"
    before, mode = page.read_text(), page.stat().st_mode
    with pytest.raises(UnicodeEncodeError):
        figures.write(page, "x" * 100_000 + "\ud800")
    assert (page.read_text(), sorted(p.name for p in site.iterdir())) == (before, ["README.md", "docs"])
    figures.write(page, "new\n")
    assert (page.read_text(), page.stat().st_mode) == ("new\n", mode)


def test_the_readme_comes_last_since_it_is_made_of_the_others():
    assert figures.targets(PAGES)[-1] == "bench-readme"
