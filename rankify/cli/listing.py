"""`rankify list`: what there is to choose from."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.util import find_spec
from typing import Annotated, Any

import typer

from rankify.cli.command import command
from rankify.cli.screen import Screen, table
from rankify.errors import UnknownName

What = Annotated[
    str,
    typer.Argument(
        show_default=False, metavar="WHAT",
        help="retrievers, rerankers, readers, fusions, expansions, aggregations, compressions, refinements, encoders, "
        "llms, perturbations, models, datasets or measures.",
    ),
]  # fmt: skip
COMPONENTS = {
    f"{kind}s": kind
    for kind in (
        "retriever", "reranker", "reader", "fusion", "expansion", "aggregation", "compression", "refinement", "encoder",
        "llm", "perturbation",
    )
}  # fmt: skip
COUNTS = ("documents", "queries", "calls")
NEEDS = {  # what a component imports that the core does not bring -> the extra that does
    ("retriever", "lucene"): ("pyserini", "lucene"),
    ("retriever", "dense"): ("torch", "neural"),
    ("reranker", "cross-encoder"): ("torch", "neural"),
    ("reranker", "embedding"): ("torch", "neural"),
    ("expansion", "hyde"): ("torch", "neural"),
    ("refinement", "feedback"): ("torch", "neural"),
    ("refinement", "vector-prf"): ("torch", "neural"),
    ("encoder", "dense"): ("torch", "neural"),
    ("llm", "hf"): ("torch", "neural"),
    ("llm", "vllm"): ("vllm", "vllm"),
    ("llm", "litellm"): ("litellm", "litellm"),
}
HIDDEN = {"rerankers": ("options",)}  # columns of JSON alone, for which a terminal has no room


def list_(screen: Screen, what: What) -> None:
    """List what there is to choose from.

    Components with their options, published models, datasets, measures.

        rankify list retrievers
        rankify list datasets
    """
    makers: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "models": models, "datasets": datasets, "measures": measures,
        **{plural: lambda kind=kind: components(kind) for plural, kind in COMPONENTS.items()},  # type: ignore[misc]
    }  # fmt: skip
    if what not in makers:
        raise UnknownName.among("list of", what, makers)
    rows = makers[what]()
    keys = [key for key in (rows[0] if rows else ("nothing",)) if key not in HIDDEN.get(what, ())]
    shown = table(*(f">{key}" if key in COUNTS else key for key in keys))
    for row in rows:
        shown.add_row(*(_cell(row[key]) for key in keys))
    screen.show({what: rows}, shown)


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{k}={v}" for k, v in value.items())
    return (
        f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str("" if value is None else value)
    )


def components(kind: str) -> list[dict[str, Any]]:
    """Every component of a kind: name, what it gives, options with defaults, the extra it needs.

    Of rerankers also the paper, the calls that 100 documents take, and what a language model must offer for it.
    """
    from rankify import registry
    from rankify.spec import describe

    rows = []
    for name in registry.names(kind):
        factory = registry.find(kind, name)
        module, extra = NEEDS.get((kind, name), ("", ""))
        missing = " (not installed)" if module and not find_spec(module) else ""
        said = (inspect.getdoc(factory) or "").partition("\n")[0]
        row = {"name": name, "what": said, "options": describe(factory), "extra": f"{extra}{missing}"}
        rows.append({**row, **_published(factory)} if kind == "reranker" else row)
    return rows


def _published(factory: Any) -> dict[str, Any]:
    """Where a reranker is from, its calls for 100 documents and what it needs, if it asks a language model."""
    from rankify.rerank.llm.recipe import Recipe

    if not isinstance(factory, Recipe):
        return {"paper": "", "calls": None, "needs": ""}
    return {"paper": factory.paper, "calls": factory.calls(), "needs": factory.needs}


def models() -> list[dict[str, Any]]:
    """Every published model of the catalogue, and the specs it runs under."""
    from rankify import catalog, registry

    return [
        {
            "model": id,
            "runs as": {kind: entry[kind] for kind in registry.BUILTIN if isinstance(entry.get(kind), str)},
            "licence": entry.get("licence", ""),
        }
        for id, entry in catalog.models().items()
    ]


def datasets() -> list[dict[str, Any]]:
    """Every collection there is a name for, with the counts of its usual split."""
    from rankify import catalog
    from rankify.datasets import names

    return [
        {"name": name, "what": about, **_counts(catalog.datasets().get(name, {}))} for name, about in names().items()
    ]


def _counts(entry: dict[str, Any]) -> dict[str, Any]:
    split = entry.get("splits", {}).get(entry.get("split"), {})
    return {"documents": entry.get("documents"), "queries": split.get("queries"), "licence": entry.get("licence")}


def measures() -> list[dict[str, Any]]:
    """Every measure of ir-measures, as it is written, and what it needs that is not installed; then of answers."""
    import ir_measures

    from rankify.evaluation import answer_measures
    from rankify.evaluation.as_trec_eval import SAID
    from rankify.evaluation.measures import needed

    found = {str(m): m for m in ir_measures.measures.registry.values()}
    of_runs = [
        {"measure": name, "what": SAID.get(name) or _first_sentence(type(m)), "of": "runs", "needs": needed(m)}
        for name, m in sorted(found.items())
    ]
    of_answers = [
        {"measure": name, "what": m.what, "of": "answers", "needs": _model_or_extra(m.needs)}
        for name, m in answer_measures().items()
    ]
    return of_runs + of_answers


def _model_or_extra(needs: str) -> str:
    """What a measure of answers needs: a model, or the extra where that is not installed."""
    if needs != "answers":
        return needs
    return "" if find_spec("sacrebleu") and find_spec("rouge_score") else f'pip install "rankify[{needs}]"'


def _first_sentence(documented: object) -> str:
    paragraph = (inspect.getdoc(documented) or "").strip().partition("\n\n")[0]
    return " ".join(paragraph.split()).partition(". ")[0].rstrip(".")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, list_)
