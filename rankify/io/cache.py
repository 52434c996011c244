"""The folder for what can be made again: `$RANKIFY_CACHE`, or `~/.cache/rankify`."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(*parts: str) -> Path:
    """A place in the cache; nothing is made until something is written there."""
    chosen = os.environ.get("RANKIFY_CACHE")
    if chosen:
        return Path(chosen, *parts)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "rankify", *parts)
