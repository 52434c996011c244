"""Six systems on three collections, killed at ten moments and started again: is all of it there, and done once?

    python -m benchmarks.experiment [--kills 10] [--jobs 1 2] [--seed 7] [--folder FOLDER]
        [--markdown FILE] [--json] [--check]

With each number of processes the experiment runs once undisturbed, and once in another folder, where `kill -9` ends
all of its processes at one moment after the other, before a last start that ends by itself, and one that finds
nothing to do. One moment is drawn in each kind of work, the others anywhere, the longer a step the likelier.

All files of the two folders are compared byte by byte, times aside (`experiment_files.timeless` says which). What was
finished at a kill may neither be written again (its files keep their inodes) nor be begun again (each start says what
it begins). Then the command `rankify run` starts the finished experiment three times more: the median's seconds.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.command import DATA, markdown
from benchmarks.experiment_files import KINDS, Finished, contents, differences, finished, rewritten
from benchmarks.experiment_starts import Start, command, fell, killed, moments, start, steps

COLLECTIONS = ("scifact", "nfcorpus", "cranfield")
MOST = 3  # seconds that a start with nothing to do may take
EXPERIMENT = """name: killed
datasets: [{collections}]
systems:
  bm25: bm25 % 100
  fused: rrf(bm25 % 100, bm25?k1=1.5&b=0.75 % 100, bm25-multifield % 100) % 100
  tuned:
    pipeline: weighted(bm25 % 100, bm25-multifield % 100) % 100
    tune: {{dataset: {data}/nfcorpus, split: dev}}
  fed: bm25 % 100 >> rm3(bm25) % 100
  reranked: bm25 % 100 >> rm3(bm25) % 100 >> yes-no:{judge} % 20 >> setwise:{judge}
  read: bm25 % 100 >> rm3(bm25) % 100 >> yes-no:{judge} % 20 >> extractive
measures: nDCG@10 RR@10 AP R@100
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2], help="numbers of processes")
    parser.add_argument("--seed", type=int, default=7, help="of the moments")
    parser.add_argument("--folder", type=Path, help="a new folder, which is kept; a temporary one if not given")
    parser.add_argument("--markdown", type=Path, help="a file with the tables")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument(
        "--check",
        action="store_true",
        help="leave with 1 on any difference, on anything done twice, and on slow starts",
    )
    options = parser.parse_args()
    if not DATA.is_dir():
        print(f"needs the research data in {DATA}", file=sys.stderr)
        return 1
    with nullcontext(options.folder) if options.folder else tempfile.TemporaryDirectory() as folder:
        file = written(Path(folder).resolve())
        rows = [row(file, jobs, options.kills, random.Random(options.seed)) for jobs in options.jobs]
    if options.markdown:
        options.markdown.write_text(tables(rows), "utf-8")
    print(json.dumps({"results": rows}) if options.json else tables(rows))
    for line in (wrong := [line for one in rows for line in misses(one)]):
        print(line, file=sys.stderr)
    return 1 if options.check and wrong else 0


