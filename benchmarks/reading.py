"""Readers over 1,000 questions, with a model that takes 50 ms for a call of any size: what batching leaves to be done.

    python -m benchmarks.reading [--questions 1000] [--pause 0.05] [--repeats 3] [--profile basic] [--json] [--check]

Each question has five passages of 100 words. "alone" is the reader as it is; "kept" keeps every reply in a file as
`rankify run` does, in calls of 64 prompts; "taken up" is a start after a kill that finds half of the replies there, and
must not ask for one of them again. Seconds are medians.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from rich.console import Console
from rich.table import Table

from rankify import registry
from rankify.documents import Document
from rankify.experiment.replies import Resumed
from rankify.llm.protocol import LLM, Reply
from rankify.types import Query, Ranking, Run

READERS: dict[str, dict[str, Any]] = {
    "zero-shot": {}, "basic": {}, "cite": {}, "chain-of-thought": {}, "self-consistency": {"samples": 5},
}  # fmt: skip
BARS = {"basic": 3.0, "self-consistency": 10.0}  # seconds, for 1,000 questions
WAYS = ("alone", "kept", "taken up")
WORDS = 2000  # different ones


class Slow(LLM):
    """Takes a while for a call, whatever its size, and answers with a word of the question.

    Attributes:
        calls: how many there were.
        asked: how often each prompt was asked, drawn each way.
        left: after so many prompts it fails, as if the process had been killed; never if None.
    """

    name = "slow"
    offers: ClassVar = frozenset({"generate"})

    def __init__(self, pause: float, left: int | None = None) -> None:
        self.pause, self.left, self.calls, self.asked = pause, left, 0, Counter()

    def generate(self, prompts, *, max_tokens, sampling=None):  # noqa: ARG002 - its replies are short
        if self.left is not None and (left := self.left - len(prompts)) < 0:
            raise Killed
        self.left = None if self.left is None else left
        self.calls += 1
        self.asked.update(zip((prompt.plain for prompt in prompts), sampling or [None] * len(prompts), strict=True))
        time.sleep(self.pause)
        return [Reply(f"The answer is: {prompt.plain.split()[-1]}.", 700, 8) for prompt in prompts]

    def tokens(self, texts):
        return [len(text.split()) for text in texts]

    @property
    def identity(self):
        return "slow"


class Killed(Exception):
    """Stands for the end of the process."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--pause", type=float, default=0.05, help="seconds that a call takes")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--profile", choices=READERS, help="where the time of one of them goes, and nothing else")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--check", action="store_true", help="leave with 1 when a bar is missed")
    options = parser.parse_args()
    run = ranked(options.questions)
    if options.profile:
        profiled(options.profile, run)
        return 0
    rows = [row(name, run, options.pause, options.repeats) for name in READERS]
    print(json.dumps({"results": rows})) if options.json else shown(rows, options)
    for line in (wrong := misses(rows)):
        print(line, file=sys.stderr)
    return 1 if options.check and wrong else 0


def ranked(questions: int, passages: int = 5, words: int = 100) -> Run:
    """Questions with passages of random words."""
    drawn = random.Random(7)
    text = lambda n: " ".join(f"w{drawn.randrange(WORDS)}" for _ in range(n))  # noqa: E731
    rankings = []
    for number in range(questions):
        documents = [Document(f"{number}-{rank}", text(words), text(3)) for rank in range(passages)]
        rankings.append(Ranking(Query(f"q{number}", f"which is {text(6)}"), documents, range(passages, 0, -1)))
    return Run(rankings)


def row(name: str, run: Run, pause: float, repeats: int) -> dict[str, Any]:
    """What a reader took in each way, and how often it asked what it had been told already."""
    found: dict[str, Any] = {"reader": name, "questions": len(run)}
    for way in WAYS:
        measured = [taken(name, run, pause, way) for _ in range(repeats)]
        found[f"{way} s"] = statistics.median(seconds for seconds, _, _ in measured)
        found[f"{way} calls"] = measured[0][1]
        found["repeated"] = max(found.get("repeated", 0), *(repeated for _, _, repeated in measured))
    return found


def taken(name: str, run: Run, pause: float, way: str) -> tuple[float, int, int]:
    """(seconds, calls, prompts that were asked twice) of a reader."""
    with tempfile.TemporaryDirectory() as folder:
        before = Slow(pause, left=half(name, run))
        if way == "taken up":
            with suppress(Killed):
                made(name, Resumed(before, folder=Path(folder)))(run)
        llm = Slow(pause)
        reader = made(name, llm if way == "alone" else Resumed(llm, folder=Path(folder)))
        start = time.perf_counter()
        answers = reader(run)
        seconds = time.perf_counter() - start
        assert len(answers) == len(run)
        assert all(answer.text for answer in answers)
        whole = llm.asked + before.asked
        return seconds, llm.calls, sum(whole.values()) - len(whole)


def made(name: str, llm: LLM) -> Any:
    return registry.find("reader", name)(llm, **READERS[name])


def half(name: str, run: Run) -> int:
    return len(run) * READERS[name].get("samples", 1) // 2


def misses(rows: list[dict[str, Any]]) -> list[str]:
    """What falls short of the bars, a line each."""
    slow = [
        f"{one['reader']}, {way}: {one[f'{way} s']:.2f} s, the bar is {BARS[one['reader']]:g}"
        for one in rows
        for way in WAYS
        if one[f"{way} s"] >= BARS.get(one["reader"], float("inf"))
    ]
    return slow + [f"{one['reader']}: {one['repeated']} prompts asked twice" for one in rows if one["repeated"]]


def profiled(name: str, run: Run) -> None:
    """Shows where the time goes, with a model that takes none."""
    watched = cProfile.Profile()
    reader = made(name, Slow(0.0))
    watched.runcall(reader, run)
    pstats.Stats(watched).sort_stats("cumulative").print_stats(25)


def shown(rows: list[dict[str, Any]], options: argparse.Namespace) -> None:
    table = Table(title=f"{options.questions:,} questions, {1000 * options.pause:g} ms a call")
    table.add_column("reader", no_wrap=True)
    for way in WAYS:
        table.add_column(f"{way} s", justify="right")
        table.add_column("calls", justify="right")
    table.add_column("twice", justify="right")
    for one in rows:
        figures = [text for way in WAYS for text in (f"{one[f'{way} s']:.2f}", f"{one[f'{way} calls']:,}")]
        table.add_row(one["reader"], *figures, f"{one['repeated']:,}")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
