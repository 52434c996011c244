"""Files read with the line in every complaint, and written whole or not at all."""

from __future__ import annotations

import errno
import gzip
import io
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from rankify.errors import BadInput, RankifyError

Name = str | os.PathLike[str]


@contextmanager
def writing(path: Name, *, binary: bool = False) -> Iterator[IO[Any]]:
    """A file to write; it appears under its name when the block ends well, and never otherwise.

    Text is UTF-8; a name in .gz is compressed (the same content gives the same bytes). Folders are made. Behind a
    symbolic link its target is written; what is no file, as a pipe or /dev/stdout, is written to as it comes.

    Raises:
        RankifyError: the disk is full, the folder is not writable, ...; nothing is left behind.
    """
    path = Path(path)
    with disk_errors(path), _stream(path) if _is_stream(path) else _replacing(Path(os.path.realpath(path))) as raw:
        with _layered(raw, path, binary) as file:
            yield file
        raw.flush()


def _is_stream(path: Path) -> bool:
    """Whether a path is no file that could be replaced: a pipe, a device, or what this process has open already."""
    if path.exists() and not path.is_file() and not path.is_dir():
        return True
    target = path.parent.resolve() / (path.readlink() if path.is_symlink() else path.name)
    return target.is_relative_to("/proc")


@contextmanager
def _stream(path: Path) -> Iterator[BinaryIO]:
    with path.open("wb") as raw:
        yield raw


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file beside the path that takes its place in the end; folders that were made for it go again on failure."""
    made = [folder for folder in path.parents if not folder.exists()]
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.", suffix=".part")
        part = Path(name)
        with os.fdopen(handle, "wb") as raw:
            yield raw
            raw.flush()
            os.fsync(raw.fileno())
        part.chmod(0o666 & ~_umask())
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            if part is not None:
                part.unlink(missing_ok=True)
            for folder in made:
                folder.rmdir()
        raise


@contextmanager
def _layered(raw: BinaryIO, path: Path, binary: bool) -> Iterator[IO[Any]]:
    """Compression and text on top of raw bytes; closing the layers leaves `raw` open."""
    bottom = gzip.GzipFile("", "wb", 6, raw, mtime=0) if path.suffix == ".gz" else raw
    if binary:
        yield cast(BinaryIO, bottom)
    else:
        text = io.TextIOWrapper(cast(BinaryIO, bottom), encoding="utf-8", newline="")
        yield text
        text.flush()
        text.detach()
    if isinstance(bottom, gzip.GzipFile):
        bottom.close()


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """What the disk refuses, as one line that names the file."""
    try:
        yield
    except UnicodeEncodeError as error:
        bad = error.object[error.start : error.end]
        raise BadInput(f"cannot write {path}: {bad!r} is half a character and has no UTF-8") from None
    except OSError as error:
        if isinstance(error, RankifyError):
            raise
        way_out = "; free some space and run again" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise RankifyError(f"cannot write {path}: {error.strerror or error}{way_out}") from error


def remove_folder(folder: Path) -> None:
    """Removes a folder with all that is in it; one that is not there is none.

    Raises:
        RankifyError: something in it cannot be removed.
    """
    if folder.exists():
        with disk_errors(folder):
            shutil.rmtree(folder)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


@contextmanager
def reading(path: Name) -> Iterator[IO[str]]:
    """A UTF-8 text file to read, decompressed when its name ends in .gz; a byte-order mark is dropped.

    Raises:
        BadInput: there is no such file, it is a folder, it cannot be read, or it is not UTF-8 (with the line).
    """
    path = Path(path)
    try:
        with _opened(path) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="\n") as file:
            yield file
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}:{_bad_line(path)}: not UTF-8 ({error.reason}); convert the file to UTF-8") from None
    except FileNotFoundError:
        raise BadInput(missing(path)) from None
    except (EOFError, zlib.error) as error:
        raise BadInput(f"cannot read {path}: {error}; it is cut off or damaged: make or download it again") from error
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from error


def missing(path: Path) -> str:
    """The complaint about a file that is not there, with what its folder holds under a near name."""
    folder = path.parent
    if not folder.is_dir():
        return f"no file {path}: there is no folder {folder}"
    near = sorted(p.name for p in folder.iterdir() if p.name.split(".")[0] == path.name.split(".")[0])
    return f"no file {path}" + (f"; its folder has {', '.join(near)}" if near else "; check the path")


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb"))


def _bad_line(path: Path) -> int:
    """The number of the first line that is not UTF-8."""
    with _opened(path) as file:
        return next(number for number, line in enumerate(file, 1) if "\ufffd" in line.decode("utf-8", "replace"))


def lines(path: Name) -> Iterator[tuple[int, str]]:
    """Each line with its number, from 1, without its end (LF or CR LF; no other character ends a line)."""
    with reading(path) as file:
        for number, line in enumerate(file, 1):
            yield number, line.rstrip("\n").removesuffix("\r")


def filled(path: Name, what: str) -> Iterator[tuple[int, str]]:
    """The lines of a file that may have no empty line, except after its last.

    Raises:
        BadInput: an empty line in the middle; the message has file and line, and `what` a line should be.
    """
    empty = 0
    for number, line in lines(path):
        if line and not line.isspace():
            if empty:
                raise BadInput(f"{path}:{empty}: an empty line; a line is {what}")
            yield number, line
        elif not empty:
            empty = number
