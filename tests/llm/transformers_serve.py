"""Somebody else's OpenAI-compatible server on a real socket: `transformers serve`, with a model from a folder."""

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

# The command line of transformers; it ends when its input does, so that it never outlives the tests, however they end.
PROGRAM = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from transformers.cli.transformers import app
app()
"""
ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
OPTIONS = ["--host", "127.0.0.1", "--port", "0", "--device", "cpu"]  # 0: the server itself picks a port that is free


@contextmanager
def serving(folder, log):
    """The address of a server of a folder's model, whose name is the folder; `log` is a file for what it prints."""
    with pytest.MonkeyPatch.context() as patch, log.open("wb") as said:
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            patch.delenv(name)
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "serve", folder, *OPTIONS],
            stdin=subprocess.PIPE, stdout=said, stderr=said, env={**os.environ, **ENVIRONMENT},
        ) as server:  # fmt: skip
            try:
                yield f"{address(server, log)}/v1"
            finally:
                server.kill()


def address(server, log, *, seconds=120):
    """Where a server listens, as soon as it says so."""
    ends = time.monotonic() + seconds
    while server.poll() is None and time.monotonic() < ends:
        if found := re.search(r"running on (http://127\.0\.0\.1:\d+)", log.read_text("utf-8", "replace")):
            return found[1]
        time.sleep(0.05)
    return pytest.fail(f"transformers serve does not run: {log.read_text('utf-8', 'replace')[-2000:]}")
