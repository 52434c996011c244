"""What each LLM reranker takes for a query with 100 documents: calls, tokens, forward passes, seconds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchmarks.systems import made, systems
from rankify.llm.protocol import MaxTokens, Prompt, Reply
from rankify.llm.simulated import Simulated

ENCODER_DECODERS = (
    "monot5",
    "duot5",
    "rankt5",
    "inranker",
    "twolar",
    "lit5-distill",
    "lit5-score",
    "listt5",
    "rankfid",
)
THINKERS = ("rank-k", "rank-r1", "rank1", "reasonrank")
THOUGHT = 128  # tokens: random weights know no end of a thought, and published ones think for thousands
HEAD = ("algorithm", "calls", "prompt tokens", "generated tokens", "passes", "seconds")
FEW = 20  # documents that are reranked where 100 would take too long


class Perfect(Simulated):
    """Answers from the judgments, and counts tokens as another backend does, whose limits and format it has."""

    def __init__(self, qrels: Any, llm: Any) -> None:
        super().__init__(qrels)
        self.llm = llm
        self.context, self.special, self.encoder_decoder = llm.context, llm.special, llm.encoder_decoder

    def tokens(self, texts: Sequence[str]) -> list[int]:
        return self.llm.tokens(texts)

    def cut(self, texts: Sequence[str], most: int) -> list[str]:
        return self.llm.cut(texts, most)

    def prompt_tokens(self, prompts: Sequence[Prompt]) -> list[int]:
        return self.llm.prompt_tokens(prompts)

    def generate(self, prompts: Sequence[Prompt], *, max_tokens: MaxTokens, sampling: Any = None) -> list[Reply[str]]:
        # a word is at most as many tokens, so that no answer is cut off that a model could have written
        replies = super().generate(prompts, max_tokens=max_tokens, sampling=sampling)
        said = self.tokens([reply.value for reply in replies])
        return [replace(r, generated_tokens=n) for r, n in zip(self._counted(prompts, replies), said, strict=True)]

    def choose(self, prompts: Sequence[Prompt], choices: Any, *, top: int | None = None) -> list[Any]:
        return self._counted(prompts, super().choose(prompts, choices, top=top))

    def loglikelihood(self, prompts: Sequence[Prompt], continuations: Sequence[str], *, end: bool = False) -> list[Any]:
        return self._counted(prompts, super().loglikelihood(prompts, continuations, end=end))

    def attend(self, prompts: Sequence[Prompt], *, max_tokens: int = 1, last: bool = False) -> list[Any]:
        return self._counted(prompts, super().attend(prompts, max_tokens=max_tokens, last=last))

    def _counted(self, prompts: Sequence[Prompt], replies: list[Any]) -> list[Any]:
        lengths = [sum(self.llm.prompt_tokens(read_apart(prompt))) for prompt in prompts]
        return [replace(r, prompt_tokens=n) for r, n in zip(replies, lengths, strict=True)]


def read_apart(prompt: Prompt) -> list[Prompt]:
    """The prompt, or its parts as prompts of their own: together they have no length, since none limits another."""
    return [Prompt(text=part, most=prompt.most) for part in prompt.parts] or [prompt]


def table(llms: dict[bool, Any], run: Any, qrels: Any, *, limit: float) -> list[dict[str, Any]]:
    """A row for every reranker.

    Args:
        llms: a decoder-only model, and an encoder-decoder under True.
        run: a query or a few, with 100 candidates each.
        limit: seconds; what would take longer a query is measured with `FEW` documents and scaled by its tokens.
    """
    rows = []
    for spec in systems():
        llm = llms[spec.partition("?")[0] in ENCODER_DECODERS]
        rows.append(row(spec, llm, run, qrels, limit))
        print(f"{spec}: {rows[-1]['seconds']:.1f} s a query", file=sys.stderr)
    return rows


def row(spec: str, llm: Any, run: Any, qrels: Any, limit: float) -> dict[str, Any]:
    """What a reranker takes a query; calls and tokens are those of a perfect judge."""
    from rankify import Run

    whole = made(spec, Perfect(qrels, llm))(run).reports[-1].counts
    few = Run(ranking.head(FEW) for ranking in run)
    small = made(spec, Perfect(qrels, llm))(few).reports[-1].counts
    thinks = {"reasoning_tokens": THOUGHT} if spec.partition("?")[0] in THINKERS else {}
    report = made(spec, llm, **thinks)(few).reports[-1]
    grows = tokens(whole) / max(tokens(small), 1)
    scaled = report.seconds * grows > limit * len(run)
    report = report if scaled else made(spec, llm, **thinks)(run).reports[-1]
    found = {name: whole.get(name, 0) / len(run) for name in ("asked", "prompt_tokens", "generated_tokens")}
    times = grows if scaled else 1.0
    return {
        "algorithm": spec,
        "calls": found["asked"],
        "prompt tokens": found["prompt_tokens"],
        "generated tokens": found["generated_tokens"],
        "passes": report.counts["passes"] / len(run) * times,
        "seconds": report.seconds / len(run) * times,
        "scaled": scaled,
    }


def tokens(counts: Any) -> float:
    return counts.get("prompt_tokens", 0) + counts.get("generated_tokens", 0)


def cells(one: dict[str, Any]) -> list[str]:
    """A row as text; what is scaled has a tilde."""
    about = "~" if one["scaled"] else ""
    numbers = [f"{one[name]:,.0f}" for name in ("calls", "prompt tokens", "generated tokens")]
    return [one["algorithm"], *numbers, f"{about}{one['passes']:,.0f}", f"{about}{one['seconds']:,.1f}"]


def markdown_lines(rows: list[dict[str, Any]]) -> list[list[str]]:
    """The lines of a Markdown table."""
    rule = ["---", *["---:"] * (len(HEAD) - 1)]
    return [list(HEAD), rule, *([f"`{name}`", *numbers] for name, *numbers in map(cells, rows))]
