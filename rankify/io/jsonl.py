"""JSON objects in a file: one a line, or all in one array."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rankify.errors import BadInput
from rankify.io.files import Name, filled, reading, writing

Record = dict[str, Any]
_SPACE = re.compile(r"[ \t\n\r]*")
_WHAT = "one JSON object"
_decode = json.JSONDecoder().raw_decode


def records(path: Name) -> Iterator[tuple[int, Record]]:
    """The objects of a file, each with the number of the line where it starts.

    Raises:
        BadInput: malformed JSON, something that is no object, or an empty line between two; with file and line.
    """
    if is_array(path):
        yield from _array(path)
        return
    for number, line in filled(path, _WHAT):
        yield number, record(line, f"{path}:{number}")


def is_array(path: Name) -> bool:
    """Whether a file is one array instead of an object a line."""
    with reading(path) as file:
        return next((line.lstrip()[0] for line in file if line.strip()), "") == "["


def record(line: str, where: str) -> Record:
    """The object that a line spells.

    Raises:
        BadInput: it is malformed, or no object; the message starts with `where`.
    """
    try:
        found = json.loads(line)
    except json.JSONDecodeError as error:
        raise BadInput(f"{where}: malformed JSON: {error.msg} at character {error.pos + 1}") from None
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, brackets 10,000 deep
        raise BadInput(f"{where}: JSON that cannot be read: {error}") from None
    return _object(found, where)


def _object(found: Any, where: str) -> Record:
    if not isinstance(found, dict):
        raise BadInput(f"{where}: a JSON {type(found).__name__} instead of an object {{...}}")
    return found


def _array(path: Name) -> Iterator[tuple[int, Record]]:
    """The objects of one JSON array, decoded one after the other so that each knows its line."""
    with reading(path) as file:
        text = file.read()
    place, line, counted = _after_space(text, text.index("[") + 1), 1, 0
    while text[place : place + 1] != "]":
        line, counted = line + text.count("\n", counted, place), place
        try:
            found, place = _decode(text, place)
        except json.JSONDecodeError as error:
            raise BadInput(f"{path}:{error.lineno}: malformed JSON: {error.msg} at character {error.colno}") from None
        except (ValueError, RecursionError) as error:
            raise BadInput(f"{path}:{line}: JSON that cannot be read: {error}") from None
        yield line, _object(found, f"{path}:{line}")
        place = _after_space(text, place)
        if text[place : place + 1] == ",":
            place = _after_space(text, place + 1)
        elif text[place : place + 1] != "]":
            number = text.count("\n", 0, place) + 1
            raise BadInput(f"{path}:{number}: malformed JSON: a comma or the array's end is missing")
    if rest := text[place + 1 :].strip():
        raise BadInput(f"{path}: malformed JSON: {rest[:40]!r} stands behind the array's end")


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def written(found: Record) -> str:
    """The object on one line, in UTF-8 wherever UTF-8 can hold it."""
    text = json.dumps(found, ensure_ascii=False)
    return text if text.isascii() or _has_utf8(text) else json.dumps(found)


def _has_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell with an escape
        return False
    return True


def write_records(found: Iterable[Record], path: Name) -> None:
    """Writes objects: one array with an object a line when the name ends in .json or .json.gz, else one a line."""
    array = Path(path).name.removesuffix(".gz").endswith(".json")
    with writing(path) as file:
        file.write("[\n" * array)
        for place, each in enumerate(found):
            file.write((",\n" if place else "") * array + written(each) + "\n" * (not array))
        file.write("\n]\n" * array)
