"""A corpus that stays on disk: a file of JSON lines or a table, reached by memory map.

What one pass over the file finds (where each line starts, the ids, the fingerprint) is kept in the cache folder under
the file's path, size and time of change, so that a corpus of millions of documents opens at once the next time.
"""

from __future__ import annotations

import hashlib
import logging
import mmap
import shutil
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rankify.corpus import Corpus, fingerprints
from rankify.documents import Document, Positions
from rankify.errors import BadInput, RankifyError, UnknownName
from rankify.io.cache import cache_folder
from rankify.io.files import Name, missing, reading, writing
from rankify.io.jsonl import is_array, record
from rankify.io.tables import Layout, document_of, layout, read_documents, write_documents

LARGE = 256 * 2**20
log = logging.getLogger(__name__)


def open_corpus(path: Name, *, large: int = LARGE) -> Corpus:
    """The corpus in a file: in memory when the file is smaller than `large` bytes, on disk otherwise.

    Raises:
        BadInput: the file is missing or malformed (the message has file and line), or has no documents.
    """
    path = Path(path)
    if not path.is_file():
        raise BadInput(missing(path))
    found = CorpusFile(path) if path.stat().st_size >= large else Corpus(read_documents(path))
    if not found:
        raise BadInput(f"{path} has no documents; a line is an object with an id and a text, or id TAB text")
    return found


def write_corpus(documents: Iterable[Document], path: Name) -> CorpusFile:
    """Documents written to a file of JSON lines, as the corpus that this file is."""
    write_documents(documents, path)
    return CorpusFile(path)


class Scan(NamedTuple):
    """What one pass over a file finds, by position. Opened from the cache, the arrays are memory-mapped."""

    starts: NDArray[np.int64]  # where each document's line starts, and where the last one ends
    ids: NDArray[np.uint8]  # all ids in UTF-8, one after the other
    id_starts: NDArray[np.int64]
    keys: NDArray[np.uint64]  # 64 bits for each id, ascending
    key_positions: NDArray[np.int64]
    fingerprint: str

    def id(self, position: int) -> str:
        """The id at a position."""
        start, end = self.id_starts[position : position + 2].tolist()
        return self.ids[start:end].tobytes().decode("utf-8", "surrogatepass")


class CorpusFile(Corpus):
    """Documents in a file, read when they are looked at; positions are lines.

    A compressed file is unpacked into the cache folder first, and an array of objects written there one a line.

    Raises:
        BadInput: the file is missing or malformed, or an id stands twice; the message has file and line.
    """

    def __init__(self, path: Name) -> None:
        self.path = Path(path).absolute()
        if not self.path.is_file():
            raise BadInput(missing(self.path))
        self._lines = _lines(self.path)
        self._layout = layout(self._lines)
        self._scan = _scan(self.path, self._lines, self._layout)
        with self._lines.open("rb") as file:
            size = self._lines.stat().st_size
            self._bytes: bytes | mmap.mmap = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""

    @property
    def ids(self) -> list[str]:
        blob, places = self._scan.ids.tobytes(), self._scan.id_starts.tolist()
        return [blob[start:end].decode("utf-8", "surrogatepass") for start, end in pairwise(places)]

    def ids_at(self, positions: Positions) -> list[str]:
        starts = self._scan.id_starts[positions].tolist()
        ends = self._scan.id_starts[np.asarray(positions) + 1].tolist()
        view = self._scan.ids.data
        return [str(view[start:end], "utf-8", "surrogatepass") for start, end in zip(starts, ends, strict=True)]

    def document(self, position: int) -> Document:
        start, end = self._scan.starts[position : position + 2].tolist()
        return _document(self._bytes[start:end], self._layout, f"{self.path}:{position + 1 + self._layout.skip}")

    def position(self, id: str) -> int:
        found = self._find(id)
        if found is None:
            raise UnknownName(f"no document {id!r} among the {len(self):,} of {self.path.name}")
        return found

    def _find(self, id: str) -> int | None:
        key = np.uint64(_key(id.encode("utf-8", "surrogatepass")))  # a plain int would compare as a float
        place = int(np.searchsorted(self._scan.keys, key))
        while place < len(self) and self._scan.keys[place] == key:
            position = int(self._scan.key_positions[place])
            if self._scan.id(position) == id:
                return position
            place += 1
        return None

    @cached_property
    def hash(self) -> str:
        return self._scan.fingerprint

    def __len__(self) -> int:
        return len(self._scan.starts) - 1

    def __contains__(self, item: object) -> bool:
        return self._find(item) is not None if isinstance(item, str) else super().__contains__(item)

    def __reduce__(self) -> tuple[type[CorpusFile], tuple[Path]]:
        return CorpusFile, (self.path,)

    def __repr__(self) -> str:
        return f"<CorpusFile of {len(self):,} documents in {self.path}>"