def written(folder: Path) -> Path:
    """The experiment's file, in a new folder, with the judgments that its rerankers answer from."""
    folder.mkdir(parents=True, exist_ok=True)
    grades: dict[tuple[str, str], str] = {}
    for name in COLLECTIONS:  # queries of two collections may share an id: whose judgments they get is all the same
        for line in (DATA / name / "qrels" / "test.tsv").read_text("utf-8").splitlines()[1:]:
            query, document, grade = line.split("\t")
            grades.setdefault((query, document), grade)
    lines = ["query-id\tcorpus-id\tscore", *("\t".join((*pair, grade)) for pair, grade in grades.items())]
    (folder / "judgments.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    judge = f"simulated:{folder / 'judgments.tsv'}?noise=1"
    names = ", ".join(str(DATA / name) for name in COLLECTIONS)
    (folder / "killed.yaml").write_text(EXPERIMENT.format(collections=names, data=DATA, judge=judge), "utf-8")
    return folder / "killed.yaml"


def row(file: Path, jobs: int, kills: int, drawn: random.Random) -> dict[str, Any]:
    """The experiment undisturbed and killed, with so many processes."""
    whole, broken = (file.parent / f"{how}-{jobs}" for how in ("whole", "killed"))
    alone = start(file, whole, jobs)
    starts = killed(file, broken, jobs, steps(alone), moments(steps(alone), kills, drawn))
    ends = [start(file, broken, jobs) for _ in range(2)]
    before = ends[-1].left
    commands = sorted(command(file, broken / "out", jobs) for _ in range(3))
    one, other = contents(whole / "out"), contents(broken / "out")
    return {
        "jobs": jobs,
        "files": len(one),
        "different": differences(one, other),
        "undisturbed s": alone.seconds,
        "starts s": sum(each.seconds for each in [*starts, ends[0]]),
        "finished s": commands[1],
        "kills": [fell(each, jobs) for each in starts if each.killed],
        "wanted": kills,
        "there": counted(alone.left),
        "made": counted(ends[0].left),
        "again": again([*starts, *ends], whole / "out", file) + written_again(before, finished(broken / "out")),
    }


def counted(left: Finished) -> dict[str, int]:
    """How much of each kind there is."""
    found = Counter(unit.partition(" ")[0] for unit in left)
    return {kind: found[kind] for kind in KINDS}


def again(starts: Sequence[Start], folder: Path, file: Path) -> list[str]:
    """What was finished after one start, and then written or begun by a later one."""
    names = units(file, folder)
    found = []
    for one, later in pairwise(starts):
        found += written_again(one.left, later.left)
        begun = {names[text] for _, text in later.said if text in names}
        found += [f"{unit} was begun again" for unit in sorted(begun & {*one.left})]
    return found


def written_again(before: Finished, after: Finished) -> list[str]:
    return [f"{unit} was written again" for unit in rewritten(before, after)]


def units(file: Path, folder: Path) -> dict[str, str]:
    """What a start says when it begins something, and what that is called in `finished`."""
    from rankify.experiment import Experiment
    from rankify.experiment.beginnings import steps as beginnings
    from rankify.experiment.opening import opened
    from rankify.experiment.systems import Work

    experiment, found = Experiment.read(file), {}
    for label, (data, about) in opened(experiment, nullcontext).items():
        work = Work(experiment, folder, label, data, about, {}).beginnings()
        for system, whole in experiment.systems.items():
            pipeline = json.loads((folder / "runs" / label / f"{system}.json").read_text("utf-8"))["pipeline"]
            parts = beginnings(pipeline)
            of = len(parts) + whole.endswith("extractive")
            for place, part in enumerate(parts, 1):
                found[f"{label}: {system}: {place}/{of}"] = f"stage {label}/{work.file(part.beginning).stem}"
            found[f"{label}: {system}: tuning"] = f"tuning {label}/{system}"
            found[f"{label}: {system}: reading"] = f"answers {label}/{system}"
    return found


def misses(one: dict[str, Any]) -> list[str]:
    """What is not as it should be, a line each."""
    wrong = [*one["different"], *one["again"]]
    if len(one["kills"]) < one["wanted"]:
        wrong.append(f"{len(one['kills'])} of {one['wanted']} kills found it at work")
    wrong += [f"{name}: {n} there, {one['made'][name]} after the kills" for name, n in one["there"].items()
              if n != one["made"][name]]  # fmt: skip
    if one["finished s"] > MOST:
        wrong.append(f"the finished experiment took {one['finished s']:.2f} s to start, more than {MOST}")
    return [f"{one['jobs']} jobs: {line}" for line in wrong]


def tables(rows: Sequence[dict[str, Any]]) -> str:
    """What was there and what of it was done again, and where the kills fell, as Markdown."""
    made = [markdown(summary(rows))]
    for one in rows:
        lines = [["kill", f"{processes(one)} at work on", "finished by then"], ["---:", "---", "---:"]]
        lines += [[str(n), fall["in"], str(fall["finished"])] for n, fall in enumerate(one["kills"], 1)]
        made.append(markdown(lines))
    return "\n".join(made)


def summary(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    """A table: how much of each kind there was in the end and how much of it was done again, by number of processes."""
    kinds = [
        [KINDS[name], *(text for one in rows for text in (str(one["there"][name]), str(_again(one, name))))]
        for name in KINDS
    ]
    return [
        ["", *(text for one in rows for text in (processes(one), "again or different"))],
        ["---", *["---:"] * 2 * len(rows)],
        *kinds,
        ["files", *(text for one in rows for text in (str(one["files"]), str(len(one["different"]))))],
        ["seconds of a start with nothing to do", *(t for one in rows for t in (f"{one['finished s']:.1f}", ""))],
    ]


def processes(one: dict[str, Any]) -> str:
    return f"{one['jobs']} process{'es' * (one['jobs'] > 1)}"


def _again(one: dict[str, Any], kind: str) -> int:
    return sum(line.startswith(f"{kind} ") for line in one["again"])


if __name__ == "__main__":
    sys.exit(main())
