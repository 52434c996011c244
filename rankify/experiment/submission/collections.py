"""What the runs of a submission are held against: the queries that count, and the documents there are."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import rankify
from rankify import catalog
from rankify.errors import BadInput
from rankify.experiment.reproduction import catalogued, folder_in, refuse_other_splits, split_of
from rankify.experiment.submission.checks import Needed

if TYPE_CHECKING:
    from rankify.datasets import Dataset

MEASURES = ("nDCG@10", "R@100", "R@1000")


def opened(collection: str, data: Path) -> Dataset:
    """A collection in a folder of collections, with the judgments that count: of test, or dev of MS MARCO.

    Raises:
        BadInput: it is not there, or has judgments of other splits alone.
    """
    place = folder_in(data, collection)
    if not place.is_dir():
        raise BadInput(f"{data} has no folder {collection} in BEIR's layout")
    split = split_of("beir", collection)
    refuse_other_splits(place, split)
    return rankify.dataset(str(place), split=split, drop_identical_ids=True)


def needed(collection: str, empty: Collection[str] | None = (), *, data: Path | None) -> Needed:
    """What a run is held against: ids where the collection is at hand, otherwise the catalogue's numbers.

    Args:
        empty: the queries that were searched for in vain, as `Needed` has them.
    """
    if data is not None:
        return held(collection, opened(collection, data), empty)
    entry, split = catalog.datasets()[catalogued("beir", collection)], split_of("beir", collection)
    return Needed(
        collection=collection, split=split, queries=None, count=entry["splits"][split]["queries"],
        documents=entry.get("documents"), empty=empty,
    )  # fmt: skip


def held(collection: str, found: Dataset, empty: Collection[str] | None = ()) -> Needed:
    """What a run of an opened collection is held against."""
    return Needed(
        collection=collection, split=found.split, queries=set(found.qrels), count=len(found.qrels),
        documents=len(found.corpus), ids=set(found.corpus.ids), empty=empty,
    )  # fmt: skip


def figures(collection: str, run: Path, data: Path) -> dict[str, float]:
    """nDCG@10, R@100 and R@1000 of a run, without documents that are the query."""
    from rankify.io.trec import read_run

    found = opened(collection, data)
    return dict(rankify.evaluate(read_run(run, queries=found.queries), found.qrels, MEASURES))
