"""The manifest of an index on disk: what it was built from and with, checked whenever it is opened."""

from __future__ import annotations

import json
import logging
from functools import cache
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

from rankify.errors import BadInput
from rankify.io.files import Name, writing

logger = logging.getLogger(__name__)

FORMAT = "rankify-index-1"


class Manifest:
    """`manifest.json` in an index's folder. It is written last, so a folder that has one holds a finished index.

    Another `file` in its place says the same of an index that is being built.
    """

    FILE = "manifest.json"

    @classmethod
    def there(cls, folder: Name) -> bool:
        """Whether a folder holds a finished index."""
        return (Path(folder) / cls.FILE).is_file()

    @classmethod
    def write(cls, folder: Name, *, file: str = FILE, **fields: Any) -> None:
        """Writes what is to be known of an index, as JSON; the versions of rankify and numpy are added."""
        said = {
            "format": FORMAT,
            **fields,
            "libraries": {**versions("rankify", "numpy"), **fields.get("libraries", {})},
        }
        with writing(Path(folder) / file) as opened:
            json.dump(said, opened, ensure_ascii=False, indent=1)
            opened.write("\n")

    @classmethod
    def read(cls, folder: Name, *, file: str = FILE) -> dict[str, Any]:
        """Everything a folder's manifest says, e.g. `spec`, which says what it was built by.

        Raises:
            BadInput: the folder has no manifest, or it cannot be read.
        """
        path = Path(folder) / file
        if not path.is_file():
            raise BadInput(f"no index in {folder}: it has no {file}; build one with 'rankify index'")
        try:
            found = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise BadInput(f"cannot read {path}: {error}; delete {folder} and build the index again") from None
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise BadInput(
                f"{path} describes no index this version can read; delete {folder} and build the index again"
            )
        return found

    @classmethod
    def check(cls, folder: Name, *, file: str = FILE, **expected: Any) -> dict[str, Any]:
        """What `read` gives, when it says of each of these fields what is expected of it.

        Of `libraries` the major versions must agree; other differences between versions are logged.

        Raises:
            BadInput: it says something else; the message names the folder, the field and both values.
        """
        found = cls.read(folder, file=file)
        agreed(found, expected, f"the index in {folder}", "give another folder, or delete this one to build it again")
        return found


def agreed(found: dict[str, Any], expected: dict[str, Any], what: str, way_out: str) -> None:
    """Whether an index is what is asked for, by what is known of it; see `Manifest.check`.

    Args:
        what: the index, in a message's words. way_out: what to do when it is another.

    Raises:
        BadInput: it is another; the message names the first field that differs and both values.
    """
    for field, here, there in _differences(found, json.loads(json.dumps(expected))):
        if field.startswith("libraries.") and _major(here) == _major(there):
            logger.warning("%s was built with %s %s, here is %s", what, field[10:], there, here)
            continue
        raise BadInput(f"{what} was built with {field} {_short(there)}, and {_short(here)} is asked for now; {way_out}")


def versions(*names: str) -> dict[str, str]:
    """The installed versions of some packages; one that is not installed is left out."""
    return {name: found for name in names if (found := _version(name))}


@cache  # packages do not change while a process runs, and each is a file to find, read and parse
def _version(name: str) -> str | None:
    installed = next(iter(Distribution.discover(name=name)), None)
    return installed.version if installed else None


def _differences(found: dict[str, Any], expected: dict[str, Any], above: str = "") -> list[tuple[str, Any, Any]]:
    """(field, expected value, found value) of each field that differs; fields inside fields as `encoder.pooling`.

    Inside a field everything counts, also what is not expected: encoders say some things only where unusual.
    """
    differing: list[tuple[str, Any, Any]] = []
    for field, value in expected.items():
        there = found.get(field)
        if isinstance(value, dict) and isinstance(there, dict):
            differing += _differences(there, value, f"{above}{field}.")
        elif there != value:
            differing.append((above + field, value, there))
    unexpected = found.keys() - expected.keys() if above and not above.startswith("libraries.") else set()
    return differing + [(above + field, None, found[field]) for field in sorted(unexpected) if found[field] is not None]


def _major(version: str | None) -> str:
    """The part of a version before its first dot."""
    return str(version).partition(".")[0]


def _short(value: Any) -> str:
    """A value for a message: a fingerprint by its beginning, everything else as JSON."""
    text = json.dumps(value, ensure_ascii=False)
    return f"{text[:13]}...{text[-1]}" if isinstance(value, str) and len(value) == 64 else text
