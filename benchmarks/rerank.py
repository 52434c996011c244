"""Reranking with language models: what every algorithm takes, and what batching, labels and shared prefixes save.

    python -m benchmarks.rerank [--queries 1] [--limit 20] [--repeats 3] [--threads 2] [--dtype float32] [--device cpu]
                                [--model FOLDER] [--only algorithms|ratios] [--markdown FILE.md] [--json] [--check]

The candidates are BM25's for TREC DL 2019; the models have Llama's and T5's shape, about 100 million parameters and
random weights (speed does not depend on them), and are made on the spot unless folders are given. The first table says
what a query with 100 documents takes under each algorithm: calls and tokens as with a perfect judge, seconds measured,
or scaled from 20 documents where that is said; rerankers that think are given 128 tokens for it, since random weights
know no end. The second compares two ways to the same answers, in turns; a ratio is the median over the turns.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.command import markdown
from benchmarks.rerank_table import HEAD, cells, markdown_lines, table

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "dl19-bm25"
BARS = {
    "lock-step, prompts under 100 tokens": 1.2,
    "lock-step, windows of 20": 1.0,
    "lock-step, pairs": 1.0,
    "first against writing the list": 1.5,
    "label rows against full logits": 1.3,
    "label rows against the whole head, last position": 0.9,
    "shared prefixes, pointwise (qwen3-reranker)": 1.2,
    "shared prefixes, pointwise (graded)": 1.0,
    "shared prefixes, prp": 1.2,
}
GPU_BAR = {"lock-step, prompts under 100 tokens": 5.0}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=1, help="of the table of algorithms")
    parser.add_argument("--limit", type=float, default=20, help="seconds; what takes longer is scaled from less")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--model", help="a folder or a hub id; made on the spot if not given")
    parser.add_argument("--encoder-decoder", help="likewise, for the rerankers that need one")
    parser.add_argument("--only", choices=["algorithms", "ratios"], help="one of the two tables")
    parser.add_argument("--markdown", type=Path, help="a file with the table of algorithms")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--check", action="store_true", help="leave with 1 when a bar is missed")
    options = parser.parse_args()
    if not DATA.is_dir():
        print(f"needs the research data in {DATA}", file=sys.stderr)
        return 1
    import torch

    from benchmarks.rerank_model import made

    torch.set_num_threads(options.threads)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or made(folder)
        algorithms = [] if options.only == "ratios" else everything(model, folder, options)
        ratios = {} if options.only == "algorithms" else compared(model, options)
    if options.markdown:
        options.markdown.write_text(markdown(markdown_lines(algorithms)), encoding="utf-8")
    if options.json:
        print(json.dumps({"algorithms": algorithms, "ratios": ratios}))
    else:
        shown(algorithms, ratios)
    bars = BARS if options.device == "cpu" else {**BARS, **GPU_BAR}
    missed = [
        f"{name}: {r['ratio']:.2f}, {bars[name]} are asked for" for name, r in ratios.items() if r["ratio"] < bars[name]
    ]
    for line in missed:
        print(line, file=sys.stderr)
    return 1 if options.check and missed else 0


def candidates(queries: int, depth: int, words: int | None = None) -> Any:
    """The best candidates of the first queries; of each document the first words only, if so asked."""
    import rankify
    from rankify import Document, Ranking, Run
    from rankify.io.trec import read_run

    data = rankify.dataset(str(DATA))
    run = read_run(DATA / "run.bm25.top100.trec", queries=data.queries, corpus=data.corpus)[:queries]
    heads = [ranking.head(depth) for ranking in run]
    if words is None:
        return Run(heads)
    cut = [[Document(d.id, " ".join(d.text.split()[:words])) for d in head.documents] for head in heads]
    return Run(Ranking(h.query, documents, h.scores) for h, documents in zip(heads, cut, strict=True))


def everything(model: str, folder: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """What every algorithm takes, on the causal model or on an encoder-decoder of its own size."""
    import rankify
    from benchmarks.rerank_model import made_encoder_decoder
    from rankify.llm.hf import HF

    place = {"device": options.device, "dtype": options.dtype}
    seq2seq = options.encoder_decoder or made_encoder_decoder(f"{folder}/encoder-decoder")
    llms = {False: HF(model, **place), True: HF(seq2seq, **place)}
    qrels = rankify.dataset(str(DATA)).qrels
    return table(llms, candidates(options.queries, 100), qrels, limit=options.limit)


def compared(model: str, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Each saving: seconds with it and without it, in turns."""
    from rankify.llm.hf import HF

    place = {"device": options.device, "dtype": options.dtype}
    fast = HF(model, **place)
    # nothing shared and a batch of one prompt: what asking one at a time takes
    single = HF(model, **place, batch_tokens=1, share_prefix=False)
    apart = HF(model, **place, share_prefix=False)
    short, long = candidates(20, 10, words=20), candidates(4, 20)
    some, pairs = candidates(4, 30), candidates(2, 6)

    def by(spec: str, llm: HF, run: Any) -> Callable[[], Any]:
        from rankify import registry

        head, _, given = spec.partition("?")
        made = dict(option.split("=") for option in given.split("&") if option)
        reranker = registry.find("reranker", head)(llm, **made)
        return lambda: reranker(run)

    return {
        name: in_turns(name, with_it, without, options.repeats)
        for name, with_it, without in (
            ("lock-step, prompts under 100 tokens", by("yes-no", fast, short), by("yes-no", single, short)),
            ("lock-step, windows of 20", by("first", fast, long), by("first", single, long)),
            ("lock-step, pairs", by("prp", fast, pairs), by("prp", single, pairs)),
            ("first against writing the list", by("first", fast, candidates(1, 20)),
             by("listwise?prompt=first", fast, candidates(1, 20))),
            *((name, *ways) for name, ways in label_rows(fast).items()),
            *((f"shared prefixes, pointwise ({name})", by(name, fast, some), by(name, apart, some))
              for name in ("qwen3-reranker", "graded")),
            ("shared prefixes, prp", by("prp?method=allpairs&scoring=likelihood", fast, pairs),
             by("prp?method=allpairs&scoring=likelihood", apart, pairs)),
        )
    }  # fmt: skip


