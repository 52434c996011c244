"""A submission as one zip file: a TREC run for each collection, and a JSON side-car that says what they are."""

from __future__ import annotations

import gzip
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import rankify
from rankify.errors import BadInput, UnknownName
from rankify.evaluation.averages import averages, canonical, parts
from rankify.experiment.problems import Problems
from rankify.experiment.submission import metadata
from rankify.experiment.submission.checks import Counted, Needed, checked
from rankify.io.files import writing

FORMAT = "rankify-beir-submission-1"
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
        BadInput: there is no such folder, two files are of one collection, or several systems are there and none is
            named.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder; name the one that holds the runs")
    inside = folder / "runs" if (folder / "runs").is_dir() else folder
    found: dict[str, Path] = {}
    for path in sorted(inside.rglob("*")):
        ending = next((e for e in _ENDINGS if path.name.endswith(e)), "")
        if not ending or not path.is_file():
            continue
        below, stem = path.relative_to(inside).parts, path.name.removesuffix(ending)
        name = canonical(stem) or canonical("/".join([*below[:-1], stem]))
        if name is None and len(below) > 1 and (not system or stem == system):
            name = canonical("/".join(below[:-1]))
        if name not in wanted:
            continue
        if name in found:
            raise BadInput(f"{found[name]} and {path} are both of {name}; name one with --system")
        found[name] = path
    return found


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
    problems, counted = Problems(""), {}
    for collection, one in needed.items():
        if collection not in runs:
            problems.note(BadInput(f"{average} needs a run of {collection}; add {collection}.trec"))
        else:
            with _lines(runs[collection]) as lines:
                counted[collection] = checked(lines, one, problems, str(runs[collection]))
    problems.refuse()
    figures = {name: measure(name, runs[name]) for name in counted} if measure else {}
    side_car = _side_car(counted, said, average, figures)
    with writing(path, binary=True) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for collection in sorted(counted):
            with packed.open(_entry(_place(collection)), "w") as inside, _lines(runs[collection]) as lines:
                shutil.copyfileobj(lines, inside)
        packed.writestr(_entry(SIDE_CAR), json.dumps(side_car, ensure_ascii=False, indent=1) + "\n")
    return side_car


def _place(collection: str) -> str:
    return f"runs/{collection}.trec"


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _MOMENT)
    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    return info


@contextmanager
def _lines(path: Path) -> Iterator[IO[bytes]]:
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        yield cast(IO[bytes], file)


def _side_car(
    counted: Mapping[str, Counted], said: Mapping[str, Any], average: str, figures: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "benchmark": "beir",
        "set": average,
        "metadata": dict(said),
        "collections": {
            name: {"file": _place(name), **vars(one), **({"figures": figures[name]} if name in figures else {})}
            for name, one in sorted(counted.items())
        },
        "made_with": {"rankify": rankify.__version__},
    }


def check(path: Path, needed_of: Any) -> dict[str, Any]:
    """The side-car of a zip file whose content is all as it should be.

    Args:
        needed_of: what the run of a collection is held against, by its name.

    Raises:
        BadInput, Several: it is no zip file, or something in it is missing, foreign or wrong.
    """
    problems = Problems(str(path))
    try:
        with zipfile.ZipFile(path) as packed:
            side_car = _checked(packed, needed_of, problems)
    except (zipfile.BadZipFile, OSError) as error:
        raise BadInput(f"{path} is no zip file ({error}); make it with rankify submit beir") from None
    problems.refuse()
    return side_car


def _checked(packed: zipfile.ZipFile, needed_of: Any, problems: Problems) -> dict[str, Any]:
    side_car = _read_side_car(packed, problems)
    said = side_car.get("collections")
    listed: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
    known = averages().get(str(side_car.get("set")))
    with problems.at(SIDE_CAR, "set"):
        if known is None:
            raise UnknownName.among("set of collections", str(side_car.get("set")), averages())
    wanted = required(known.name) if known else list(listed)
    names = [info.filename for info in packed.infolist()]
    for name in names:
        with problems.at(name):
            if name != SIDE_CAR and name not in map(_place, wanted):
                raise BadInput(f"does not belong there; a bundle has {SIDE_CAR} and {_place('COLLECTION')}")
            if names.count(name) > 1:
                raise BadInput("is there twice; keep one")
            if (size := packed.getinfo(name).file_size) > LARGEST:
                raise BadInput(f"would be {size:,} bytes unpacked; a run has {LARGEST:,} at most")
    for collection in wanted:
        _check_run(packed, collection, listed.get(collection), needed_of, problems)
    return side_car


def _check_run(packed: zipfile.ZipFile, collection: str, said: Any, needed_of: Any, problems: Problems) -> None:
    place = _place(collection)
    if place not in packed.namelist():
        problems.note(BadInput(f"is missing; the set needs a run of {collection}"), place)
        return
    if packed.getinfo(place).file_size > LARGEST:
        return
    with packed.open(place) as lines:
        counted = checked(lines, needed_of(collection), problems, place)
    with problems.at(SIDE_CAR, "collections", collection):
        if not isinstance(said, Mapping) or said.get("sha256") != counted.sha256:
            raise BadInput(f"its sha256 is not that of {place}; make the bundle again")


def _read_side_car(packed: zipfile.ZipFile, problems: Problems) -> dict[str, Any]:
    found: Any = {}
    with problems.at(SIDE_CAR):
        if SIDE_CAR not in packed.namelist():
            raise BadInput("is missing; make the bundle with rankify submit beir")
        try:
            found = json.loads(packed.read(SIDE_CAR))
        except ValueError as error:
            raise BadInput(f"is no JSON ({error}); make the bundle again") from None
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise BadInput(f"its format is not {FORMAT}; make the bundle again")
        inner = Problems("")
        metadata.refuse(found.get("metadata"), inner)
        inner.refuse()
    return found if isinstance(found, dict) else {}
