"""A reranker that fails."""

import errno

from rankify.stages import Reranker


class Broken(Reranker):
    """Raises what it is told to."""

    name = "broken"

    def __init__(self, *, how="value"):
        self.how = how

    def rerank(self, run):
        if self.how == "memory":
            raise MemoryError
        if self.how == "disk":
            raise RuntimeError("cannot write") from OSError(errno.ENOSPC, "No space left on device")
        raise ValueError("the model\nis broken")
