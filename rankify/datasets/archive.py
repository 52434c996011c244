"""BEIR's zip files as they are downloaded: checked against the catalogue and unpacked into the cache folder."""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from rankify import catalog
from rankify.datasets.collection import Dataset
from rankify.datasets.folder import from_folder
from rankify.errors import BadInput, RankifyError
from rankify.io.cache import cache_folder


def from_zip(path: Path, *, split: str | None = None, **options: Any) -> Dataset:
    """The collection in a zip file; one that the catalogue knows by its checksum comes with its name and quirks.

    Raises:
        BadInput: the file has the name of a published one but other content, it is no zip file, or it does not hold
            one collection.
    """
    checksum = _md5(path)
    known = {entry["md5"]: name for name, entry in catalog.datasets().items() if "md5" in entry}
    named = next((name for name in known.values() if name.split("/")[-1] == path.stem), "")
    name = known.get(checksum, "")
    if named and not name:
        expected = catalog.datasets()[named]["md5"]
        raise BadInput(f"{path} has the md5 {checksum}, the published {named} {expected}; download it again")
    entry = catalog.datasets().get(name, {})
    quirks = {key: entry[key] for key in ("drop_identical_ids", "rel") if key in entry}
    folder = _one_collection(path, _unpacked(path, checksum))
    return from_folder(folder, split=split, name=name or path.stem, **({"about": entry} | quirks | options))


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _unpacked(path: Path, checksum: str) -> Path:
    """The content of a zip file as a folder, which appears whole or not at all."""
    home = cache_folder("zip", checksum)
    if not home.is_dir():
        try:
            home.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=home.parent) as part, zipfile.ZipFile(path) as packed:
                packed.extractall(Path(part) / "content")
                (Path(part) / "content").rename(home)
        except zipfile.BadZipFile as error:
            raise BadInput(f"{path} cannot be unpacked: {error}; download it again") from None
        except OSError as error:
            raise RankifyError(f"cannot unpack {path} into {home}: {error.strerror or error}") from error
    return home


def _one_collection(path: Path, content: Path) -> Path:
    found = sorted(p.parent for p in content.rglob("corpus.jsonl*"))
    if len(found) != 1:
        names = ", ".join(str(p.relative_to(content)) for p in found) or "none"
        raise BadInput(f"{path} holds {len(found)} collections ({names}); unpack it and give one folder")
    return found[0]
