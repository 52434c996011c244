"""Weights that are pickles: refused, unless the user lets torch's restricted reader make tensors of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import PurePath, PurePosixPath

from rankify.errors import BadInput

ALLOWED = "RANKIFY_PICKLED_WEIGHTS"  # the environment's variable that lets pickles be read
MODULE = re.compile(r"\d+_\w+")  # how sentence-transformers names the folders of the modules behind a network


def refuse(model: str, path: PurePath) -> None:
    """Raises BadInput unless the environment allows that pickles are read, which runs nothing that they hold."""
    if os.environ.get(ALLOWED) != "1":
        raise BadInput(
            f"model {model!r} has weights only as a pickle ({path}): give a revision or a copy with safetensors, "
            f"or set {ALLOWED}=1 to let torch's restricted reader make tensors of it, which runs nothing"
        )


def refuse_where_alone(model: str, files: Iterable[str]) -> None:
    """Refuses a model whose network, or a module behind it, has its weights as a pickle and in no other form.

    Args:
        files: the paths of its files in its folder.
    """
    paths = [PurePosixPath(file) for file in files]
    safe = {path.parent for path in paths if path.suffix == ".safetensors"}
    read = [path for path in paths if str(path.parent) == "." or MODULE.fullmatch(str(path.parent))]
    for path in read:
        if path.match("pytorch_model*.bin") and path.parent not in safe:
            refuse(model, path)
