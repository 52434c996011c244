"""A bundle that is there already: checked entry by entry, unpacked nowhere, and nothing it says is believed."""

from __future__ import annotations

import json
import re
import stat
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from rankify.errors import BadInput, UnknownName
from rankify.experiment.problems import Problems
from rankify.experiment.submission import bundle, collections, metadata
from rankify.experiment.submission.checks import SHOWN, Counted, Needed, checked, pieces

SMALL = 1 << 20  # bytes of a side-car; one takes 10,000
CLOSE = 1e-9  # how far a figure may be from what is measured again: it is written in full

KEYS = ("format", "benchmark", "set", "metadata", "collections", "made_with")
AGAIN = "make the bundle again"
_VERSION = re.compile(r"[0-9][0-9A-Za-z.!+-]{0,59}")

NeededOf = Callable[[str, Collection[str]], Needed]
Measure = Callable[[str, Path], Mapping[str, float]]


def check(path: Path, needed_of: NeededOf, measure: Measure | None = None) -> dict[str, Any]:
    """The side-car of a zip file whose content is all as it should be.

    Args:
        needed_of: what the run of a collection is held against, by its name and the queries that have no results.
        measure: measures of a collection's run, where judgments are at hand; the side-car's have to be these.

    Raises:
        BadInput, Several: it is no zip file, or something in it is missing, foreign, damaged or wrong.
    """
    problems = Problems(str(path))
    try:
        with zipfile.ZipFile(path) as packed:
            side_car = _checked(_Bundle(packed, problems), needed_of, measure)
    except (zipfile.BadZipFile, OSError) as error:
        raise BadInput(f"{path} is no zip file ({error}); make it with rankify submit beir") from None
    problems.refuse()
    return side_car


class _Bundle:
    """A zip file and what is wrong with it."""

    def __init__(self, packed: zipfile.ZipFile, problems: Problems) -> None:
        self.packed, self.problems = packed, problems
        self.names = Counter(info.filename for info in packed.infolist())

    @contextmanager
    def opened(self, name: str, largest: int = SMALL, what: str = "a side-car") -> Iterator[IO[bytes]]:
        """The bytes of an entry, as they are unpacked. Raises BadInput where they cannot or should not be."""
        if name not in self.names:
            raise BadInput("is missing; make the bundle with rankify submit beir")
        if self.names[name] > 1:
            raise BadInput("is there twice; keep one")
        info = self.packed.getinfo(name)
        if stat.S_ISLNK(info.external_attr >> 16):
            raise BadInput("is a link; put the file itself there")
        if info.file_size > largest:
            raise BadInput(f"would be {info.file_size:,} bytes unpacked; {what} has {largest:,} at most")
        try:
            with self._unlocked(info) as file:
                yield file
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise BadInput(f"is damaged ({error}); {AGAIN}") from None

    def _unlocked(self, info: zipfile.ZipInfo) -> IO[bytes]:
        """A file of the bundle to read; what its readers raise is not taken for what opening it does."""
        try:
            return self.packed.open(info)
        except NotImplementedError:
            raise BadInput("is packed in a way that is unknown; make the bundle with rankify submit beir") from None
        except RuntimeError:  # what zipfile raises where there is no password
            raise BadInput("needs a password; make the bundle with rankify submit beir") from None


