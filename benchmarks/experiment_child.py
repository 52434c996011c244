"""An experiment in a process of its own, which says what it does and can be killed: `benchmarks.experiment`.

python -m benchmarks.experiment_child EXPERIMENT.yaml FOLDER JOBS
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rankify.experiment import Experiment
from rankify.experiment.execute import execute
from rankify.experiment.progress import Stand


@contextmanager
def step(text: str) -> Iterator[None]:
    print(text, flush=True)
    yield


def watch(stand: Stand) -> None:
    """Says which step of a system runs."""
    if stand.state == "running" and stand.said:
        print(f"{stand.dataset}: {stand.system}: {stand.said}", flush=True)


def main(file: str, folder: str, jobs: str) -> None:
    execute(Experiment.read(Path(file)), Path(folder), step=step, watch=watch, jobs=int(jobs), parquet=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
