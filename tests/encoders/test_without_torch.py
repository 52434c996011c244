"""What is said where transformers is installed and torch is not."""

import subprocess
import sys

import pytest

WITHOUT = """
import sys

class NoTorch:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")

sys.meta_path.insert(0, NoTorch)
import rankify
{call}
"""
CALLS = {
    "encoder": "rankify.encoder({model!r})",
    "cross-encoder": "rankify.reranker({model!r})",
    "embedding": "rankify.reranker({model!r})",
    "dense": "rankify.retriever({model!r}, [rankify.Document('1', 'x')])",
}


@pytest.mark.parametrize("kind", CALLS)
def test_the_missing_extra_is_named(tiny_bert, kind):
    model = f"{'dense' if kind == 'encoder' else kind}:{tiny_bert}"
    code = WITHOUT.format(call=CALLS[kind].format(model=model))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == (
        'rankify.errors.MissingExtra: torch is not installed: pip install "rankify[neural]"'
    )
