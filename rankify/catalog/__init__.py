"""What is published: models and datasets as data, one YAML file each kind."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml


@cache
def models() -> dict[str, dict[str, Any]]:
    """Published models by id: the specs they run under and what their cards and papers say."""
    return _read("models")


@cache
def datasets() -> dict[str, dict[str, Any]]:
    """Published collections by name: where they are, their files, counts, checksums and quirks."""
    return _read("datasets")


def _read(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((files(__name__) / f"{name}.yaml").read_text("utf-8"))
    return found