def _key(id: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(id, digest_size=8).digest(), "little")


def _document(line: bytes, how: Layout, where: str) -> Document:
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{where}: not UTF-8 ({error.reason}); convert the file to UTF-8") from None
    return document_of(how.record(text.rstrip("\n").removesuffix("\r"), where), where)


def _scan(path: Path, lines: Path, how: Layout) -> Scan:
    """The scan of a file, from the cache when the file is still the same."""
    folder = _cached(path) / "scan"
    if not folder.is_dir():
        log.info("reading %s once, to know where its documents are", path)
        _keep(_scanned(path, lines, how), folder)
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r").view(np.ndarray) for name in Scan._fields[:-1]}
    return Scan(**arrays, fingerprint=(folder / "fingerprint").read_text("utf-8"))


def _cached(path: Path) -> Path:
    """The cache folder of a file as it is now."""
    state = path.stat()
    name = hashlib.sha256(str(path).encode("utf-8", "surrogateescape")).hexdigest()[:20]
    return cache_folder("corpora", f"{name}-{state.st_size:x}-{state.st_mtime_ns:x}")


def _lines(path: Path) -> Path:
    """The file itself where each of its lines is a document, else one in the cache that says the same that way."""
    array = layout(path).record is record and is_array(path)
    if not array and path.suffix != ".gz":
        return path
    plain = _cached(path) / f"{path.name.removesuffix('.gz')}{'.jsonl' if array else ''}"
    if not plain.is_file() and array:
        write_documents(read_documents(path), plain)
    elif not plain.is_file():
        with writing(plain) as file:
            file.writelines(_pieces(path))
    return plain


def _pieces(path: Path) -> Iterator[str]:
    """A file's content piece by piece; what cannot be read is said of it, not of the file that it is written to."""
    with reading(path) as file:
        while piece := file.read(2**20):
            yield piece


def _scanned(path: Path, lines: Path, how: Layout) -> Scan:
    starts, id_starts, keys, ids = array("q", [0]), array("q", [0]), array("Q"), bytearray()

    def documents() -> Iterator[Document]:
        for number, start, line in _filled(path, lines, how):
            document = _document(line, how, f"{path}:{number}")
            starts[-1] = start
            starts.append(start + len(line))
            id = document.id.encode("utf-8", "surrogatepass")
            ids.extend(id)
            id_starts.append(len(ids))
            keys.append(_key(id))
            yield document

    digest, _ = fingerprints(documents())
    unsorted = np.frombuffer(keys, dtype=np.uint64)
    order = np.argsort(unsorted, kind="stable")
    blob = np.frombuffer(bytes(ids), dtype=np.uint8)
    scan = Scan(np.array(starts), blob, np.array(id_starts), unsorted[order], order, digest)
    _refuse_twice(scan, path, how.skip)
    return scan


def _filled(path: Path, lines: Path, how: Layout) -> Iterator[tuple[int, int, bytes]]:
    """The number, start and bytes of each line; an empty one may only stand at the end."""
    start, empty = 0, 0
    with lines.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.isspace():
                empty = empty or number
            elif empty:
                raise BadInput(f"{path}:{empty}: an empty line; a line is {how.what}")
            elif number > how.skip:
                yield number, start, line
            start += len(line)


def _refuse_twice(scan: Scan, path: Path, skip: int) -> None:
    """Raises BadInput when an id stands twice; only ids with the same key need to be compared."""
    [before] = np.nonzero(scan.keys[1:] == scan.keys[:-1])
    seen: dict[str, int] = {}
    for position in np.sort(scan.key_positions[np.union1d(before, before + 1)]).tolist():
        id, line = scan.id(position), position + 1 + skip
        if id in seen:
            raise BadInput(f"{path}:{line}: document {id!r} was already in line {seen[id]}")
        seen[id] = line


def _keep(scan: Scan, folder: Path) -> None:
    """Writes a scan into the cache, whole or not at all, and drops those of the same file in an earlier state."""
    home = folder.parent
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home, ignore_cleanup_errors=True) as name:
            part = Path(name) / "scan"
            part.mkdir()
            for field, value in scan._asdict().items():
                if isinstance(value, np.ndarray):
                    np.save(part / f"{field}.npy", value)
            (part / "fingerprint").write_text(scan.fingerprint, "utf-8")
            if not folder.is_dir():
                part.rename(folder)
    except OSError as error:
        way_out = "free some space, or set RANKIFY_CACHE to another folder"
        raise RankifyError(f"cannot write {folder}: {error.strerror or error}; {way_out}") from error
    for earlier in home.parent.glob(f"{home.name.partition('-')[0]}-*"):
        if earlier != home:
            shutil.rmtree(earlier, ignore_errors=True)
