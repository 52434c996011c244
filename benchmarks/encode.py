"""Encoders against sentence-transformers: same vectors, same scores, how much faster, in one run on one machine.

    python benchmarks/encode.py [--repeats 3] [--threads 2] [--documents 1000] [--pairs 4300]
                                [--quality [all]] [--processor-time] [--json] [--check]

Documents are SciFact's, by all-MiniLM-L6-v2, against `SentenceTransformer.encode`. Pairs are BM25 candidates of TREC
DL 2019, by a cross-encoder of MiniLM's shape (its weights under a random head: speed does not depend on them), against
`CrossEncoder.predict` in float32. Rows in int8 are of each backend that is installed. The systems take turns, so that a
machine that speeds up or slows down does so for all; a ratio is the median over the turns. On a machine that does other
work too, --processor-time --threads 1 says more than the clock does. With --quality, nDCG@10 of MiniLM on all of
SciFact in int8 by OpenVINO as well, against float32, or with --quality all by each backend. Everything takes half an
hour on two cores, most of it in the slower systems; `make bench-encode` has about every eighth pair and every fiftieth
document, as often.
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
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.command import markdown
from rankify.encoders.runtimes.choice import LIBRARIES

CLOCKS = {False: time.perf_counter, True: time.process_time}
NAMES = {"float32": "pairs", "bfloat16": "pairs-bfloat16"}
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
BARS = {
    "documents": 1.0, "documents-onnx-int8": 1.5, "documents-openvino-int8": 2.0,
    "pairs": 1.5, "pairs-bfloat16": 2.5, "pairs-onnx-int8": 2.0, "pairs-openvino-int8": 4.0,
}  # fmt: skip  # how many times the peer's speed is asked for
LOST = 0.003  # nDCG@10 that int8 may cost


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=4300)
    parser.add_argument("--processor-time", action="store_true", help="seconds of the processor: for busy machines")
    parser.add_argument(
        "--quality", nargs="?", const="openvino", choices=["openvino", "onnx", "all"], help="nDCG@10 in int8 too"
    )
    parser.add_argument("--markdown", type=Path, help="a file with the table of ratios")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--check", action="store_true", help="leave with 1 when a bar is missed")
    options = parser.parse_args()
    if not DATA.is_dir():
        print(f"needs the research data in {DATA}", file=sys.stderr)
        return 1
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import torch

    torch.set_num_threads(options.threads)
    results = documents(options) | pairs(options, bfloat16=native_bfloat16())
    if options.quality:
        results |= {"nDCG@10": quality(options.quality)}
    if options.markdown:
        options.markdown.write_text(markdown(lines(results)), encoding="utf-8")
    if options.json:
        print(json.dumps(results))
    else:
        shown(results)
    missed = [line for name, found in results.items() for line in misses(name, found)]
    print(f"load: {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} cores; {instructions()}", file=sys.stderr)
    for line in missed:
        print(line, file=sys.stderr)
    return 1 if options.check and missed else 0


def native_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself."""
    info = Path("/proc/cpuinfo")
    return info.is_file() and any(flag in info.read_text() for flag in ("avx512_bf16", "amx_bf16"))


def instructions() -> str:
    """What the processor has for int8 and bfloat16."""
    info = Path("/proc/cpuinfo")
    words = info.read_text().split() if info.is_file() else []
    named = [
        name for name in ("avx2", "avx512_vnni", "avx_vnni", "amx_int8", "avx512_bf16", "amx_bf16") if name in words
    ]
    return " ".join(named) or "none of the instructions for int8"


def backends() -> list[str]:
    """The backends for int8 that are installed."""
    return [name for name, library in LIBRARIES.items() if find_spec(library)]


