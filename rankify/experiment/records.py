"""Records of what an experiment finished, as files beside what they are of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def recorded(file: Path) -> dict[str, Any]:
    """The JSON object in a file; empty where there is none, or what is there is no such object.

    What cannot be read counts as not there: its work is done again, and the record is written anew.
    """
    try:
        found = json.loads(file.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
