"""Data that is part of the package: what its YAML files say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.abc import Traversable


def packaged(file: Traversable) -> Any:
    """What a YAML file of the package says, by libyaml where PyYAML has it, which reads ten times as fast.

    Args:
        file: as `importlib.resources.files` gives it.
    """
    import yaml

    with file.open("r", encoding="utf-8") as text:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