def documents(options: argparse.Namespace) -> dict[str, Any]:
    from sentence_transformers import SentenceTransformer

    from rankify.documents import Document
    from rankify.encoders.dense import DenseEncoder

    lines = [json.loads(line) for line in (DATA / "scifact" / "corpus.jsonl").open(encoding="utf-8")]
    step = max(1, len(lines) // options.documents)
    sample = [Document(d["_id"], d["text"], d["title"]) for d in lines[::step]][: options.documents]
    texts = [f"{d.title} {d.text}" for d in sample]
    ours = {"documents": DenseEncoder(MINILM, device="cpu")}
    ours |= {f"documents-{b}-int8": DenseEncoder(MINILM, backend=b, quantize="int8") for b in backends()}
    peer = SentenceTransformer(str(ours["documents"].folder), device="cpu")
    found = in_turns(
        {
            "sentence-transformers": lambda: peer.encode(texts, show_progress_bar=False),
            **{name: lambda encoder=encoder: encoder.encode_documents(sample) for name, encoder in ours.items()},
        },
        len(sample),
        options,
    )
    results = found.pop("results")
    theirs = results["sentence-transformers"]
    for name in found:
        own = results[name]
        cosine = (theirs * own).sum(axis=1) / np.linalg.norm(theirs, axis=1) / np.linalg.norm(own, axis=1)
        found[name]["least_cosine"] = float(cosine.min())
    return found


def pairs(options: argparse.Namespace, bfloat16: bool) -> dict[str, Any]:
    from sentence_transformers import CrossEncoder as Peer

    from rankify.encoders.pairs import PairScorer

    queries, passages, numbers = candidates(options.pairs)
    texts = [(queries[q], passages[p]) for q, p in numbers.tolist()]
    with tempfile.TemporaryDirectory() as folder:
        cross_encoder(folder)
        peer = Peer(folder, device="cpu")
        systems: dict[str, Callable[[], Any]] = {"peer": lambda: peer.predict(texts, show_progress_bar=False)}
        for dtype in ("float32", "bfloat16")[: 1 + bfloat16]:
            scorer = PairScorer(folder, dtype=dtype, device="cpu")
            systems[NAMES[dtype]] = lambda scorer=scorer: scorer.scores(queries, passages, numbers)
        for backend in backends():
            scorer = PairScorer(folder, backend=backend, quantize="int8")
            systems[f"pairs-{backend}-int8"] = lambda scorer=scorer: scorer.scores(queries, passages, numbers)
        found = in_turns(systems, len(texts), options)
    results = found.pop("results")
    for name in found:
        found[name]["greatest_difference"] = float(np.abs(results[name] - results["peer"]).max())
    return found


def quality(by: str) -> dict[str, float]:
    """nDCG@10 of MiniLM on SciFact, in float32 and in int8 by one backend, or by all."""
    import rankify
    from rankify import Run

    data = rankify.dataset(str(DATA / "scifact"))
    specs = {"float32": "", **{f"{b}-int8": f"?backend={b}&quantize=int8" for b in backends() if by in (b, "all")}}
    found = {}
    for name, options in specs.items():
        run: Run = (rankify.retriever(f"dense:{MINILM}{options}", data.corpus) % 10)(data.queries)
        found[name] = float(rankify.evaluate(run, data.qrels, "nDCG@10")["nDCG@10"])
        print(f"nDCG@10 in {name}: {found[name]:.4f}", file=sys.stderr)
    return found


def candidates(most: int) -> tuple[list[str], list[str], np.ndarray[Any, np.dtype[np.int64]]]:
    """Queries and passages of DL 2019 and which stand together in the BM25 run."""
    folder = DATA / "dl19-bm25"
    asked, told = (
        {d["_id"]: " ".join(filter(None, (d.get("title"), d["text"]))) for d in map(json.loads, lines)}
        for lines in ((folder / name).open(encoding="utf-8") for name in ("queries.jsonl", "corpus.jsonl"))
    )
    rows = [line.split() for line in (folder / "run.bm25.top100.trec").open(encoding="utf-8")]
    rows = rows[:: max(1, len(rows) // most)][:most]
    first, second = ({id: i for i, id in enumerate(texts)} for texts in (asked, told))
    numbers = np.array([(first[row[0]], second[row[2]]) for row in rows])
    texts = [*told.values()]
    read, numbers[:, 1] = np.unique(numbers[:, 1], return_inverse=True)  # no passage that no pair has
    return list(asked.values()), [texts[place] for place in read.tolist()], numbers


def cross_encoder(folder: str) -> None:
    """A cross-encoder of MiniLM's shape: its weights, with a head that was never trained."""
    import torch
    import transformers

    from rankify.encoders.hub import located

    torch.manual_seed(0)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    path = located(MINILM)
    network = transformers.AutoModelForSequenceClassification.from_pretrained(path, num_labels=1)
    torch.nn.init.normal_(network.classifier.weight, std=0.5)  # spread scores: differences would show
    network.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(path).save_pretrained(folder)


def in_turns(systems: dict[str, Callable[[], Any]], n: int, options: argparse.Namespace) -> dict[str, Any]:
    """Speeds per second, and the median ratio of each system to the first; `results` holds what they returned."""
    names, clock = list(systems), CLOCKS[options.processor_time]
    seconds: dict[str, list[float]] = {name: [] for name in names}
    results: dict[str, Any] = {}
    for turn in range(options.repeats):
        for name in names if turn % 2 == 0 else names[::-1]:
            start = clock()
            results[name] = systems[name]()
            seconds[name].append(clock() - start)
            print(f"{name}: {n / seconds[name][-1]:.1f}/s", file=sys.stderr)
    peer, *others = names
    found: dict[str, Any] = {"results": results}
    for name in others:
        ratios = [theirs / own for theirs, own in zip(seconds[peer], seconds[name], strict=True)]
        found[name] = {
            "items": n,
            "peer_per_second": n / statistics.median(seconds[peer]),
            "per_second": n / statistics.median(seconds[name]),
            "ratio": statistics.median(ratios),
            "ratios": ratios,
        }
    return found


def misses(name: str, found: dict[str, Any]) -> list[str]:
    """What a result falls short of."""
    if name == "nDCG@10":
        lost = {numbers: found["float32"] - value for numbers, value in found.items()}
        return [f"nDCG@10 in {numbers} is {loss:.4f} lower" for numbers, loss in lost.items() if loss > LOST]
    said = []
    if found["ratio"] < BARS[name]:
        said.append(f"{name}: {found['ratio']:.2f} times the peer's speed, {BARS[name]} are asked for")
    if found.get("least_cosine", 1) <= (0.95 if name.endswith("int8") else 0.9999):
        said.append(f"{name}: the least cosine is {found['least_cosine']:.6f}")
    if name == "pairs" and found["greatest_difference"] > 1e-5:
        said.append(f"{name}: scores differ by up to {found['greatest_difference']:.1e}")
    return said


ROWS = {  # what a row is called, and the ends of the names of its results
    "torch, float32": "", "torch, bfloat16": "-bfloat16", "ONNX Runtime, int8": "-onnx-int8",
    "OpenVINO, int8": "-openvino-int8",
}  # fmt: skip


def lines(results: dict[str, Any]) -> list[list[str]]:
    """The lines of a Markdown table: how many times as fast as sentence-transformers, whose own speed comes first."""
    peer = [f"{results[what]['peer_per_second']:.1f}" for what in ("pairs", "documents")]
    rows = [["sentence-transformers, a second", *peer, ""]]
    for name, end in ROWS.items():
        pairs, documents = (results.get(f"{what}{end}", {}) for what in ("pairs", "documents"))
        ratios = [f"{one['ratio']:.1f}" if one else "" for one in (pairs, documents)]
        cosine = f"{documents['least_cosine']:.3f}".removeprefix("0").replace("1.000", "1") if documents else ""
        if pairs or documents:
            rows.append([name, *ratios, cosine])
    return [["", "pairs", "documents", "least cosine with float32"], ["---", *["---:"] * 3], *rows]


def shown(results: dict[str, Any]) -> None:
    table = Table(title="Encoding on the processor, against sentence-transformers")
    for column in ("what", "items", "sentence-transformers /s", "rankify /s", "ratio", "bar", "same"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, found in results.items():
        if name == "nDCG@10":
            continue
        if "least_cosine" in found:
            same = f"cosine > {found['least_cosine'] - 1e-7:.6f}"
        else:
            same = f"within {found['greatest_difference']:.0e}"
        speeds = (f"{found['peer_per_second']:.1f}", f"{found['per_second']:.1f}", f"{found['ratio']:.2f}")
        table.add_row(name, f"{found['items']:,}", *speeds, f"{BARS[name]}", same)
    console = Console(width=max(100, Console().width))
    console.print(table)
    if found := results.get("nDCG@10"):
        console.print("nDCG@10 of MiniLM on SciFact: " + ", ".join(f"{n} {value:.4f}" for n, value in found.items()))


if __name__ == "__main__":
    sys.exit(main())
