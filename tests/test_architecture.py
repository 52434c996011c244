"""Who may import whom: imports point down the floors, never up, and never sideways between two parts of one floor."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "rankify"
FLOORS = [
    {"errors", "packaged"},
    {"documents", "grammar", "spec"},
    {"hits"},
    {"types"},
    {"catalog", "corpus", "corpus_file", "io", "stages"},
    {"registry", "remote"},
    {"expressions"},
    {"doors"},
    {"text", "encoders", "indexes"},
    {"llm"},  # runs networks that encoders loads, with encoders' scheduler of batches
    {"prompts"},
    {"retrieve", "rerank", "fuse", "rag", "evaluation", "datasets", "train"},
    {"experiment"},
    {"cli"},
]
# within floor 1, the corpus over a file reads records, and within floor 2, encoders and indexes stay apart
BELOW = {("corpus", "io"), ("corpus_file", "corpus"), ("corpus_file", "io")}
HEAVY = {
    "torch", "transformers", "vllm", "litellm", "httpx", "jinja2", "faiss", "numba", "pandas", "sentence_transformers",
    "datasets", "pyserini", "jnius", "jnius_config", "scipy", "statsmodels", "matplotlib", "nltk", "ir_measures",
    "pymilvus", "milvus_lite", "grpc", "onnx", "onnxruntime", "onnxscript", "openvino", "tokenizers",
    "pyarrow", "trafilatura",
}  # fmt: skip
KERNELS = {
    ROOT / "indexes" / f for f in ("coarse.py", "kernels.py", "maxscore.py")
}  # compiled code: numba decorates at import, and only indexes import it
FLOOR = {name: i for i, names in enumerate(FLOORS) for name in names}
FILES = sorted(p for p in ROOT.rglob("*.py") if p != ROOT / "__init__.py" and p.name != "__main__.py")


def part(path_or_module: Path | str) -> str:
    """The part of the package that a file or a module belongs to, e.g. "rerank"."""
    if isinstance(path_or_module, Path):
        return path_or_module.relative_to(ROOT).parts[0].removesuffix(".py")
    return [*path_or_module.split("."), ""][1]


def imported(nodes):
    """The modules that import statements name; `from rankify import registry` names rankify.registry."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "rankify":
            yield from (f"rankify.{a.name}" for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def tree(path):
    return ast.parse(path.read_text("utf-8"))


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_imports_point_down(path):
    here = part(path)
    for module in imported(ast.walk(tree(path))):
        there = part(module)
        if module.startswith("rankify.") and there in FLOOR and there != here and (here, there) not in BELOW:
            assert FLOOR[there] < FLOOR[here], f"{name(path)} imports {module}"


def test_every_part_stands_on_a_floor():
    assert {part(p) for p in FILES} <= set(FLOOR)


@pytest.mark.parametrize("path", sorted({*FILES} - KERNELS), ids=name)
def test_heavy_libraries_are_imported_where_they_are_used(path):
    assert not HEAVY & {m.split(".")[0] for m in imported(tree(path).body)}


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_can_be_read_in_one_sitting(path):
    assert len(path.read_text("utf-8").splitlines()) <= 300


@pytest.mark.parametrize("path", FILES, ids=name)
def test_the_library_logs_and_never_prints(path):
    calls = [n for n in ast.walk(tree(path)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    assert not [c.lineno for c in calls if c.func.id == "print"]


@pytest.mark.parametrize("path", [ROOT, *FILES], ids=lambda p: p.name)
def test_names_say_what_is_inside(path):
    assert path.stem not in {"utils", "util", "helpers", "helper", "common", "base", "models", "misc"}


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, rankify; print(' '.join({m.partition('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not (HEAVY | {"numpy", "yaml", "rich", "typer"}) & set(loaded)