def label_rows(llm: Any) -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """The same choices read from the rows of their labels, and otherwise: short prompts, no beginning in common.

    Full logits are what transformers computes when a model is called: every position, the whole vocabulary. `top` needs
    the whole vocabulary too, but of the last position alone.
    """
    import torch

    from rankify.llm.protocol import Prompt

    texts = [f"{i * 7} is what query {i} is about, or is it {i}? Answer:" for i in range(256)]
    prompts, choices = [Prompt(text=text) for text in texts], [["A", "B", "C", "D"]] * len(texts)
    own, size = llm.checkpoint, 16
    labels = own.tokenizer.convert_tokens_to_ids(["A", "B", "C", "D"])

    @torch.inference_mode()
    def full() -> list[Any]:
        found = []
        for start in range(0, len(texts), size):
            batch = own.tokenizer(texts[start : start + size], padding=True, padding_side="left", return_tensors="pt")
            batch = {name: batch[name].to(own.device) for name in ("input_ids", "attention_mask")}
            places = (batch["attention_mask"].cumsum(-1) - 1).clamp(min=0)
            found.append(own.network(**batch, position_ids=places).logits[:, -1, labels])
        return found

    by_labels = partial(llm.choose, prompts, choices)
    whole = partial(llm.choose, prompts, choices, top=int(own.network.config.vocab_size))
    return {
        "label rows against full logits": (by_labels, full),
        "label rows against the whole head, last position": (by_labels, whole),
    }


def in_turns(name: str, with_it: Callable[[], Any], without: Callable[[], Any], repeats: int) -> dict[str, float]:
    """Seconds of both, and the median of their ratios."""
    seconds: dict[str, list[float]] = {"with": [], "without": []}
    for turn in range(repeats + 1):
        for way, run in (("with", with_it), ("without", without))[:: 1 if turn % 2 else -1]:
            start = time.perf_counter()
            run()
            if turn:  # the first turn warms up
                seconds[way].append(time.perf_counter() - start)
    ratios = [b / a for a, b in zip(seconds["with"], seconds["without"], strict=True)]
    print(f"{name}: {statistics.median(ratios):.2f} {[round(r, 2) for r in ratios]}", file=sys.stderr)
    return {
        "with_s": statistics.median(seconds["with"]),
        "without_s": statistics.median(seconds["without"]),
        "ratio": statistics.median(ratios),
    }


def shown(algorithms: list[dict[str, Any]], ratios: dict[str, dict[str, float]]) -> None:
    console = Console(width=max(110, Console().width))
    if algorithms:
        lines = Table(title="What a query with 100 documents takes")
        for column in HEAD:
            lines.add_column(column, justify="left" if column == "algorithm" else "right")
        for row in algorithms:
            lines.add_row(*cells(row))
        console.print(lines)
        console.print("~ measured with 20 documents and scaled by tokens")
    if ratios:
        lines = Table(title="What it saves")
        for column in ("what", "s", "s without", "ratio", "bar"):
            lines.add_column(column, justify="left" if column == "what" else "right")
        for name, r in ratios.items():
            lines.add_row(name, f"{r['with_s']:.2f}", f"{r['without_s']:.2f}", f"{r['ratio']:.2f}", f"{BARS[name]}")
        console.print(lines)


if __name__ == "__main__":
    sys.exit(main())
