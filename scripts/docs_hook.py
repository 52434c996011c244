"""A MkDocs hook: the pages that are made from the code when the site is built.

One page for each method of the registry (methods/*.md), the command line's reference (cli.md), the changelog.
"""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from rankify import catalog, registry
from rankify.cli.app import COMMANDS
from rankify.rag.context import Context
from rankify.rag.method import Method
from rankify.rerank.llm.recipe import Recipe
from rankify.spec import describe

ROOT = Path(__file__).parents[1]
KINDS = {
    "retriever": "Retrievers find documents for queries.",
    "fusion": "Fusions merge the results of several retrievers, or choose one for each query.",
    "expansion": "Expansions have a language model write something about each query before a retriever searches.",
    "reranker": "Rerankers put a retriever's documents in a new order.",
    "aggregation": "Aggregations find or rerank documents by the scores of their passages.",
    "compression": "Compressions shorten a retriever's documents before a reader.",
    "refinement": "Refinements search again, with what was found out about the first search's documents.",
    "reader": "Readers answer questions from documents.",
    "encoder": "Encoders turn texts into vectors.",
    "llm": "Backends run the language models that rerankers and readers ask.",
    "perturbation": "Perturbations change queries, or the documents that a reranker is given, for `rankify stress`.",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the generated pages."""
    pages = {"cli.md": command_line(), "changelog.md": (ROOT / "CHANGELOG.md").read_text("utf-8"), **methods()}
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Lists the methods' pages in the navigation."""
    listed = [{titled(kind): [f"methods/{page(kind, n)}" for n in registry.names(kind)]} for kind in KINDS]
    for entry in config.nav or []:
        if "Methods" in entry:
            entry["Methods"] = ["methods/index.md", *listed]
    return config


def methods() -> dict[str, str]:
    """Path -> text of the page of each registered method, and of their index."""
    index = ["# Methods", "", "Everything Rankify can be asked for by name. `rankify list` prints the same.", ""]
    pages = {}
    for kind, said in KINDS.items():
        index += [f"## {titled(kind)}", "", said, "", "| name | what it gives |", "|---|---|"]
        for name in registry.names(kind):
            factory = registry.find(kind, name)
            index.append(f"| [`{name}`]({page(kind, name)}) | {cell(docstring(factory)[0])} |")
            pages[f"methods/{page(kind, name)}"] = method(kind, name, factory)
        index.append("")
    return {"methods/index.md": "\n".join(index), **pages}


def titled(kind: str) -> str:
    """The heading of a kind's methods."""
    return "LLM backends" if kind == "llm" else kind.capitalize() + "s"


def page(kind: str, name: str) -> str:
    """The file name of a method's page."""
    return f"{kind}-{name}.md"


def method(kind: str, name: str, factory: Any) -> str:
    """The page of one method: docstring, options, published models, published figures."""
    first, rest = docstring(factory)
    options = describe(factory)
    lines = [f"---\ntitle: {name}\n---", f"# {titled(kind).removesuffix('s')} `{name}`", "", first, "", *rest, ""]
    if isinstance(factory, Recipe):
        lines += [published_as(factory), ""]
    if isinstance(factory, Method):
        lines += [f"Published as {factory.paper}. Options of the model's backend stand beside the method's own.", ""]
    if options:
        said = {option: text for one in (*shared(factory), factory) for option, text in described(one).items()}
        lines += ["## Options", "", "| option | default | meaning |", "|---|---|---|"]
        lines += [f"| `{o}` | `{default!r}` | {cell(said.get(o, ''))} |" for o, default in options.items()]
    lines += ["", *published(kind, name)]
    return "\n".join([*lines, "", f"Code: `{factory.__module__}`", ""])


def shared(factory: Any) -> tuple[Any, ...]:
    """What describes the options that all factories of a kind have."""
    if isinstance(factory, Method):
        return Context, factory.common
    return (factory.limited, factory.joined) if isinstance(factory, Recipe) else ()


def published_as(recipe: Recipe) -> str:
    """Where an LLM reranker is from, what it takes and what it needs."""
    return (
        f"Published as {recipe.paper}. 100 documents take {recipe.calls():,} calls at the defaults, in a random order "
        f"with a perfect judge; the backend must offer `{recipe.needs}`. Options of the backend, such as `dtype` or "
        "`base_url`, stand beside the method's own."
    )


def docstring(factory: Any) -> tuple[str, list[str]]:
    """The first line, and what follows up to the arguments."""
    first, _, rest = (inspect.getdoc(factory) or "").partition("\n")
    before = re.split(r"^(?:Args|Returns|Raises|Attributes):$", rest, maxsplit=1, flags=re.MULTILINE)[0]
    return first, ["" if line.startswith(">>>") else line for line in before.strip().splitlines()]


def described(factory: Any) -> dict[str, str]:
    """Argument -> what the docstring says of it.

    Several may share a line, `k1: ... b: ...`, or a text, `m, nlist: ...`; "as for `FaissIndex`" is looked up there.
    """
    found = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", inspect.getdoc(factory) or "", re.MULTILINE | re.DOTALL)
    name = "|".join(map(re.escape, inspect.signature(factory).parameters))
    text = " ".join((found[1] if found else "").split())
    pieces = re.split(rf"(?:^|(?<=[.;]) )((?:{name})(?:, (?:{name}))*): ", text)
    said = {each: text for names, text in zip(pieces[1::2], pieces[2::2], strict=True) for each in names.split(", ")}
    return {each: _elsewhere(each, text) for each, text in said.items()}


def _elsewhere(name: str, text: str) -> str:
    """What another class says of an argument of the same name, where the text points there."""
    pointed = re.fullmatch(r"as for `(\w+)`\.?", text)
    modules = [module for key, module in sys.modules.items() if key.startswith("rankify.")]
    other = next((vars(m)[pointed[1]] for m in modules if pointed and pointed[1] in vars(m)), None)
    return described(other).get(name, text) if other else text


def published(kind: str, name: str) -> list[str]:
    """A table of the catalogue's models that run on a method."""
    entries = {id: e for id, e in catalog.models().items() if str(e.get(kind, "")).partition(":")[0] == name}
    if not entries:
        return []
    rows = [f"| `{id}` | {cell(e.get('licence', ''))} | {cell(e.get('paper', ''))} | {figures(e)} |"
            for id, e in entries.items()]  # fmt: skip
    head = ["| model | licence | paper | expected |", "|---|---|---|---|"]
    return ["## Published models", "", "A model's id may stand alone where a spec is asked for.", "", *head, *rows]


def figures(entry: dict[str, Any]) -> str:
    """The expected figures of a model, in one cell."""
    return "; ".join(
        f"{data} {', '.join(f'{measure} {value}' for measure, value in row.items())}"
        for data, row in (entry.get("expected") or {}).items()
    )


def cell(text: Any) -> str:
    """A text as a cell of a Markdown table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def command_line() -> str:
    """What --help says of each command."""
    parts = ["# Command line", "", (ROOT / "scripts" / "docs_cli.md").read_text("utf-8")]
    environment = {**os.environ, "COLUMNS": "84", "NO_COLOR": "1"}
    for command in ("", *COMMANDS):
        words = [sys.executable, "-m", "rankify", *([command] if command else []), "--help"]
        said = subprocess.run(words, capture_output=True, text=True, check=True, env=environment).stdout
        parts += [f"## rankify {command}".rstrip(), "", "```text", said.replace("python -m ", "").rstrip(), "```", ""]
    return "\n".join(parts)
