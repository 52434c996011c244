"""What every command has in common: help, version, exit codes, errors in one line, JSON."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

import rankify as package
from rankify.cli import main
from rankify.cli.app import COMMANDS
from rankify.cli.screen import plain
from rankify.errors import UnknownName

HEAVY = {"torch", "numba", "numpy", "transformers", "scipy", "ir_measures", "faiss", "matplotlib"}


@pytest.mark.parametrize("words", [["--help"], [], *([c, "--help"] for c in COMMANDS)], ids=" ".join)
def test_help_imports_nothing_heavy(words):
    code = "import sys; from rankify.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stderr.split())
    assert "Usage: rankify" in done.stdout


def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "rankify", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"rankify {package.__version__}\n"


def test_help_names_every_command(rankify):
    code, out, _ = rankify("--help")
    assert code == 0
    assert all(f"  {command} " in out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_first_line_of_a_command_fits_the_list_of_commands(rankify, command):
    assert "..." not in rankify("--help")[1].split(f"  {command} ")[1].split("\n")[0]


MISUSE = [
    (["serch"], "Did you mean 'search'?"),
    (["search"], "Missing argument 'PIPELINE'"),
    (["search", "bm25", "{small}", "--foo"], "No such option: --foo"),
    (["search", "bm25", "{small}"], "-o RUN.trec"),
    (["search", "bm25", "{small}", "--query", " "], "the query is empty"),
    (["search", "bm52", "{small}", "--query", "x"], "did you mean 'bm25'?"),
    (["search", "bm25?k2=1", "{small}", "--query", "x"], "no option of retriever 'bm25' 'k2'"),
    (["search", "bm25 >> frist", "{small}", "--query", "x"], "'frist'"),
    (["search", "bm25 % 5 >> extractive", "{small}", "--query", "x"], "rankify answer"),
    (["search", "bm25", "{small}", "--query", "x", "-k", "0"], "'-k'"),
    (["search", "bm25", "{small}", "--query", "x", "--queries", "y"], "one of the two"),
    (["search", "rrf(bm25, bm25)", "{small}", "--query", "x", "--index", "i"], "bm25?folder=i"),
    (["search", "bm25", "nowhere", "--query", "x"], "'nowhere'"),
    (["search", "bm25", "{small}", "--split", "tset", "-o", "r"], "tset"),
    (["search", "bm25", "{small}/corpus.jsonl", "-o", "r"], "corpus.jsonl"),
    (["answer", "bm25", "{small}"], "--question"),
    (["compare", "a.trec", "--qrels", "{small}"], "two runs or more"),
    (["compare", "a/x.trec", "b/x.trec", "--qrels", "{small}"], "'x'"),
    (["compare", "a.trec", "b.trec", "--qrels", "{small}", "--baseline", "c"], "there are: a, b"),
    (["list", "retriever"], "did you mean 'retrievers'"),
    (["show", "bm26"], "did you mean 'bm25'?"),
    (["show", "bm25?k2=1"], "k2"),
    (["search", "bm25", "{small}", "-o", "{small}"], "it is a folder; name a file in it"),
    (["search", "bm25", "{small}", "-o", "{small}/corpus.jsonl/r"], "corpus.jsonl is a file"),
    (["answer", "bm25", "{small}", "-o", "{small}"], "it is a folder"),
    (["rerank", "embedding:x", "{small}", "--run", "r", "-o", "{small}"], "it is a folder"),
    (["search", "bm25", "{small}", "--query", "x", "--split", "tset"], "tset"),
    (["index", "bm25", "{small}", "-o", "i", "--split", "tset"], "tset"),
    (["show", "bm25?k1=x"], "option k1='x' of retriever 'bm25?k1=x' should be a number"),
    (["show", ""], "names nothing"),
    (["search", "bm25?b=7", "{small}", "--query", "x"], "b=7"),
    (["search", "bm25?k1=abc", "{small}", "--query", "x"], "k1='abc'"),
    (["search", "bm25 % 0", "{small}", "--query", "x"], "a depth is a whole number from 1 up"),
    (["search", "rrf(bm25, bm25", "{small}", "--query", "x"], "parentheses do not match"),
    (["search", "weighted(bm25, bm25, norm=foo)", "{small}", "--query", "x"], "no normalisation 'foo'"),
    (["search", "dense", "{small}", "--query", "x"], "cannot build the retriever 'dense'"),
    (["evaluate", "x.trec", "{small}", "-m", "P"], "it needs a cutoff"),
    (["evaluate", "x.trec", "{small}", "-m", ""], "no measure is named"),
    (["compare", "a.trec", "b.trec", "--qrels", "{small}", "-m", "P"], "it needs a cutoff"),
]
FAILED = [
    (["evaluate", "nope.trec", "{small}"], "nope.trec"),
    (["evaluate", "{small}/corpus.jsonl", "{small}"], "corpus.jsonl:1"),
    (["run", "nope.yaml"], "nope.yaml"),
    (["rerank", "embedding:x", "{small}", "--run", "nope.trec", "-o", "r"], "nope.trec"),
    (["index", "bm25", "{small}", "-o", "{small}"], "is no index but holds 'corpus.jsonl'"),
    (["search", "bm25", "{small}", "--query", "x", "--index", "{small}"], "is no index but holds 'corpus.jsonl'"),
]


@pytest.mark.parametrize(
    ("words", "said", "expected"),
    [(w, s, 2) for w, s in MISUSE] + [(w, s, 1) for w, s in FAILED],
    ids=lambda v: " ".join(v) if isinstance(v, list) else None,
)
def test_an_error_is_one_line_with_the_way_out(rankify, collection, words, said, expected):
    code, out, err = rankify(*(w.replace("{small}", str(collection)) for w in words), "--quiet")
    assert (code, out) == (expected, "")
    [line] = err.splitlines()
    assert line.startswith("rankify: ")
    assert said in line


@pytest.mark.parametrize(("words", "expected"), [(["show", "bm26"], 2), (["search"], 2), (["run", "nope.yaml"], 1)])
def test_with_json_an_error_is_one_object_too(rankify, words, expected):
    code, out, err = rankify(*words, "--json")
    found = json.loads(out)
    assert (code, found["exit_code"]) == (expected, expected)
    assert err == f"rankify: {found['error']}\n"


def test_with_debug_an_error_is_raised(rankify):
    with pytest.raises(UnknownName):
        main(["show", "bm26", "--debug"])


def test_with_debug_and_json_the_traceback_stands_beside_the_object(rankify):
    code, out, err = rankify("show", "bm26", "--debug", "--json")
    assert (code, json.loads(out)["exit_code"]) == (2, 2)
    assert "Traceback" in err


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_full_disk_behind_standard_output_is_one_line(flags):
    command = f"{sys.executable} -m rankify list measures {' '.join(flags)} > /dev/full"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "rankify: cannot write the result: No space left on device\n"


def test_an_unforeseen_error_is_one_line_that_names_its_kind(rankify, monkeypatch):
    def broken(*_):
        raise KeyError("surprise\nin two lines")

    monkeypatch.setattr("rankify.registry.names", broken)
    code, _, err = rankify("list", "retrievers")
    assert code == 1
    assert err.startswith("rankify: KeyError: ")
    assert "--debug" in err
    assert err.count("\n") == 1


def test_a_reader_that_leaves_early_ends_the_command_quietly():
    command = f"{sys.executable} -m rankify list measures | head -1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_an_interrupted_command_leaves_with_130(tmp_path):
    code = "import time\nfrom rankify.cli import main, app\nimport rankify.cli.listing as l\n"
    code += "l.measures = lambda: (print('ready', flush=True), time.sleep(60))\nmain(['list', 'measures'])"
    started = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert started.stdout.readline() == "ready\n"
    time.sleep(0.1)
    os.kill(started.pid, signal.SIGINT)
    _, err = started.communicate(timeout=20)
    assert started.returncode == 130
    assert err == "rankify: interrupted; what was finished is kept\n"


def test_numbers_that_json_does_not_have_become_null():
    assert plain({"a": [float("nan"), 1.5], "b": (float("inf"), None, True)}) == {
        "a": [None, 1.5],
        "b": [None, None, True],
    }
