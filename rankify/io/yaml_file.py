"""YAML that people write: keys are distinct, and what is wrong is a line with the way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from rankify.errors import BadInput

_SIGNS = {  # what YAML complains of, and what is to be done then
    "'\\t'": "indent with blanks, not with tabs",
    "'?'": "put a pipeline with ? in quotes inside braces",
}
_LOOK = "look at brackets, quotes, colons and indentation there"


class Twice(yaml.constructor.ConstructorError):
    """Two entries have one key."""


class Distinct(yaml.SafeLoader):
    """Reads plain values; of two entries under one key neither is meant more than the other, so both are refused."""

    way_out = "keep one"

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := [key for key, _ in node.value if keys.count(key.value) > 1]:
            problem = f"two entries are called {twice[-1].value!r}; {self.way_out}"
            raise Twice(problem=problem, problem_mark=twice[-1].start_mark)
        return super().construct_mapping(node, deep)


def unreadable(path: Path, error: yaml.YAMLError) -> BadInput:
    """What is wrong with a file that is not YAML, or has an entry twice, with its line and the way out."""
    mark = getattr(error, "problem_mark", None)
    where = f"{path}:{mark.line + 1}" if mark else str(path)
    said = getattr(error, "problem", None) or str(error)
    if isinstance(error, Twice):
        return BadInput(f"{where}: {said}")
    way_out = next((way for sign, way in _SIGNS.items() if sign in said), _LOOK)
    return BadInput(f"{where}: not YAML: {said}; {way_out}")
