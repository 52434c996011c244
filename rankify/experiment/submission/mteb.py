"""Results as MTEB's repository of results keeps them: a JSON file a task, and one about the model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rankify
from rankify.errors import BadInput
from rankify.experiment.submission.metadata import UNKNOWN
from rankify.io.files import writing
from rankify.io.trec import read_run
from rankify.packaged import packaged
from rankify.stages import WithoutQuery

if TYPE_CHECKING:
    from rankify.datasets import Dataset

CUTOFFS = (1, 3, 5, 10, 20, 100, 1000)
FAMILIES = {"ndcg": "nDCG", "map": "AP", "recall": "R", "precision": "P", "mrr": "RR"}
MAIN = "ndcg_at_10"


@cache
def _known() -> dict[str, Any]:
    found: dict[str, Any] = packaged(files(__package__) / "mteb.yaml")
    return found


def tasks() -> dict[str, dict[str, Any]]:
    """MTEB's task of each collection: its name, the revision of its data, whether it drops identical ids, its split."""
    found: dict[str, dict[str, Any]] = _known()["tasks"]
    return found


def refuse_without_task(collections: Iterable[str]) -> None:
    """Raises BadInput where MTEB has no task for some collections."""
    if lacking := [name for name in collections if name not in tasks()]:
        raise BadInput(f"MTEB has no task for {', '.join(lacking)}; name a set of others, e.g. --sets beir-15")


def result(run: Path, data: Dataset, collection: str) -> dict[str, Any]:
    """The result of a task, as `mteb.TaskResult` reads it; values have five digits, as MTEB writes them.

    nDCG, MAP, recall, precision and MRR at 1, 3, 5, 10, 20, 100 and 1,000, over all judged queries. Where the task
    drops a document whose id is the query's, it is dropped here. MTEB's measures of abstention (nauc) are left out.
    """
    task = tasks()[collection]
    found = read_run(run, queries=data.queries)
    kept = WithoutQuery().apply(found) if task["drops"] else found
    names = {f"{family}_at_{k}": f"{own}@{k}" for family, own in FAMILIES.items() for k in CUTOFFS}
    values = rankify.evaluate(kept, data.qrels, list(names.values()))
    scores = {name: round(values[own], 5) for name, own in names.items()}
    about = {"hf_subset": "default", "languages": ["eng-Latn"], "main_score": scores[MAIN]}
    return {
        "dataset_revision": task["revision"],
        "task_name": task["task"],
        "mteb_version": _known()["format"],
        "scores": {task.get("split", "test"): [{**scores, **about}]},
        "evaluation_time": None,
        "kg_co2_emissions": None,
    }


def write(folder: Path, runs: Mapping[str, Path], data: Mapping[str, Dataset], said: Mapping[str, Any]) -> list[Path]:
    """Writes FOLDER/MODEL/REVISION/TASK.json of each collection and model_meta.json; returns the files.

    Raises:
        BadInput: the model's name or revision cannot be a folder.
    """
    place = folder / _name("model", str(said["model"])) / _name("revision", str(said["revision"]))
    made = {tasks()[name]["task"]: result(runs[name], data[name], name) for name in runs}
    written = []
    for name, content in {**made, "model_meta": _model(said)}.items():
        with writing(place / f"{name}.json") as file:
            json.dump(content, file, ensure_ascii=False, indent=2)
            file.write("\n")
        written.append(place / f"{name}.json")
    return written


def _name(field: str, text: str) -> str:
    """A model's name as MTEB's folders have it: organisation__name."""
    name = text.replace("/", "__")
    if not re.fullmatch(r"[\w][\w.+-]*", name):
        raise BadInput(f"{field}: {text!r} cannot be the name of a folder; use letters, digits and . _ + - /")
    return name


def _model(said: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of the model under MTEB's names; what nobody said is null."""
    return {
        "name": said["model"],
        "revision": said["revision"],
        "release_date": None,
        "languages": ["eng-Latn"],
        "n_parameters": None if said["parameters"] == UNKNOWN else said["parameters"],
        "memory_usage_mb": None,
        "max_tokens": said.get("max_tokens"),
        "embed_dim": said.get("dimension"),
        "license": said.get("licence"),
        "open_weights": None,
        "public_training_code": said.get("code"),
        "public_training_data": None,
        "framework": [],
        "reference": said.get("paper"),
        "similarity_fn_name": None,
        "use_instructions": None,
        "training_datasets": _trained_on(said["training_data"]),
        "modalities": ["text"],
    }


def _trained_on(said: list[str]) -> list[str] | None:
    """MTEB's null says that it is not known; a model that was trained on nothing has an empty list."""
    return [] if said == ["none"] else None if said == [UNKNOWN] else said
