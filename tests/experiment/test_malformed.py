"""Malformed experiment files, each with the one line that names file, key and way out."""

import json
import sys

import pytest

from rankify.cli import main
from rankify.errors import MissingExtra, RankifyError, Several
from rankify.evaluation import generated
from rankify.experiment import Experiment

FILES = [
    (
        "an unknown key",
        "datasets: [pydoc]\nsystems: {a: bm25}\nmeasures: RR\nsystem: x\n",
        "{file}: no key 'system'; did you mean 'systems'?",
    ),
    (
        "a misspelt name",
        "datasets: [pydoc]\nsystems: {a: bm52 % 9}\nmeasures: RR\n",
        "{file}: systems: a: no retriever or fusion 'bm52'; did you mean 'bm25'?",
    ),
    (
        "a misspelt name inside a fusion",
        "datasets: [pydoc]\nsystems: {a: 'rrf(bm25, bm52)'}\nmeasures: RR\n",
        "{file}: systems: a: no retriever or fusion 'bm52'; did you mean 'bm25'?",
    ),
    (
        "a misspelt option",
        "datasets: [pydoc]\nsystems: {a: 'bm25?k_1=1'}\nmeasures: RR\n",
        "{file}: systems: a: no option of retriever 'bm25' 'k_1'; did you mean 'k1'?",
    ),
    (
        "an option of another kind",
        "datasets: [pydoc]\nsystems: {a: 'bm25?k1=high'}\nmeasures: RR\n",
        "{file}: systems: a: option k1='high' of retriever 'bm25?k1=high' should be a number",
    ),
    (
        "an option out of range",
        "datasets: [pydoc]\nsystems: {a: 'bm25?b=2'}\nmeasures: RR\n",
        "{file}: systems: a: bm25: bm25 with k1=0.9, b=2.0, delta=None: k1 and delta are from 0 up, b is from 0 to 1",
    ),
    (
        "an option that is none of its words",
        "datasets: [pydoc]\nsystems: {a: 'bm25 >> prp:http:m?base_url=http://x&api=chats'}\nmeasures: RR\n",
        "{file}: systems: a: no value of api of llm 'http' 'chats'; did you mean 'chat'?",
    ),
    (
        "a misspelt measure",
        "datasets: [pydoc]\nsystems: {a: bm25}\nmeasures: Judgd@10\n",
        "{file}: measures: no measure 'Judgd'; did you mean 'Judged'?",
    ),
    (
        "a dataset that is not there",
        "datasets: [pidoc]\nsystems: {a: bm25}\nmeasures: RR\n",
        "{file}: datasets: no dataset 'pidoc', and no folder of that name beside the file; did you mean 'pydoc'?",
    ),
    (
        "two systems of one label",
        "datasets: [pydoc]\nsystems:\n  a: bm25\n  a: bm25 % 9\nmeasures: RR\n",
        "{file}:4: two entries are called 'a'; give them different names",
    ),
    (
        "two datasets of one label",
        "datasets: [pydoc, pydoc]\nsystems: {a: bm25}\nmeasures: RR\n",
        "{file}: datasets: two are called 'pydoc'; give one a 'label'",
    ),
    (
        "a baseline that is no system",
        "datasets: [pydoc]\nsystems: {bm25: bm25}\nmeasures: RR\nbaseline: bm26\n",
        "{file}: baseline: no system 'bm26'; did you mean 'bm25'?",
    ),
    (
        "a baseline that stands for several systems",
        "datasets: [pydoc]\nsystems: {a: {pipeline: 'bm25?k1={k1}', k1: [1, 2]}}\nmeasures: RR\nbaseline: a\n",
        "{file}: baseline: a stands for 2 systems; name one of them, e.g. a-k1=1",
    ),
    (
        "a baseline that is a list",
        "datasets: [pydoc]\nsystems: {a: bm25, b: bm25 % 9}\nmeasures: RR\nbaseline: [a]\n",
        "{file}: baseline: ['a'] is not the label of a system; write e.g. 'baseline: a'",
    ),
    (
        "a baseline that is a mapping",
        "datasets: [pydoc]\nsystems: {a: bm25, b: bm25 % 9}\nmeasures: RR\nbaseline: {a: 1}\n",
        "{file}: baseline: {{'a': '1'}} is not the label of a system; write e.g. 'baseline: a'",
    ),
    (
        "a baseline that says nothing",
        "datasets: [pydoc]\nsystems: {a: bm25, b: bm25 % 9}\nmeasures: RR\nbaseline:\n",
        "{file}: baseline: None is not the label of a system; write e.g. 'baseline: a'",
    ),
    (
        "nothing at all",
        "# later\n",
        (
            "{file}: is empty: an experiment is a mapping with the keys name, datasets, systems, measures, judges, "
            "baseline, compare, efficiency"
        ),
    ),
    (
        "two systems whose files are one where case does not count",
        "datasets: [pydoc]\nsystems: {bm25: bm25, BM25: bm25 % 9}\nmeasures: RR\n",
        "{file}: systems: BM25: 'bm25' and 'BM25' are one file on macOS and Windows; give them different names",
    ),
    (
        "two systems of a grid whose files are one where case does not count",
        "datasets: [pydoc]\nsystems: {'a-k1=1': bm25, A: {pipeline: 'bm25?k1={k1}', k1: [1, 2]}}\nmeasures: RR\n",
        "{file}: systems: A: 'a-k1=1' and 'A-k1=1' are one file on macOS and Windows; give them different names",
    ),
    (
        "two datasets whose folders are one where case does not count",
        "datasets: [pydoc, {name: pydoc, label: PyDoc}]\nsystems: {a: bm25}\nmeasures: RR\n",
        "{file}: datasets: 'pydoc' and 'PyDoc' are one file on macOS and Windows; give one a 'label'",
    ),
    (
        "a reader in the middle",
        "datasets: [pydoc]\nsystems: {a: bm25 >> extractive >> bm25}\nmeasures: RR\n",
        "{file}: systems: a: 'extractive' is a reader; it stands at the end, as in bm25 % 5 >> extractive",
    ),
    (
        "no YAML",
        "datasets: [pydoc\nsystems: {a: bm25}\n",
        "{file}:2: not YAML: expected ',' or ']', but got ':'; look at brackets, quotes, colons and indentation there",
    ),
    (
        "options in braces without quotes",
        "datasets: [pydoc]\nsystems: {a: bm25?k1=1}\nmeasures: RR\n",
        "{file}:2: not YAML: expected ',' or '}}', but got '?'; put a pipeline with ? in quotes inside braces",
    ),
    (
        "tabs",
        "datasets: [pydoc]\nsystems:\n\ta: bm25\nmeasures: RR\n",
        "{file}:3: not YAML: found character '\\t' that cannot start any token; indent with blanks, not with tabs",
    ),
    (
        "a list of systems",
        "datasets: [pydoc]\nsystems: [bm25]\nmeasures: RR\n",
        "{file}: systems: a list; each needs a label, e.g. 'systems: {{bm25: bm25 % 1000}}'",
    ),
    (
        "a list in the place of everything",
        "- datasets: [pydoc]\n",
        (
            "{file}: a list: an experiment is a mapping with the keys name, datasets, systems, measures, judges, "
            "baseline, compare, efficiency"
        ),
    ),
    (
        "an empty grid",
        "datasets: [pydoc]\nsystems: {a: {pipeline: 'bm25?k1={k1}', k1: []}}\nmeasures: RR\n",
        "{file}: systems: a: k1: the grid is empty; write e.g. k1: [0.9, 1.2]",
    ),
    (
        "values without a place",
        "datasets: [pydoc]\nsystems: {a: {pipeline: 'bm25?k1={k1}', k1: [1], top: [5]}}\nmeasures: RR\n",
        "{file}: systems: a: top: the pipeline has no place for it; write {{top}} where its values go, or leave it out",
    ),
    (
        "seeds where nothing is drawn",
        "datasets: [pydoc]\nsystems: {a: {pipeline: bm25 % 9, seeds: [1, 2]}}\nmeasures: RR\n",
        "{file}: systems: a: seeds: no part of 'bm25 % 9' takes a seed that it does not have; leave 'seeds' out",
    ),
    (
        "a label that is no file's name",
        "datasets: [pydoc]\nsystems: {a/b: bm25}\nmeasures: RR\n",
        "{file}: systems: 'a/b' cannot be a file's name; use letters, digits and . _ + @ = -",
    ),
    (
        "a library that is missing",
        "datasets: [pydoc]\nsystems: {a: 'bm25 % 9 >> flashrank:m'}\nmeasures: RR\n",
        "{file}: systems: a: flashrank needs onnxruntime, which is not installed: pip install \"rankify[flashrank]\"",
    ),
    (
        "a key that is not set",
        "datasets: [pydoc]\nsystems: {a: 'bm25 % 9 >> api:cohere:rerank-v3.5'}\nmeasures: RR\n",
        "{file}: systems: a: api: the key is not set: export COHERE_API_KEY=..., or name another with key=NAME",
    ),
    (
        "judgments that are not there",
        "datasets: [pydoc]\nsystems: {a: 'bm25 % 9 >> prp:simulated:/no.tsv'}\nmeasures: RR\n",
        "{file}: systems: a: simulated: judgments: no file or folder '/no.tsv'; its place is seen from {here}",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line"), [file[1:] for file in FILES], ids=[file[0] for file in FILES])
def test_a_malformed_file_gets_one_line_with_its_key_and_the_way_out(text, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    for name in ("COHERE_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "my.yaml").write_text(text, "utf-8")
    with pytest.raises(RankifyError) as raised:
        Experiment.read(tmp_path / "my.yaml")
    assert str(raised.value) == line.format(file=tmp_path / "my.yaml", here=tmp_path)


@pytest.mark.parametrize("measures", ["nDCG@10 RR nDCG@10", ["nDCG@10", "RR", "RR"], "nDCG@10, RR"])
def test_a_measure_that_is_named_twice_is_measured_and_shown_once(measures):
    made = Experiment.of({"datasets": ["pydoc"], "systems": {"a": "bm25"}, "measures": measures})
    assert made.measures == "nDCG@10 RR"


MANY = (
    "datasets: [pydoc, nowhere]\n"
    "systems: {a: bm52, b: 'bm25?k_1=1', 'c/d': bm25, e: bm25}\n"
    "measures: nDGC@10\nbaseline: f\nmesures: x\nname: a/b\n"
)
KEYS = ["no key", "measures:", "systems: a:", "systems: b:", "systems: 'c/d'", "datasets:", "name:", "baseline:"]


def test_one_start_finds_everything_that_is_wrong_with_a_file(tmp_path):
    (tmp_path / "my.yaml").write_text(MANY, "utf-8")
    with pytest.raises(Several) as raised:
        Experiment.read(tmp_path / "my.yaml")
    said = str(raised.value).splitlines()
    assert all(line.startswith(f"{tmp_path / 'my.yaml'}: {key}") for line, key in zip(said, KEYS, strict=True))


def test_all_that_is_missing_for_a_system_is_said_at_once(monkeypatch):
    monkeypatch.delenv("COHERE_API_KEY", raising=False)
    system = "dense:/nowhere % 9 >> api:cohere:rerank-v3.5"
    with pytest.raises(Several) as raised:
        Experiment.of({"datasets": ["pydoc"], "systems": {"a": system}, "measures": "RR"}, where="my.yaml")
    first, second = str(raised.value).splitlines()
    assert first.startswith("my.yaml: systems: a: dense: model: no file or folder '/nowhere'")
    assert second.startswith("my.yaml: systems: a: api: the key is not set: export COHERE_API_KEY")


@pytest.mark.parametrize(
    ("key", "said", "lines"),
    [
        ("measures", "nDCG@10 nDGC@10 EMM", ["no measure 'nDGC'", "no measure 'EMM'"]),
        ("measures", "nDCG@10 AP(rel=x) R@0", ["cannot read the measure 'AP(rel=x)'", "cannot read the measure 'R@0'"]),
        (
            "compare",
            {"pairs": "al", "test": "foo", "alpha": "7", "correction": "z", "tests": "t"},
            ["no key 'tests'", "no pairs 'al'", "no test 'foo'", "no correction 'z'", "alpha: '7'"],
        ),
        ("compare", {"test": "tukey-hsd", "correction": "z", "alpha": "7"}, ["correction: tukey-hsd", "alpha: '7'"]),
        (
            "efficiency",
            {"queries": "0", "warm_up": "-1", "foo": "1"},
            ["no key 'foo'", "queries: '0'", "warm_up: '-1'"],
        ),
        (
            "datasets",
            ["pydoc", {"name": "pydoc", "label": "a b", "drop_identical_ids": "x", "foo": "", "bar": ""}, 3, "nowhere"],
            [
                "2nd entry: no key 'foo'", "2nd entry: no key 'bar'", "2nd entry: 'a b' cannot", "2nd entry: drop_iden",
                "3rd entry: 3 is not a name", "no dataset 'nowhere'",
            ],
        ),
    ],
)  # fmt: skip
def test_all_that_is_wrong_inside_one_key_is_said_at_once(key, said, lines):
    whole = {"datasets": ["pydoc"], "systems": {"a": "bm25"}, "measures": "RR", key: said}
    with pytest.raises(Several) as raised:
        Experiment.of(whole, where="my.yaml")
    found = str(raised.value).splitlines()
    assert [one.removeprefix(f"my.yaml: {key}: ")[: len(line)] for one, line in zip(found, lines, strict=True)] == lines


def test_a_library_that_several_measures_lack_is_named_once(monkeypatch):
    for module in ("rouge_score", "rouge_score.rouge_scorer"):  # an earlier test may have imported it
        monkeypatch.setitem(sys.modules, module, None)
    generated._scorer.cache_clear()
    system = {"a": "bm25 >> extractive"}
    with pytest.raises(MissingExtra, match=r"^my.yaml: measures: rouge.score is not installed"):
        Experiment.of(
            {"datasets": ["pydoc"], "systems": system, "measures": "ROUGE-1 ROUGE-2 ROUGE-L"}, where="my.yaml"
        )


def left(words):
    with pytest.raises(SystemExit) as code:
        main(words)
    return code.value.code


def test_the_command_line_says_each_problem_in_a_line_of_its_own(tmp_path, capsys):
    (tmp_path / "my.yaml").write_text(MANY, "utf-8")
    code = left(["run", str(tmp_path / "my.yaml")])
    said = capsys.readouterr().err.splitlines()
    assert (code, len(said)) == (2, len(KEYS))
    assert all(line.startswith(f"rankify: {tmp_path / 'my.yaml'}: ") for line in said)


def test_as_json_all_problems_are_one_object(tmp_path, capsys):
    (tmp_path / "my.yaml").write_text(MANY, "utf-8")
    left(["run", str(tmp_path / "my.yaml"), "--json"])
    assert json.loads(capsys.readouterr().out)["error"].count("my.yaml: ") == len(KEYS)
