"""Published collections from the Hugging Face hub, through the `datasets` library (extra `hub`).

Two layouts are read: BEIR's (`BeIR/scifact` with the configurations `corpus` and `queries`, `BeIR/scifact-qrels` with a
table for each split) and MTEB's (one repository whose configuration `default` or `qrels` has the judgments). What was
read is kept in the cache folder in BEIR's layout, so that a large corpus is served from its file.

`RANKIFY_HUB=<folder>` puts a folder of such repositories in the hub's place.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from rankify import catalog
from rankify.corpus import Corpus
from rankify.corpus_file import open_corpus
from rankify.datasets.collection import Dataset, refuse_unknown_queries
from rankify.errors import BadInput, RankifyError, UnknownName, needs
from rankify.io.cache import cache_folder
from rankify.io.qrels import read_qrels, write_qrels
from rankify.io.tables import document_of, query_of, read_queries, write_documents, write_queries
from rankify.types import Qrels, Run

PATIENCE = 10  # seconds the hub has to answer before it counts as unreachable
_JUDGMENTS = ("qrels", "default")
_NAMES = {"dev": "validation"}  # how the library calls a file named dev.tsv
log = logging.getLogger(__name__)


def from_hub(name: str, *, split: str | None = None, **options: Any) -> Dataset:
    """The collection that the catalogue describes under a name. The corpus is read when it is first looked at.

    Raises:
        BadInput: the collection is several, or needs a licence (the message says where to get it), or what was read
            is not what the catalogue expects.
        UnknownName: it has no such split; the message lists those it has.
        RankifyError: the hub cannot be reached.
        MissingExtra: the `datasets` library is not installed.
    """
    entry = catalog.datasets()[name]
    if "parts" in entry:
        raise BadInput(f"{name} is {len(entry['parts'])} collections to be averaged over: {', '.join(entry['parts'])}")
    if "obtain" in entry:
        raise BadInput(f"{name} cannot be downloaded: {entry['obtain']}; then give the folder in BEIR's layout")
    split = split or entry["split"]
    if split not in entry["splits"]:
        raise UnknownName.among(f"split of {name}", split, entry["splits"])
    queries, qrels = _queries(entry), _qrels(entry, split)
    refuse_unknown_queries(f"{name}, {split}", queries, qrels)
    found = {"queries": len(qrels), "judgments": sum(map(len, qrels.values()))}
    _check(f"{name}, {split}", found, entry["splits"][split])
    quirks: dict[str, Any] = {key: entry[key] for key in ("drop_identical_ids", "rel") if key in entry}
    return Dataset(
        name=name,
        open_corpus=partial(_corpus, name, entry),
        all_queries=queries,
        qrels=qrels,
        split=split,
        about=entry,
        **(quirks | options),
    )


def _check(where: str, found: dict[str, int], expected: dict[str, int]) -> None:
    for what, count in found.items():
        if count != expected.get(what, count):
            raise BadInput(
                f"{where}: {count:,} {what}, but the catalogue expects {expected[what]:,}; the hub's copy differs from "
                "the published collection: give a folder with the original files instead"
            )


def _corpus(name: str, entry: dict[str, Any]) -> Corpus:
    path = _kept(entry, "corpus") / "corpus.jsonl"
    if not path.is_file():
        log.info("reading the documents of %s from the hub", name)
        rows = _rows(entry, "corpus", "corpus", "corpus")
        write_documents((document_of(row, where) for where, row in rows), path)
    corpus = open_corpus(path)
    _check(name, {"documents": len(corpus)}, entry)
    return corpus


def _queries(entry: dict[str, Any]) -> Run:
    path = _kept(entry, "queries") / "queries.jsonl"
    if not path.is_file():
        rows = _rows(entry, "queries", "queries", "queries")
        write_queries([query_of(row, where) for where, row in rows], path)
    return read_queries(path)


def _qrels(entry: dict[str, Any], split: str) -> Qrels:
    path = _kept(entry, "qrels") / "qrels" / f"{split}.tsv"
    if not path.is_file():
        rows = _rows(entry, "qrels", None, entry["splits"][split].get("hub_split", split))
        write_qrels(Qrels(_judgment(row, where) for where, row in rows), path)
    return read_qrels(path)


def _judgment(row: dict[str, Any], where: str) -> tuple[str, str, int]:
    grade = float(row["score"])
    if not grade.is_integer():
        raise BadInput(f"{where}: the grade {row['score']!r} is not a whole number")
    return str(row["query-id"]), str(row["corpus-id"]), int(grade)


def _repository(entry: dict[str, Any], part: str) -> str:
    """The repository that has a part of a collection."""
    return str(entry["hub"].get(part, entry["hub"]["repository"]))


def _kept(entry: dict[str, Any], part: str) -> Path:
    """Where a repository's content is kept; that of another hub or revision elsewhere."""
    source = f"{os.environ.get('RANKIFY_HUB', '')}@{entry['hub'].get('revision', '')}"
    return cache_folder("hub", *_repository(entry, part).split("/"), hashlib.sha256(source.encode()).hexdigest()[:10])


