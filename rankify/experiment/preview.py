"""What a start of an experiment would do, without doing any of it: datasets, steps, prompts, disk and memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankify import catalog
from rankify.datasets import named as known_name
from rankify.errors import BadInput
from rankify.experiment.asking import asking, prompts
from rankify.experiment.beginnings import Beginnings, Step, steps
from rankify.experiment.estimates import Estimate, estimated, passed, size
from rankify.experiment.fusing import fusion
from rankify.experiment.lessons import lessons
from rankify.experiment.opening import Opened, opened
from rankify.experiment.plan import Experiment, parted
from rankify.experiment.sources import Source
from rankify.experiment.systems import Work, works
from rankify.experiment.tables import brief

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True, kw_only=True)
class Node:
    """A step that systems share.

    Attributes:
        step: its text, with the cuts behind it.
        beginning: the pipeline up to it.
        systems: those whose pipelines end with it, each with its reader, "" where it has none.
        kept: on how many datasets it is there from an earlier start.
        prompts: of a language model, by dataset; none where nobody is asked, or it cannot be known before.
        then: the steps behind it.
    """

    step: str
    beginning: str
    systems: dict[str, str]
    kept: int
    prompts: Mapping[str, int]
    then: dict[str, Node]


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The plan of an experiment in a folder.

    Attributes:
        found: the datasets that are here; those of a hub are not opened.
        untaught: datasets of a hub that systems are tuned on, which are not opened either.
        finished: systems whose run files are there, by dataset.
        tree: the steps, by the text that they begin with.
        estimate: of what was opened.
    """

    experiment: Experiment
    folder: Path
    found: Opened
    untaught: Sequence[str]
    finished: Mapping[str, list[str]]
    tree: Mapping[str, Node]
    estimate: Estimate

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "experiment": self.experiment.name,
            "folder": str(self.folder),
            "datasets": {label: self._dataset(label) for label in self.experiment.datasets},
            "systems": dict(self.experiment.systems),
            "tuned": sorted(self.experiment.untuned),
            "finished": dict(self.finished),
            "steps": [_said(node) for node in _all(self.tree)],
            "measures": self.experiment.measures,
            "judges": self.experiment.judges.as_dict(),
            "baseline": self.experiment.baseline,
            "compare": self.experiment.comparing.said(),
            "estimate": {
                "disk": dict(self.estimate.disk), "free_disk": self.estimate.free_disk,
                "memory": self.estimate.memory, "free_memory": self.estimate.free_memory,
                "weights_unknown": list(self.estimate.unknown),
            },
        }  # fmt: skip

    def _dataset(self, label: str) -> dict[str, Any]:
        """Counts of a dataset; of one that is not opened those of the catalogue."""
        if label in self.found:
            about = self.found[label][1]
            return {key: about[key] for key in ("name", "split", "asked", "judged", "gold", "documents")}
        source = self.experiment.datasets[label]
        entry = catalog.datasets()[str(known_name(source.name))]
        split = source.split or entry["split"]
        counts = entry.get("splits", {}).get(split, {})
        said = {"name": source.name, "split": split, "asked": counts.get("queries"), "judged": counts.get("queries")}
        return {**said, "documents": entry.get("documents"), "fetched": True}

    def datasets(self) -> Iterator[list[str]]:
        """A line for each dataset: label, queries, judged, gold answers, documents, and where it is."""
        for label in self.experiment.datasets:
            about = self._dataset(label)
            counts = [f"{about[key]:,}" if about.get(key) is not None else "" for key in _COUNTS]
            yield [label, *counts, "fetched from the hub if not here" if about.get("fetched") else "here"]

    def lines(self) -> Iterator[str]:
        """What stands below the table and the tree: what is done, measured, and needed."""
        cells = len(self.experiment.systems) * len(self.experiment.datasets)
        done = sum(map(len, self.finished.values()))
        yield f"{done} of {cells} rankings are finished; measures: {self.experiment.measures}"
        yield f"{self.experiment.comparing.said()}; baseline: {self.experiment.baseline}"
        if judges := self.experiment.judges.as_dict():
            yield f"judges: {', '.join(f'{key} {model}' for key, model in judges.items())}"
        if unopened := [*(label for label in self.experiment.datasets if label not in self.found), *self.untaught]:
            yield f"not in what follows: {', '.join(unopened)}, which was not opened"
        parts = ", ".join(f"{name} {size(count)}" for name, count in self.estimate.disk.items() if count)
        for (what, needed, free, _), more in zip(
            self.estimate.pairs, (f" ({parts})" if parts else "", ""), strict=True
        ):
            yield f"{what}: about {size(needed)}{more}" + (f", {size(free)} free" if free is not None else "")
        if self.estimate.unknown:
            yield f"weights of {', '.join(self.estimate.unknown)} are not known (not here), so neither figure has them"
        yield from self.estimate.warnings()

    def drawn(self) -> RenderableType:
        """The steps as a tree of what systems share."""
        from rich.text import Text
        from rich.tree import Tree

        root = Tree(Text("steps, each once a dataset", style="bold"))
        for node in self.tree.values():
            self._hang(root, node)
        return root

    def _hang(self, above: Any, node: Node) -> None:
        from rich.text import Text

        shown = Text(f"{brief(node.step)}  ")
        shown.append(self._state(node), style="dim")
        for system, reader in node.systems.items():
            shown.append(f"\n= {system}", style="bold")
            shown.append(f" >> {reader}" if reader else "")
        branch = above.add(shown)
        for then in node.then.values():
            self._hang(branch, then)

    def _state(self, node: Node) -> str:
        """Whether a step is kept, and how many prompts it takes where it is not."""
        opened_ones = len(self.found)
        state = "kept" if opened_ones and node.kept == opened_ones else "to do"
        if 0 < node.kept < opened_ones:
            state = f"kept for {node.kept} of {opened_ones} datasets"
        total = sum(node.prompts.values())
        return f"({state}{f', about {total:,} prompts' if total else ''})"


