"""Where networks that others exported are: FlashRank's zips, and folders of a file in ONNX's format."""

from __future__ import annotations

import logging
import shutil
import stat
import zipfile
from functools import cache
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any

from rankify.encoders.hub import PATIENCE
from rankify.encoders.runtimes.kept import digest, kept
from rankify.errors import BadInput, UnknownName, needs
from rankify.io.files import missing
from rankify.packaged import packaged

logger = logging.getLogger(__name__)

READ = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
MOST = 4 << 30  # bytes that a zip may unpack to


def published() -> dict[str, Any]:
    """FlashRank's repository and its models, as `flashrank.yaml` has them."""
    return dict(_read())


def flashrank(model: str, revision: str | None = None) -> Path:
    """The folder of one of FlashRank's models.

    Args:
        model: its name, a zip file as FlashRank publishes them, or a folder that was unpacked from one.
        revision: a branch, tag or commit of FlashRank's repository on the hub.

    Raises:
        UnknownName: FlashRank has no model of that name.
        BadInput: there is no such file, it is no zip or one that reaches out of its folder, or the hub has no answer.
    """
    path = Path(model).expanduser()
    if model and path.is_dir():
        return path
    if path.suffix == ".zip":
        if not path.is_file():
            raise BadInput(missing(path))
        return unpacked(path)
    if model.startswith((".", "/", "~")):
        raise BadInput(f"no model {model!r}: there is no such folder")
    if model not in published()["models"]:
        raise UnknownName.among("model of FlashRank", model, published()["models"])
    return unpacked(_fetched(f"{model}.zip", revision))


def network_file(folder: Path) -> Path | None:
    """The file in ONNX's format beside a tokenizer; None where there is none.

    Raises:
        BadInput: there are several, and none is called model.onnx.
    """
    found = sorted(folder.glob("*.onnx"))
    if not found or not (folder / "tokenizer.json").is_file():
        return None
    named = [path for path in found if path.name == "model.onnx"] or found
    if len(named) > 1:
        raise BadInput(f"{folder} has several networks: {', '.join(path.name for path in named)}; keep one")
    return named[0]


def unpacked(path: Path) -> Path:
    """The files of a zip that a model is read from, in a folder of the cache.

    Raises:
        BadInput: it is no zip, it is damaged, or it holds a file outside its own folder, a link, or too much.
    """
    return kept("flashrank", {"zip": digest(path)}, lambda folder: _unpack(path, folder))


def _unpack(path: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(path) as packed:
            for member in _members(path, packed):
                name = PurePosixPath(member.filename).name
                with packed.open(member) as file, (folder / name).open("wb") as copy:
                    shutil.copyfileobj(file, copy)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadInput(f"{path} cannot be unpacked: {error}; download it again") from error


def _members(path: Path, packed: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files of a zip that are read; their names, without folders, are all different."""
    found: dict[str, zipfile.ZipInfo] = {}
    for member in packed.infolist():
        inside = PurePosixPath(member.filename.replace("\\", "/"))
        if (
            inside.is_absolute()
            or ".." in inside.parts
            or ":" in inside.name
            or stat.S_ISLNK(member.external_attr >> 16)
        ):
            raise BadInput(f"{path} holds {member.filename!r}, which reaches out of its folder; it is not unpacked")
        if member.is_dir() or len(inside.parts) > 2 or not (inside.name in READ or inside.suffix == ".onnx"):
            continue
        if inside.name.startswith("."):  # what macOS puts beside each file
            continue
        if inside.name in found:
            raise BadInput(f"{path} holds {inside.name} twice; a zip of FlashRank has one model")
        found[inside.name] = member
    if (size := sum(member.file_size for member in found.values())) > MOST:
        raise BadInput(f"{path} would unpack to {size:,} bytes, more than the {MOST:,} that a model may have")
    return list(found.values())


def _fetched(name: str, revision: str | None) -> Path:
    """A file of FlashRank's repository: the hub cache's copy, or the hub's."""
    hub, repository = needs("huggingface_hub", "flashrank"), published()["repository"]
    try:
        found = hub.hf_hub_download(repository, name, revision=revision, etag_timeout=PATIENCE)
    except Exception as error:  # a network fails in many ways, under whatever client the hub uses; none is hidden
        raise BadInput(
            f"no {name} in the hub's cache, and it cannot be fetched from {repository} ({type(error).__name__}); give "
            "a copy of it: flashrank:FILE.zip"
        ) from error
    logger.info("%s is FlashRank's own network in ONNX's format, from %s", name, repository)
    return Path(found)


@cache
def _read() -> dict[str, Any]:
    found: dict[str, Any] = packaged(files("rankify.encoders") / "flashrank.yaml")
    return found