def _rows(entry: dict[str, Any], part: str, config: str | None, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of one part of a collection, each with what to call it in a complaint."""
    datasets = needs("datasets", "hub")
    repository, hub = _repository(entry, part), os.environ.get("RANKIFY_HUB")
    where = str(Path(hub) / repository) if hub else repository
    revision = None if hub else entry["hub"].get("revision")
    reached = bool(hub) or _answers(where, revision)
    try:
        with nullcontext() if reached else _offline(datasets):
            config = config or _judgments_config(datasets.get_dataset_config_names(where, revision=revision))
            options = _table_options(datasets, datasets.load_dataset_builder(where, config, revision=revision))
            loaded = datasets.load_dataset(where, config, revision=revision, **options)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        said = str(error).partition("\n")[0]
        reason = said if reached else "it does not answer, and the cache of the library has no copy"
        way_out = "check the network, or give a folder in BEIR's layout"
        raise RankifyError(f"cannot read {repository} from the hub: {reason}; {way_out}") from error
    rows = _split(loaded, split, repository)
    return ((f"{repository}, row {number}", row) for number, row in enumerate(rows, 1))


def _answers(repository: str, revision: str | None) -> bool:
    """Whether the hub answers, be it with a refusal; asked once, where the library would try for half a minute."""
    hub = needs("huggingface_hub", "hub")
    try:
        hub.HfApi().dataset_info(repository, revision=revision, timeout=PATIENCE)
    except hub.errors.HfHubHTTPError:
        return True
    except Exception as error:  # noqa: BLE001 - a network fails in many ways; the library then says what it lacks
        log.debug("the hub does not answer: %r", error)
        return False
    return True


@contextmanager
def _offline(datasets: Any) -> Iterator[None]:
    """The library reads the copies in its own cache, and gives up at once where it has none."""
    hub: Any = needs("huggingface_hub.constants", "hub")
    before = hub.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    hub.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        hub.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = before


def _judgments_config(configs: list[str]) -> str:
    """The configuration of a repository that has the judgments."""
    return next((config for config in _JUDGMENTS if config in configs), "default")


def _table_options(datasets: Any, builder: Any) -> dict[str, Any]:
    """For tables, whose columns have no types of their own: ids are texts, also `007` and `null`."""
    if not hasattr(builder.config, "keep_default_na"):
        return {}
    columns = {column: datasets.Value("string") for column in ("query-id", "corpus-id", "score")}
    return {"features": datasets.Features(columns), "keep_default_na": False, "quoting": 3}


def _split(loaded: Any, split: str, repository: str) -> Any:
    for name in (split, _NAMES.get(split, split)):
        if name in loaded:
            return loaded[name]
    if len(loaded) == 1 and split in ("corpus", "queries"):
        return next(iter(loaded.values()))
    raise UnknownName.among(f"split of {repository}", split, loaded)
