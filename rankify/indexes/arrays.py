"""Arrays written to files."""

from __future__ import annotations

from typing import IO, Any

import numpy as np
from numpy.typing import NDArray


def write_array(file: IO[bytes], array: NDArray[Any]) -> None:
    """Writes an array as `numpy.save` does, but through the file, so that a full disk is said to be one."""
    form = np.lib.format
    form.write_array_header_1_0(file, form.header_data_from_array_1_0(array))
    if array.size:
        file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