def _checked(opened: _Bundle, needed_of: NeededOf, measure: Measure | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with opened.problems.at(bundle.SIDE_CAR):
        found = _side_car(opened)
        wanted = _wanted(found.get("set"))
        _refuse_foreign(opened, [bundle.SIDE_CAR, *map(bundle.place_of, wanted)])
        said = _collections(found, wanted, opened.problems)
        _refuse_partial(said, wanted, opened.problems)
        for collection in wanted:
            with opened.problems.at(bundle.place_of(collection)):
                counted = _run(opened, collection, needed_of, _in_vain(said.get(collection)))
                if counted is not None:
                    _refuse_said(opened, collection, said.get(collection), counted, measure)
    return found


def _side_car(opened: _Bundle) -> dict[str, Any]:
    """What the side-car says; what stands beside the runs is checked.

    Raises:
        BadInput: nothing else can be checked by it.
    """
    with opened.opened(bundle.SIDE_CAR) as file:
        text = file.read()
    try:
        found = json.loads(text, object_pairs_hook=_distinct)
    except BadInput:
        raise
    except (ValueError, RecursionError) as error:
        raise BadInput(f"is no JSON ({error}); {AGAIN}") from None
    said = found.get("format") if isinstance(found, dict) else None
    if said in bundle.OLDER:
        raise BadInput(f"its format is {said}, made by an older version; {AGAIN}")
    if not isinstance(found, dict) or said != bundle.FORMAT:
        raise BadInput(f"its format is not {bundle.FORMAT}; {AGAIN}")
    with opened.problems.at(bundle.SIDE_CAR):
        inner = Problems("")
        metadata.refuse(found.get("metadata"), inner)
        _refuse_keys(found, KEYS, inner)
        inner.refuse()
    return found


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON. Raises BadInput where a key is there twice."""
    keys = Counter(key for key, _ in pairs)
    if twice := next((key for key, times in keys.items() if times > 1), None):
        raise BadInput(f"two entries are called {twice[:60]!r}; {AGAIN}")
    return dict(pairs)


def _refuse_keys(found: Mapping[str, Any], known: Collection[str], problems: Problems) -> None:
    """Notes keys that do not belong there, and a benchmark or a maker that is none."""
    for foreign in [key for key in found if key not in known][:SHOWN]:
        problems.note(BadInput(f"does not belong there; {AGAIN}"), foreign[:60])
    if found.get("benchmark") != bundle.BENCHMARK:
        problems.note(BadInput(f"{found.get('benchmark')!r:.60} is not {bundle.BENCHMARK}; {AGAIN}"), "benchmark")
    maker = found.get("made_with")
    version = maker["rankify"] if isinstance(maker, dict) and [*maker] == ["rankify"] else None
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        problems.note(BadInput(f"it says which rankify made the bundle, and nothing else; {AGAIN}"), "made_with")


def _wanted(said: Any) -> list[str]:
    """The collections of the set that a side-car names."""
    if not isinstance(said, str) or len(said) > 60:
        raise BadInput(f"set: {said!r:.60} is no name of a set of collections; {AGAIN}")
    try:
        return bundle.required(said)
    except UnknownName as error:
        raise UnknownName(f"set: {error}") from None


def _refuse_foreign(opened: _Bundle, known: list[str]) -> None:
    foreign = [name for name in opened.names if name not in known]
    for name in foreign[:SHOWN]:
        said = f"does not belong there; a bundle has {bundle.SIDE_CAR} and {bundle.place_of('COLLECTION')}"
        opened.problems.note(BadInput(said), name)
    if len(foreign) > SHOWN:
        opened.problems.note(BadInput(f"{len(foreign) - SHOWN:,} more entries do not belong there"))


def _collections(side_car: Mapping[str, Any], wanted: list[str], problems: Problems) -> Mapping[str, Any]:
    """What the side-car says of each collection."""
    found = side_car.get("collections")
    said: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    for foreign in [name for name in said if name not in wanted][:SHOWN]:
        problems.note(BadInput("is not in the set; leave it out"), bundle.SIDE_CAR, "collections", foreign)
    return said


def _in_vain(said: Any) -> list[str]:
    """The queries of which a side-car says that nothing was found; what is no list of texts names none."""
    found = said.get("no_results") if isinstance(said, Mapping) else None
    return found if isinstance(found, list) and all(isinstance(one, str) for one in found) else []


def _run(opened: _Bundle, collection: str, needed_of: NeededOf, in_vain: list[str]) -> Counted | None:
    """What a run has; None where something is wrong with it, which is noted."""
    before, place = len(opened.problems.found), bundle.place_of(collection)
    if place not in opened.names:
        raise BadInput(f"is missing; the set needs a run of {collection}")
    with opened.opened(place, bundle.LARGEST, "a run") as file:
        needed = replace(needed_of(collection, in_vain), bundled=True)
        counted = checked(pieces(file), needed, opened.problems, place)
    return counted if len(opened.problems.found) == before else None


def _refuse_said(
    opened: _Bundle, collection: str, said: Any, counted: Counted, measure: Measure | None
) -> None:  # fmt: skip
    """Notes where the side-car says anything of a run that is not so."""
    place = bundle.place_of(collection)
    with opened.problems.at(bundle.SIDE_CAR, "collections", collection):
        known = {**vars(counted), "file": place}
        if not isinstance(said, Mapping):
            raise BadInput(f"says nothing of {place}; {AGAIN}")
        if wrong := [key for key in known if not _same(said.get(key), known[key])]:
            raise BadInput(f"its {wrong[-1]} is not that of {place}; {AGAIN}")
        if foreign := [key for key in said if key not in (*known, "figures")]:
            raise BadInput(f"{foreign[0][:60]}: does not belong there; {AGAIN}")
        if "figures" in said:
            _refuse_unlike(said["figures"])
            if measure:
                _refuse_figures(said["figures"], _measured(opened, collection, measure))


def _same(said: Any, known: Any) -> bool:
    """Whether a side-car says what is so; 5.0 and false are no counts."""
    return type(said) is type(known) and bool(said == known)


def _refuse_partial(said: Mapping[str, Any], wanted: list[str], problems: Problems) -> None:
    """Notes collections without figures where others have some: a bundle has all of them or none."""
    having = [name for name in wanted if isinstance(said.get(name), Mapping) and "figures" in said[name]]
    for name in wanted if having else ():
        if isinstance(said.get(name), Mapping) and name not in having:
            problems.note(
                BadInput(f"are missing, and {having[0]} has them; {AGAIN}"),
                bundle.SIDE_CAR,
                "collections",
                name,
                "figures",
            )


def _refuse_unlike(figures: Any) -> None:
    """Raises BadInput for what can be seen of figures without measuring again."""
    if not isinstance(figures, Mapping) or not all(map(_is_figure, figures.values())):
        raise BadInput(f"figures: they are no numbers from 0 to 1 by measure; {AGAIN}")
    if foreign := [name for name in figures if name not in collections.MEASURES]:
        raise BadInput(f"figures: {foreign[0][:60]}: is not measured; a bundle has {', '.join(collections.MEASURES)}")
    if missing := [name for name in collections.MEASURES if name not in figures]:
        raise BadInput(f"figures: {missing[0]}: is missing; {AGAIN}")


def _is_figure(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _measured(opened: _Bundle, collection: str, measure: Measure) -> Mapping[str, float]:
    place = bundle.place_of(collection)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"{collection}.trec"
        with opened.opened(place, bundle.LARGEST, "a run") as file, copy.open("wb") as own:
            for piece in pieces(file):
                own.write(piece)
        return measure(collection, copy)


def _refuse_figures(said: Mapping[str, Any], measured: Mapping[str, float]) -> None:
    for name, value in said.items():
        if abs(value - measured[name]) > CLOSE:
            raise BadInput(f"figures: {name}: {value:g} is not what the run has, {measured[name]:.4f}; make it again")
