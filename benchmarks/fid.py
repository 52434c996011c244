"""Rerankers that fuse in the decoder: many queries together, one query at a time, one question at a time as published.

    python -m benchmarks.fid [--queries 32] [--depth 20] [--repeats 1] [--threads 2] [--only lit5-distill] [--check]

The candidates are BM25's for TREC DL 2019. The model has T5-small's shape (60 million parameters) and random weights,
of which speed does not depend; it writes numbers, so that rankings depend on all it reads. "As published" is
transformers' own generation for one question at a time, each passage filled up to its most tokens, as the published
code of LiT5 and ListT5 has it. Ways are timed in turns; all of them must rank alike.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "dl19-bm25"
# a reply is as long as a list of 20 is, and no longer, though random weights know no end
SYSTEMS = {
    "lit5-distill": {"reply_tokens": 80},
    "lit5-score": {},
    "listt5": {"r": 2},
    "listt5, r=1": {"r": 1},
}
BARS = {"lit5-distill": 2.0, "listt5": 2.0, "listt5, r=1": 2.0}  # times one query at a time


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=32)
    parser.add_argument("--depth", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", choices=SYSTEMS, help="one of the rerankers")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--check", action="store_true", help="leave with 1 when a bar is missed")
    options = parser.parse_args()
    if not DATA.is_dir():
        print(f"needs the research data in {DATA}", file=sys.stderr)
        return 1
    import torch

    from benchmarks.fid_model import made

    torch.set_num_threads(options.threads)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    run = candidates(options.queries, options.depth)
    rows = []
    for name in [options.only] if options.only else SYSTEMS:
        with tempfile.TemporaryDirectory() as folder:
            made(folder, "bare" if "listt5" in name else "brackets")
            rows.append(compared(name, folder, run, repeats=options.repeats, device=options.device))
    print(json.dumps(rows)) if options.json else shown(rows)
    missed = [row for row in rows if row["times_alone"] < BARS.get(row["reranker"], 0) or not row["same"]]
    for row in missed:
        print(
            f"{row['reranker']}: {row['times_alone']:.2f} times one query at a time, the same: {row['same']}",
            file=sys.stderr,
        )
    return 1 if options.check and missed else 0


def candidates(queries: int, depth: int) -> Any:
    """The best candidates of the first queries."""
    import rankify
    from rankify import Run
    from rankify.io.trec import read_run

    data = rankify.dataset(str(DATA))
    run = read_run(DATA / "run.bm25.top100.trec", queries=data.queries, corpus=data.corpus)
    return Run(ranking.head(depth) for ranking in run[:queries])


def compared(name: str, model: str, run: Any, *, repeats: int, device: str = "cpu") -> dict[str, Any]:
    """Documents a second of a reranker in each way, and whether all ways rank alike."""
    from rankify import Run, registry
    from rankify.llm.hf import HF

    recipe = registry.find("reranker", name.partition(",")[0])

    def together() -> Any:
        return recipe(HF(model, device=device), **SYSTEMS[name])(run)

    def alone() -> Any:
        reranker = recipe(HF(model, device=device), **SYSTEMS[name])
        return [ranked for ranking in run for ranked in reranker(Run([ranking]))]

    def published() -> Any:
        return recipe(one_at_a_time(model, device), **SYSTEMS[name])(run)

    seconds, found = in_turns({"together": together, "alone": alone, "published": published}, repeats)
    documents = sum(map(len, run))
    orders = [[list(ranked.ids) for ranked in ranking] for ranking in found.values()]
    rates = {way: documents / statistics.median(took) for way, took in seconds.items()}
    moved = sum(list(a.ids) != list(b.ids) for a, b in zip(run, found["together"], strict=True))
    return {
        "reranker": name,
        **{f"{way}_documents_per_s": rate for way, rate in rates.items()},
        "times_alone": rates["together"] / rates["alone"],
        "times_published": rates["together"] / rates["published"],
        "same": orders[0] == orders[1] == orders[2],
        "moved": moved / len(run),
    }


def in_turns(ways: dict[str, Callable[[], Any]], repeats: int) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Seconds of each way, turn by turn, and what it found last."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    found: dict[str, Any] = {}
    for turn in range(repeats):
        for way in [*ways][:: -1 if turn % 2 else 1]:
            start = time.perf_counter()
            found[way] = ways[way]()
            seconds[way].append(time.perf_counter() - start)
            print(f"{way}: {seconds[way][-1]:.1f} s", file=sys.stderr)
    return seconds, found


def one_at_a_time(model: str, device: str) -> Any:
    """The same model as its published code runs it: one question, every passage filled up to the most tokens."""
    import torch
    from transformers.modeling_outputs import BaseModelOutput

    from rankify.llm.hf import HF
    from rankify.llm.protocol import Prompt, Reply

    class Published(HF):
        def _padded(self, prompt: Prompt) -> tuple[Any, Any]:
            own = self.checkpoint
            ids = own.tokenizer(
                list(prompt.parts), padding="max_length", truncation=True, max_length=prompt.most, return_tensors="pt"
            ).to(own.device)
            states = own.network.get_encoder()(input_ids=ids.input_ids, attention_mask=ids.attention_mask)
            joined = states.last_hidden_state.reshape(1, -1, own.network.config.d_model)
            return BaseModelOutput(last_hidden_state=joined), ids.attention_mask.reshape(1, -1)

        @torch.inference_mode()
        def generate(self, prompts: Sequence[Prompt], *, max_tokens: Any) -> list[Reply[str]]:
            return [self._one(prompt, most) for prompt, most in zip(prompts, max_tokens, strict=True)]

        def _one(self, prompt: Prompt, most: int) -> Reply[str]:
            encoded, mask = self._padded(prompt)
            [written] = self.checkpoint.network.generate(
                encoder_outputs=encoded, attention_mask=mask, max_new_tokens=most, do_sample=False
            )
            text = self.checkpoint.tokenizer.decode(written, skip_special_tokens=True)
            return Reply(text, generated_tokens=len(written) - 1)

    return Published(model, device=device, batch_tokens=1)


def shown(rows: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Documents a second")
    for column in (
        "reranker",
        "together",
        "one query at a time",
        "as published",
        "times alone",
        "times published",
        "bar",
    ):
        table.add_column(column, justify="left" if column == "reranker" else "right")
    for row in rows:
        rates = [f"{row[f'{way}_documents_per_s']:.1f}" for way in ("together", "alone", "published")]
        times = [f"{row['times_alone']:.2f}", f"{row['times_published']:.2f}", str(BARS.get(row["reranker"], ""))]
        table.add_row(row["reranker"], *rates, *times)
    Console(width=max(110, Console().width)).print(table)


if __name__ == "__main__":
    sys.exit(main())
