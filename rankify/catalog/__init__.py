"""What is published: models and datasets as data.

`datasets.yaml` has the collections, `models/*.yaml` the models, a file each family, and `aliases.yaml` the names of the
earlier Rankify, which `rankify.catalog.aliases` reads. The fields of a model:

- retriever, reranker, encoder: the specs it runs under, read by the registry.
- encoding: how token vectors become a text's vector, read by `rankify.encoders.recipe`. What the model's own files say
  besides (sentence-transformers' modules) is theirs; the caller's options win over both.
- tokens: of late interaction: how a text becomes token vectors, read by `rankify.encoders.token_recipe`; as for
  encoding, over the model's own files and under the caller's options.
- weighting: of sparse encoders: how a network's output becomes weights of terms, read by
  `rankify.encoders.sparse_weighting`; over the model's own files and under the caller's options.
- pair: of cross-encoders: how a query and a document are read together and which score is read of them, by
  `rankify.encoders.pair_recipe`; under the caller's options, over the model's own files.
- labels: of monoT5 in other languages: the words for relevant and not relevant, read by the recipe monot5.
- remote: of models that are asked over the network: their dimensions, limits and price, read by
  `rankify.encoders.provider`.
- api: of rerankers that are asked over the network: their limits, price and further fields, read by
  `rankify.rerank.api_providers`.
- refused: why a model cannot be run, in place of all that; read by `rankify.encoders.dense` and `.pairs`.
- packaged: the Python package that carries the weights, read by `rankify.encoders.hub`.
- revision: the commit that the entry was read from, where it is known.
- licence, source, paper, expected: shown by `rankify show`; expected figures are nDCG@10 and the like as published,
  their source in expected_from.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from rankify.packaged import packaged

if TYPE_CHECKING:
    from importlib.abc import Traversable

Entries = dict[str, dict[str, Any]]


@cache
def models() -> Entries:
    """Published models by id: the specs they run under and what their cards and papers say."""
    places = sorted((files(__name__) / "models").iterdir(), key=lambda place: place.name)
    return {id: entry for place in places for id, entry in _read(place).items()}


@cache
def datasets() -> Entries:
    """Published collections by name: where they are, their files, counts, checksums and quirks."""
    return _read(files(__name__) / "datasets.yaml")


def _read(place: Traversable) -> Entries:
    found: Entries = packaged(place)
    return found
