"""Does reranking reach the reader? Answers to Natural Questions from a pool of passages, with and without it.

    python -m benchmarks.answers [--questions 2655] [--depth 50] [--resamples 10000] [--markdown FILE.md]
                                 [--json] [--check]

The 2,600 passages of nq-open-oracle are one pool, in which every question searches. BM25 finds candidates, a reranker
puts them in order, `extractive` answers from the best five: EM, F1 and contains of answers, has_answer@k of passages.
MiniLM is a system; `oracle` knows which candidates hold a gold answer, and is the bound of any reranker. Differences to
BM25 are tested by randomisation, corrected by Holm over the rerankers of a measure.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import rankify
from benchmarks.command import markdown
from rankify import registry
from rankify.evaluation import Comparison, Evaluation, compare, evaluate_answers, evaluate_passages
from rankify.evaluation.matching import has_answer
from rankify.io.dpr import read_dpr
from rankify.llm.simulated import Simulated
from rankify.types import Query, Ranking, Run

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "nq-open-oracle" / "nq-open-oracle.jsonl"
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
ANSWERS, PASSAGES = "EM F1 contains", "has_answer@1 has_answer@5 has_answer@20"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=2655, help="the first so many")
    parser.add_argument("--depth", type=int, default=50, help="candidates that are reranked")
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--markdown", type=Path, help="a file with the table")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument(
        "--check", action="store_true", help="leave with 1 unless the oracle's order reaches the reader"
    )
    options = parser.parse_args()
    if not DATA.is_file():
        print(f"needs the research data in {DATA}", file=sys.stderr)
        return 1
    scores = {name: scored(run) for name, run in ranked(options.questions, options.depth).items()}
    tested = compare(scores, baseline="bm25", decided_by="randomisation", resamples=options.resamples)
    rows = [row(name, one, tested) for name, one in scores.items()]
    if options.markdown:
        options.markdown.write_text(markdown(lines(rows, options)), encoding="utf-8")
    print(json.dumps(rows)) if options.json else shown(rows, options)
    raised = all(scores["oracle"][measure] > scores["bm25"][measure] for measure in ("F1", "has_answer@1"))
    return 1 if options.check and not raised else 0


def ranked(questions: int, depth: int) -> dict[str, Run]:
    """The candidates of BM25 for each question, in BM25's order and in those of rerankers."""
    given = read_dpr(DATA)
    pool = {(d.title, d.text): d for ranking in given for d in ranking.documents}
    asked = [Query(q.id, q.text, {"answers": q.metadata["answers"]}) for q in given.queries[:questions]]
    found = (rankify.retriever("bm25", pool.values()) % depth)(asked)
    held = {ranking.query.id: holding(ranking) for ranking in found}
    oracle = registry.find("reranker", "yes-no")(Simulated(held))
    return {"bm25": found, "MiniLM": rankify.reranker(f"embedding:{MODEL}")(found), "oracle": oracle(found)}


def holding(ranking: Ranking) -> dict[str, int]:
    """1 for each document with a gold answer in its text."""
    golds = ranking.query.metadata["answers"]
    return {document.id: int(has_answer(document.text, golds)) for document in ranking.documents}


def scored(run: Run) -> Evaluation:
    """The measures of a run, and of the answers that `extractive` reads in it."""
    answers = evaluate_answers(rankify.reader("extractive")(run), measures=ANSWERS)
    passages = evaluate_passages(run, measures=PASSAGES)
    return Evaluation(
        means={**answers, **passages}, per_query={**answers.per_query, **passages.per_query}, queries=answers.queries
    )


def row(name: str, one: Evaluation, tested: Comparison) -> dict[str, Any]:
    """A row of the table: means, and the corrected p-values of the differences to BM25."""
    p = {d.measure: d.randomisation_corrected for d in tested.differences if d.system == name}
    return {"reranker": name, "questions": len(one.queries), **one, "p": p}


NAMES = {"bm25": "BM25 alone"}


def lines(rows: list[dict[str, Any]], options: argparse.Namespace) -> list[list[str]]:
    """The lines of a Markdown table."""
    measures = [*ANSWERS.split(), *PASSAGES.split()]
    head = [f"`bm25 % {options.depth} >> ... % 5 >> extractive`", *measures]
    found = []
    for one in rows:
        name = NAMES.get(one["reranker"], one["reranker"])
        found.append([name, *(f"{one[m]:.4f}".removeprefix("0") for m in measures)])
    return [head, ["---", *["---:"] * len(measures)], *found]


def shown(rows: list[dict[str, Any]], options: argparse.Namespace) -> None:
    measures = [*ANSWERS.split(), *PASSAGES.split()]
    table = Table(title=f"BM25 % {options.depth} >> reranker % 5 >> extractive, {rows[0]['questions']:,} questions")
    for column in ("reranker", *measures):
        table.add_column(column, justify="left" if column == "reranker" else "right")
    for one in rows:
        marks = {m: "*" if one["p"].get(m, 1) < 0.05 else "" for m in measures}
        table.add_row(one["reranker"], *(f"{one[m]:.4f}{marks[m]}".removeprefix("0") for m in measures))
    Console().print(table)
    print("* p < .05 against bm25: randomisation, Holm over the rerankers of a measure")


if __name__ == "__main__":
    sys.exit(main())
