"""A submission as one zip file: a TREC run for each collection, and a JSON side-car that says what they are."""

from __future__ import annotations

import gzip
import json
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import rankify
from rankify.errors import BadInput, UnknownName
from rankify.evaluation.averages import averages, canonical, parts
from rankify.experiment.problems import Problems
from rankify.experiment.submission.checks import Counted, Needed, checked, pieces
from rankify.io.files import writing

BENCHMARK = "beir"
FORMAT = "rankify-beir-submission-2"
OLDER = ("rankify-beir-submission-1",)
SIDE_CAR = "submission.json"
LARGEST = 4 << 30  # bytes of one run unpacked: 10,000 queries of 1,000 lines take one
_MOMENT = (1980, 1, 1, 0, 0, 0)  # the zip file depends on its content alone
_ENDINGS = (".trec", ".trec.gz", ".txt", ".txt.gz", ".run", ".run.gz")


def required(average: str) -> list[str]:
    """The collections of a named set that a submission needs a run of; CQADupStack's forums one by one."""
    known = averages()
    if average not in known:
        raise UnknownName.among("set of collections", average, known)
    return [piece for name in known[average].of for piece in parts().get(name, (name,))]


def runs_in(folder: Path, wanted: list[str], system: str = "") -> dict[str, Path]:
    """The run of each collection in a folder: COLLECTION.trec, or an experiment's runs/COLLECTION/SYSTEM.trec.

    Raises:
        BadInput: there is no such folder, a run is no file, two files are of one collection, or several systems are
            there and none is named.
        UnknownName: no system of that name is there.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder; name the one that holds the runs")
    found: dict[str, Path] = {}
    systems: set[str] = set()
    for path, name, of in _places(folder):
        systems |= {of} - {""}
        if name not in wanted or (system and of not in ("", system)):
            continue
        if not path.is_file():
            raise BadInput(f"{path} is no file but a folder, a pipe or a link to nothing; put the run of {name} there")
        if name in found:
            raise BadInput(f"{found[name]} and {path} are both of {name}; keep one, or name one with --system")
        found[name] = path
    if system and not systems:
        raise BadInput(f"{folder} has one run of each collection and no systems; leave --system out")
    if system and system not in systems:
        raise UnknownName.among("system", system, systems)
    return found


def _places(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """What may be a run in a folder, with its collection and, where the run is below that one's folder, its system."""
    inside = folder / "runs" if (folder / "runs").is_dir() else folder
    for path in sorted(inside.rglob("*")):
        ending = next((e for e in _ENDINGS if path.name.endswith(e)), "")
        below, stem = path.relative_to(inside).parts[:-1], path.name.removesuffix(ending)
        if not ending:
            continue
        if name := canonical(stem) or canonical("/".join([*below, stem])):
            yield path, name, ""
        elif below and (name := canonical("/".join(below))):
            yield path, name, stem


def write(
    path: Path, runs: Mapping[str, Path], needed: Mapping[str, Needed], said: Mapping[str, Any], average: str,
    measure: Callable[[str, Path], Mapping[str, float]] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Checks everything, then writes the zip file, whole or not at all; returns its side-car.

    Args:
        runs: the file of each collection, gzip too.
        needed: what each is held against.
        said: the metadata, already checked.
        average: the named set that is submitted to.
        measure: measures of a collection's run, where judgments are at hand.

    Raises:
        BadInput, Several: something is missing or wrong; each line names file, line or key and the way out.
    """
    counted = counted_in(runs, needed, average)
    figures = {name: measure(name, runs[name]) for name in counted} if measure else {}
    side_car = _side_car(counted, said, average, figures)
    with writing(path, binary=True) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for collection in sorted(counted):
            with packed.open(_entry(place_of(collection)), "w") as inside, _opened(runs[collection]) as run:
                shutil.copyfileobj(run, inside)
        packed.writestr(_entry(SIDE_CAR), json.dumps(side_car, ensure_ascii=False, indent=1) + "\n")
    return side_car


def counted_in(runs: Mapping[str, Path], needed: Mapping[str, Needed], average: str) -> dict[str, Counted]:
    """What the run of each collection has.

    Raises:
        BadInput, Several: a run is missing or wrong; each line names file, line and the way out.
    """
    problems, counted = Problems(""), {}
    for collection, one in needed.items():
        if collection not in runs:
            problems.note(BadInput(f"{average} needs a run of {collection}; add {collection}.trec"))
        else:
            with problems.at(), _opened(runs[collection]) as file:
                counted[collection] = checked(pieces(file), one, problems, str(runs[collection]))
    problems.refuse()
    return counted


def place_of(collection: str) -> str:
    """The name that a collection's run has in a bundle."""
    return f"runs/{collection}.trec"


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _MOMENT)
    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    return info


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """A run's bytes. Raises BadInput where it is no gzip file though it is called so, or is cut off."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            yield cast(IO[bytes], file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInput(f"{path}: is no whole gzip file ({error}); compress it again") from None


def _side_car(
    counted: Mapping[str, Counted], said: Mapping[str, Any], average: str, figures: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "benchmark": BENCHMARK,
        "set": average,
        "metadata": dict(said),
        "collections": {
            name: {"file": place_of(name), **vars(one), **({"figures": figures[name]} if name in figures else {})}
            for name, one in sorted(counted.items())
        },
        "made_with": {"rankify": rankify.__version__},
    }
