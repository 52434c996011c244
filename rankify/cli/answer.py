"""`rankify answer`: questions in, answers with their sources out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rankify.cli.collection import asked, built, collection, writable
from rankify.cli.command import Data, Output, Pipeline, Split, command
from rankify.cli.screen import Screen
from rankify.errors import Misuse

if TYPE_CHECKING:
    from rich.console import RenderableType

    from rankify.types import Answer

Question = Annotated[str | None, typer.Option("--question", metavar="TEXT", help="What you want to know.")]
Questions = Annotated[
    Path | None, typer.Option("--questions", metavar="FILE", help="Answer the questions of this file.")
]
Index = Annotated[
    Path | None,
    typer.Option("--index", metavar="FOLDER", help="Where the first retriever's index is, or shall be kept."),
]
Form = Annotated[
    str | None,
    typer.Option(
        "--form", metavar="FORM",
        help="answers, an object for each answer, or dpr, questions with passages and the answer; "
        "if not given, .jsonl is the first and .json the second.",
    ),
]  # fmt: skip
CONTEXTS, READER = 10, "extractive"
SILENT = "the model said nothing"
_EMPTY = {  # what readers count of an answer without a text -> what it means
    "abstained": "the reader is not sure enough of it",
    "unanswered": "the model gave none before the method ended",
    "unreadable": "what the model said could not be read",
}


def answer(
    screen: Screen, pipeline: Pipeline, data: Data, question: Question = None, questions: Questions = None,
    output: Output = None, form: Form = None, index: Index = None, split: Split = None,
) -> None:  # fmt: skip
    """Answer questions from a collection, with sources.

    A pipeline that does not end in a reader gets "% 10 >> extractive". Answers in a file are measured by "rankify
    evaluate". A start after a kill, with the same -o, asks language models only what they had not answered yet.

        rankify answer bm25 pydoc --question "How do I parse a date?"
        rankify answer "bm25 % 5 >> extractive" ../data/nq --questions questions.jsonl -o answers.jsonl
        rankify answer "bm25 % 5 >> extractive" questions-with-passages.json -o answers.json
    """
    from rankify.evaluation.answers import mark_contexts
    from rankify.expressions import reads
    from rankify.io.answers import as_record, form_of, write_answers
    from rankify.io.files import remove_folder

    if question is None and output is None and not screen.json:
        raise Misuse("what is the question? give --question, or -o ANSWERS.jsonl for the collection's own questions")
    if form is not None and output is None:
        raise Misuse(f"--form {form} is of a file of answers; name it with -o")
    text = pipeline if reads(pipeline) else f"{pipeline} % {CONTEXTS} >> {READER}"
    reads(text)
    writable(output)
    written = None if output is None else form_of(output, form)
    found = collection(screen, data, split, queries=question is None and questions is None)
    run = asked(found, query=question, file=questions)
    replies = None if output is None or streams(output) else output.with_name(f".{output.name}.replies")
    reading = built(screen, text, found, folder=index, replies=replies)
    start = time.perf_counter()
    with screen.step(f"Reading {found.name}"):
        answers = reading(run)
    seconds = round(time.perf_counter() - start, 3)
    took = {name: value for name, value in reading.counts().items() if value}
    if output is not None:
        write_answers(mark_contexts(answers) if written == "dpr" else answers, output, form=written)
    if replies is not None:
        remove_folder(replies)  # the answers are there, so nothing is to be taken up again
    result = {"answers": [as_record(a) for a in answers]} if output is None else {"output": str(output)}
    parts = [answered(answers[0])] if question is not None else [f"{len(answers):,} answers in {output}"]
    screen.show(
        {"questions": len(run), "pipeline": text, "dataset": found.name, "seconds": seconds, "took": took, **result},
        *parts, *([costs(took)] if took else []),
    )  # fmt: skip


def streams(output: Path) -> bool:
    """Whether an output is no file that stays, such as /dev/stdout."""
    return output.exists() and not output.is_file()


def costs(took: Mapping[str, float]) -> RenderableType:
    """What the answers took, in one line."""
    from rich.text import Text

    named = {"cost": "dollars"}
    return Text(
        ", ".join(f"{value:,.10g} {named.get(n, n).replace('_', ' ')}" for n, value in took.items()), style="dim"
    )


def answered(answer: Answer) -> RenderableType:
    """A question, its answer or why there is none, how sure the reader is, and the sources, for a person."""
    from rich.text import Text

    from rankify.evaluation.contexts import unshown

    text = answer.text if answer.text.strip() else f"No answer: {why_empty(answer)}."
    parts = [Text(answer.query.text, style="bold"), Text(text)]
    if answer.confidence is not None:
        parts.append(Text(f"  confidence {answer.confidence:.6g}", style="dim"))
    for context in answer.contexts:
        if context.id in answer.citations:
            title = f"  {context.title}" if context.title not in ("", context.id) else ""
            parts.append(Text.assemble(("  source ", "dim"), (context.id, "cyan"), (title, "dim")))
    other = ("  not among what was shown", "dim")
    parts += [Text.assemble(("  source ", "dim"), (id, "cyan"), other) for id in unshown(answer)]
    return Text("\n").join([*parts, Text("")])


def why_empty(answer: Answer) -> str:
    """Why an answer says nothing, by what its reader counted and what it was read from."""
    counted = {name for name, value in answer.usage.items() if value}
    silent_alone = 0 < answer.usage.get("asked", 0) <= answer.usage.get("silent", 0)
    for name, why in _EMPTY.items():
        if name in counted and not (silent_alone and name != "abstained"):
            return why
    if "asked" not in counted:
        if not answer.contexts:
            return "nothing was found"
        return "the documents that were found have no text" if "sentences" in answer.usage else "the reader gave none"
    silent = "the model was cut off before it said anything; raise max_tokens" if "unfinished" in counted else SILENT
    if answer.contexts:
        return silent
    without = "the prompt had no room for a document" if "dropped" in counted else "nothing was found"
    return f"{without}, and {silent}"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, answer)