_COUNTS = ("asked", "judged", "gold", "documents")


def preview(
    experiment: Experiment, folder: Path, step: Callable[[str], AbstractContextManager[None]], jobs: int = 1
) -> Preview:
    """The plan of an experiment in so many processes: nothing is searched, asked, fetched or written.

    Raises:
        BadInput, UnknownName: a dataset that is here cannot be used or tuned on, or nothing can be written into the
            folder.
        Several: more than one dataset cannot, or one for more than one system.
    """
    _refuse_unwritable(folder)
    here = {label: source for label, source in experiment.datasets.items() if not _elsewhere(source)}
    found = opened(replace(experiment, datasets=here), step)
    taught = {s: one for s, one in experiment.untuned.items() if not one.source.name or not _elsewhere(one.source)}
    planned = works(experiment, folder, found, lessons(replace(experiment, untuned=taught), found, step))
    finished = {label: [s for s in experiment.systems if work.ranked(s)] for label, work in planned.items()}
    untaught = {one.source.name: None for system, one in experiment.untuned.items() if system not in taught}
    return Preview(
        experiment=experiment, folder=folder, found=found, untaught=[*untaught], finished=finished,
        tree=_tree(experiment, planned), estimate=estimated(experiment, planned, folder, jobs),
    )  # fmt: skip


def _refuse_unwritable(folder: Path) -> None:
    """Raises BadInput where results could not be written into a folder, which need not be there."""
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    if not there.is_dir():
        raise BadInput(f"cannot write into {folder}: {there} is a file; give another folder with -o")
    if not os.access(there, os.W_OK | os.X_OK):
        raise BadInput(f"cannot write into {folder}: {there} is not to be written into; give another folder with -o")


def _elsewhere(source: Source) -> bool:
    """Whether a dataset is a hub's."""
    name = known_name(source.name)
    return name is not None and name != "pydoc"


def _tree(experiment: Experiment, planned: Mapping[str, Work]) -> dict[str, Node]:
    """The steps; of a system whose tuning is to do, or came out otherwise on another dataset, those of its parts."""
    tree: dict[str, Node] = {}
    known = {label: work.beginnings() for label, work in planned.items()}
    for system, text in experiment.systems.items():
        untuned = experiment.untuned.get(system)
        chosen = {work.pipeline(system) for work in planned.values()} if untuned else {text}
        if untuned and (len(chosen) != 1 or None in chosen):
            for searches in untuned.parts:
                _grow(tree, system, searches, known, " (tuned, of this and others)")
        else:
            _grow(tree, system, str(*chosen), known)
    return tree


def _grow(tree: dict[str, Node], system: str, text: str, known: Mapping[str, Beginnings], how: str = "") -> None:
    """Puts a system's steps into the tree, those of what it fuses before it; those that are there already are shared.

    Args:
        how: what the system does with what they find, where that is more than to go on.
    """
    searches, reader = parted(text)
    for fused in filter(None, (fusion(step.text) for step in steps(searches))):
        for part in fused.parts:
            _grow(tree, system, part, known, how or " (fused, of this and others)")
    *inner, last = zip(steps(searches), passed(searches), strict=True)
    for place, (step, (before, _)) in enumerate(inner):
        tree = _node(tree, step, before if place else 0, known).then
    _node(tree, last[0], last[1][0] if inner else 0, known).systems[system + how] = reader


def _node(tree: dict[str, Node], step: Step, before: int, known: Mapping[str, Beginnings]) -> Node:
    """A step's node in the tree, a new one where it is not there yet; the first step sees no documents before."""
    shown = "".join([step.text, *(f" % {k}" for k in step.cuts)])
    if shown not in tree:
        tree[shown] = Node(
            step=shown, beginning=step.beginning, systems={}, then={},
            kept=sum(one.file(step.beginning).is_file() for one in known.values()),
            prompts=_prompts(step, before, known) if before else {},
        )  # fmt: skip
    return tree[shown]


def _prompts(step: Step, before: int, known: Mapping[str, Beginnings]) -> dict[str, int]:
    """Prompts of a reranking step for each dataset where it is not kept."""
    left = {label: one for label, one in known.items() if not one.file(step.beginning).is_file()}
    if not left:
        return {}
    each = sum(prompts(spec, depth) for spec, depth in asking(step.text, before))
    return {label: each * len(one.data.queries) for label, one in left.items() if each}


def _all(tree: Mapping[str, Node]) -> Iterator[Node]:
    for node in tree.values():
        yield node
        yield from _all(node.then)


def _said(node: Node) -> dict[str, Any]:
    return {
        "step": node.step, "beginning": node.beginning, "systems": dict(node.systems), "kept": node.kept,
        "prompts": dict(node.prompts),
    }  # fmt: skip
