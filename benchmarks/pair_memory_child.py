"""One run of `benchmarks.pair_memory`, in a process of its own."""

import json
import sys

from benchmarks.pair_memory import scored

if __name__ == "__main__":
    print(json.dumps(scored(*json.loads(sys.argv[1]))))
