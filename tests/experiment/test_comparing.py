"""An experiment says by which test its systems are compared, how p is corrected, and at which level."""

import pytest

import rankify
from rankify.datasets import dataset
from rankify.errors import RankifyError
from rankify.evaluation.comparison import TESTS
from rankify.experiment import Experiment
from rankify.experiment.execute import execute
from rankify.experiment.pairs import Comparing
from rankify.experiment.tables import grids
from rankify.io.trec import read_run

SYSTEMS = {"a": "bm25?k1=0.01 % 3", "b": "bm25 % 20", "c": "bm25?b=0.1 % 30"}
MEASURES = "R@30 RR"


def plan(collection="pydoc", **more):
    return Experiment.of({"datasets": [str(collection)], "systems": SYSTEMS, "measures": MEASURES, **more})


def run(collection, tmp_path, **compare):
    return execute(plan(collection, compare=compare), tmp_path / "out")


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("pairs", ["all", "baseline"])
def test_it_is_what_compare_says_with_the_same_options(collection, tmp_path, test, pairs):
    more = {} if "tukey" in test else {"correction": "bonferroni"}
    found = run(collection, tmp_path, pairs=pairs, test=test, alpha=0.2, **more).comparisons["small"]
    runs = {system: read_run(tmp_path / "out" / "runs" / "small" / f"{system}.trec") for system in SYSTEMS}
    alone = rankify.compare(
        runs, dataset(str(collection)).qrels, MEASURES, baseline=None if pairs == "all" else "a", alpha=0.2,
        decided_by=test, **more,
    )  # fmt: skip
    assert found.differences == alone.differences
    assert found.legend() == alone.legend()


def test_tables_say_which_test_it_was(collection, tmp_path):
    [grid] = grids(run(collection, tmp_path, test="wilcoxon", correction="fdr_bh", alpha="0.2"))
    assert grid.note == "† above, ‡ below a (Wilcoxon's signed-rank test, Benjamini-Hochberg correction, p <= 0.2)"


def test_another_test_is_compared_again(collection, tmp_path):
    assert run(collection, tmp_path).comparisons["small"].decided_by == "t-test"
    assert run(collection, tmp_path, test="tukey-hsd").comparisons["small"].decided_by == "tukey-hsd"
    assert run(collection, tmp_path, alpha=0.01).comparisons["small"].alpha == 0.01


@pytest.mark.parametrize(
    "said",
    [
        {"pairs": "all"},
        {"test": "wilcoxon", "correction": "none", "alpha": "0.1"},
        {"pairs": "all", "test": "tukey-hsd", "alpha": 0.01},
        {"test": "randomised-tukey-hsd"},
    ],
)
def test_the_plan_keeps_what_the_file_says(said):
    written = plan(compare=said).as_dict()
    assert plan(compare=written.get("compare", "baseline")).comparing == Comparing.of(said)
    assert plan(compare=written.get("compare", "baseline")).as_dict() == written


def test_what_is_the_default_is_not_written():
    default = {"pairs": "baseline", "test": "t-test", "correction": "holm", "alpha": "0.05"}
    assert plan(compare=default).as_dict() == plan().as_dict()
    assert plan(compare={**default, "pairs": "all"}).as_dict()["compare"] == "all-pairs"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"tests": "t-test"}, "no key 'tests'; did you mean 'test'"),
        ({"pairs": "al"}, "no pairs 'al'; did you mean 'all'"),
        ({"test": "wilcox"}, "no test 'wilcox'; did you mean 'wilcoxon'"),
        ({"test": ["t-test"]}, "no test"),
        ({"correction": "holms"}, "no correction 'holms'; did you mean 'holm'"),
        ({"test": "tukey-hsd", "correction": "holm"}, "correction: tukey-hsd corrects for all pairs itself; leave the"),
        ({"alpha": "5"}, "alpha: '5' is no probability between 0 and 1; write e.g. 0.05"),
        ({"alpha": 0}, "alpha: 0 is no probability"),
        ({"alpha": 1}, "alpha: 1 is no probability"),
        ({"alpha": "nan"}, "alpha: 'nan' is no probability"),
        ({"alpha": True}, "alpha: True is no probability"),
        ({"alpha": None}, "alpha: None is no probability"),
    ],
)
def test_what_cannot_be_compared_so_is_refused_in_one_line(said, message):
    with pytest.raises(RankifyError) as raised:
        plan(compare=said)
    assert str(raised.value).startswith(f"experiment: compare: {message}")
    assert "\n" not in str(raised.value)
