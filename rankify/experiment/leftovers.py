"""What earlier starts left of systems and datasets that an experiment has no more."""

from __future__ import annotations

from pathlib import Path

from rankify.experiment.plan import Experiment


def leftovers(experiment: Experiment, folder: Path) -> list[Path]:
    """Run files and answers in the folder, relative to it, that are of no system and dataset of the experiment.

    They are kept, since a system that comes back has its work done; who reads run files by a pattern has to know.
    """
    files = [*folder.glob("runs/*/*.trec"), *folder.glob("answers/*/*.jsonl")]
    return sorted(
        file.relative_to(folder)
        for file in files
        if file.parent.name not in experiment.datasets or file.stem not in experiment.systems
    )


def told_of(found: list[Path]) -> str:
    """A line about them.

    >>> told_of([Path("runs/scifact/old.trec")])
    'runs/scifact/old.trec stays, though the experiment has no old on scifact; delete what is not to be compared'
    """
    first, *others = found
    more = f" and {len(others):,} more stay" if others else " stays"
    gone = f"the experiment has no {first.stem} on {first.parent.name}"
    return f"{first}{more}, though {gone}; delete what is not to be compared"
