"""`rankify perplexity`: how surprised a language model is by a text, alone or with what it finds."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rankify.cli.collection import built, collection, writable
from rankify.cli.command import command
from rankify.cli.screen import Screen, table
from rankify.errors import Misuse

if TYPE_CHECKING:
    from rankify.rag.language_modelling import Perplexity
    from rankify.stages import Stage

Model = Annotated[
    str,
    typer.Argument(metavar="MODEL", show_default=False, help="A decoder-only model, e.g. hf:openai-community/gpt2."),
]
Text = Annotated[
    Path, typer.Argument(metavar="FILE", show_default=False, help="The text, in UTF-8; a name in .gz is read too.")
]
Search = Annotated[
    str | None, typer.Option("--search", metavar="PIPELINE", help='What finds documents about it, e.g. "bm25".')
]
Where = Annotated[str | None, typer.Option("--data", metavar="DATA", help="Where documents are found.")]
Choice = Annotated[str, typer.Option(metavar="NAME", help="Which document is read: first, random, logprob or oracle.")]
Seed = Annotated[int | None, typer.Option(metavar="N", help="Of the random choice; 0 if not given.")]
Step = Annotated[int, typer.Option(metavar="N", help="How many tokens are predicted at a time.")]
Window = Annotated[int, typer.Option(metavar="N", help="How many tokens are read, if the model can.")]
Tokens = Annotated[int, typer.Option("--document-tokens", metavar="N", help="The most tokens of a document.")]
Top = Annotated[int, typer.Option(metavar="N", help="How many documents there are to choose from.")]
Steps = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE.jsonl", help="Write each step's loss and document here.")
]


def perplexity(
    screen: Screen, model: Model, text: Text, search: Search = None, data: Where = None, choice: Choice = "first",
    step: Step = 4, window: Window = 1024, document_tokens: Tokens = 256, top: Top = 16, seed: Seed = None,
    output: Steps = None,
) -> None:  # fmt: skip
    """Tell how surprised a language model is by a text.

    With --search and --data, a document about what was just read stands at the beginning of the model's window, as in
    In-Context RALM.

        rankify perplexity hf:openai-community/gpt2 book.txt
        rankify perplexity hf:openai-community/gpt2 book.txt --search bm25 --data ../data/wiki --choice logprob
    """
    from rankify.io.files import reading
    from rankify.rag import language_modelling

    if (search is None) != (data is None):
        raise Misuse("documents take both: --search PIPELINE says how they are found, --data DATA where")
    if search is None and choice in language_modelling.CHOICES and choice != "first":
        raise Misuse(f"--choice {choice} is among documents; say with --search and --data how and where they are found")
    if seed is not None and choice in language_modelling.CHOICES and choice != "random":
        raise Misuse(f"--seed {seed} is of random choices; give --choice random, or leave it out")
    writable(output)
    with reading(text) as file:
        read = file.read()
    retriever = _retriever(screen, search, data)
    start = time.perf_counter()
    with screen.step(f"Reading {text.name}"):
        found = language_modelling.perplexity(
            model, read, retriever, choice=choice, step=step, window=window, document_tokens=document_tokens, top=top,
            seed=seed or 0,
        )  # fmt: skip
    seconds = round(time.perf_counter() - start, 3)
    if output is not None:
        write(found, output)
    told = {
        "per_word": found.per_word, "per_token": found.per_token, "loss": found.loss, "words": found.words,
        "tokens": found.tokens, "steps": len(found.steps), "counts": dict(found.counts), "seconds": seconds,
    }  # fmt: skip
    told |= {"reasons": found.reasons} if found.reasons else {}
    asked = {"model": model, "text": str(text), "search": search, "dataset": data, "choice": choice if search else None}
    drawn = {"seed": seed or 0} if choice == "random" else {}
    screen.show({**asked, **drawn, **told, **({"output": str(output)} if output else {})}, _shown(found, told))


def _retriever(screen: Screen, search: str | None, data: str | None) -> Stage | None:
    """What finds documents, where those are wanted."""
    from rankify.expressions import reads

    if search is None or data is None:
        return None
    if reads(search):
        raise Misuse(f"{search!r} ends in a reader, which answers; here it should end with documents")
    found: Stage = built(screen, search, collection(screen, data, queries=False))
    return found


def _shown(found: Perplexity, told: dict[str, Any]) -> Any:
    """The figures, for a person."""
    shown = table("", ">perplexity")
    for name, value in (("per_word", found.per_word), ("per_token", found.per_token)):
        shown.add_row(name.replace("_", " "), found.reasons.get(name, f"{value:,.2f}"))
    counts = ", ".join(f"{number:,} {name}" for name, number in found.counts.items())
    took = f"{found.words:,} words, {found.tokens:,} tokens, {len(found.steps):,} steps, {told['seconds']:,} seconds"
    shown.caption = f"{took}, {counts}" if counts else took
    return shown


def write(found: Perplexity, output: Path) -> None:
    """Writes the steps, one JSON object a line."""
    from rankify.io.files import writing

    with writing(output) as file:
        for one in found.steps:
            file.write(json.dumps(asdict(one), ensure_ascii=False) + "\n")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, perplexity)
