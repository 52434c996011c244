"""`rankify compare`: tests, corrections, effect sizes, power and unjudged documents."""

import json

import pytest

import rankify as library
from rankify.evaluation.power import queries_needed
from rankify.io.trec import read_run

QRELS = "".join(f"q{i} 0 {d} {g}\n" for i in range(8) for d, g in (("a", 1), ("b", 0)))
RUNS = {
    "good": [["a", "b", "x"]] * 7 + [["b", "a", "x"]],
    "fair": [["x", "a", "b"]] * 6 + [["a", "x", "b"]] * 2,
    "poor": [["x", "b", "a"]] * 3 + [["x", "y", "a"]] * 5,
}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "qrels.txt").write_text(QRELS, "utf-8")
    for name, lists in RUNS.items():
        rows = [
            f"q{i} Q0 {d} {rank} {9 - rank} {name}\n" for i, ids in enumerate(lists) for rank, d in enumerate(ids, 1)
        ]
        (tmp_path / f"{name}.trec").write_text("".join(rows), "utf-8")
    return [*(f"{name}.trec" for name in RUNS), "--qrels", "qrels.txt", "-m", "RR"]


@pytest.fixture
def as_json(rankify, files):
    def call(*words):
        code, out, said = rankify("compare", *files, *words, "--json")
        assert code == 0, said
        return json.loads(out)

    return call


@pytest.mark.parametrize("test", ["wilcoxon", "randomisation", "tukey-hsd", "randomised-tukey-hsd"])
def test_a_test_and_a_correction_can_be_chosen(as_json, tmp_path, test):
    itself = test.endswith("tukey-hsd")
    correction = None if itself else "bonferroni"
    found = as_json("--test", test, "--alpha", "0.01", *([] if itself else ["--correction", correction]))
    runs = {name: read_run(tmp_path / f"{name}.trec") for name in RUNS}
    qrels = {f"q{i}": {"a": 1, "b": 0} for i in range(8)}
    expected = library.compare(
        runs, qrels, "RR", baseline="good", alpha=0.01, correction=correction, decided_by=test
    ).as_dict()
    assert found == {**json.loads(json.dumps(expected)), "missing": dict.fromkeys(RUNS, 0)}


def test_all_pairs_have_letters_and_no_baseline(rankify, files, as_json):
    assert [(d["system"], d["against"]) for d in as_json("--all-pairs")["differences"]] == [
        ("good", "fair"), ("good", "poor"), ("fair", "poor"),
    ]  # fmt: skip
    out = rankify("compare", *files, "--all-pairs", "--test", "tukey-hsd")[1]
    assert "a  good   0.9375ᵇᶜ" in out
    assert "(Tukey's HSD, queries as blocks, p <= 0.05, 8 queries)" in out
    assert "p (tukey-hsd)" in out


@pytest.mark.parametrize(("name", "key"), [("glass", "glass_delta"), ("cliff", "cliffs_delta"), ("d_z", "effect_size")])
def test_an_effect_size_can_be_chosen(rankify, files, as_json, name, key):
    out = rankify("compare", *files, "--effect", name)[1]
    assert f"  {name}  " in out
    assert f"{as_json()['differences'][0][key]:+.3f}" in out


def test_power_says_what_the_queries_can_show(rankify, files, as_json):
    found = as_json("--power", "0.9")
    assert found["power"]["alpha"] == 0.025
    one = found["power"]["differences"][0]
    assert one["needed"] == queries_needed(found["differences"][0]["effect_size"], 0.9, 0.025)
    out = rankify("compare", *files, "--power", "0.9")[1]
    assert "queries needed" in out
    assert "with 8 queries and a power of 0.9" in out


def test_nothing_is_detectable_where_two_runs_are_the_same(rankify, files, as_json, tmp_path):
    (tmp_path / "fair.trec").write_text((tmp_path / "good.trec").read_text("utf-8"), "utf-8")
    same, apart = as_json("--power", "0.8")["power"]["differences"]
    assert (same["deviation"], same["detectable"], same["needed"]) == (0, None, None)
    assert apart["detectable"] > 0
    out = rankify("compare", *files, "--power", "0.8")[1]
    assert "no deviation, so nothing to tell what is detectable by: fair - good (RR)" in out


def test_unjudged_documents_are_counted_or_left_out(rankify, files, as_json):
    found = as_json("--holes", "--condensed")
    assert [row["holes"] for row in found["holes"] if row["k"] == 10] == [8, 8, 13]
    assert found["means"]["fair"] == {"RR": 1.0}
    assert as_json()["means"]["fair"] == {"RR": 0.625}
    out = rankify("compare", *files, "--holes", "--condensed")[1]
    assert "only judged documents" in out
    assert "pairs of query and document would have to be judged" in out


def test_judged_queries_that_a_run_lacks_are_counted_by_run(rankify, files, as_json, tmp_path):
    assert "no results" not in rankify("compare", *files)[1]
    (tmp_path / "fair.trec").write_text("q0 Q0 a 1 1 fair\nq7 Q0 a 1 1 fair\n", "utf-8")
    assert as_json()["missing"] == {"good": 0, "fair": 6, "poor": 0}
    out = rankify("compare", *files)[1]
    assert "fair: 6 of 8 judged queries have no results and count 0" in out
    assert out.count("no results") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--test", "tukey"], "no test 'tukey'; did you mean 'tukey-hsd'?"),
        (["--correction", "bonferoni"], "did you mean 'bonferroni'?"),
        (["--correction", ""], "no correction ''"),
        *(
            (
                ["--test", test, "--correction", correction],
                f"--correction {correction}: {test} corrects for all pairs itself; leave the option out",
            )
            for test, correction in (("tukey-hsd", "bonferroni"), ("randomised-tukey-hsd", "holm"))
        ),
        (["--effect", "cliffs"], "did you mean 'cliff'?"),
        (["--all-pairs", "--baseline", "good"], "--all-pairs has no baseline"),
        (["--baseline", "god"], "did you mean 'good'?"),
        (["--power", "80"], "--power 80: a power is between alpha (0.05) and 1"),
    ],
)
def test_options_that_make_no_whole_are_misuse(rankify, files, words, message):
    code, _, said = rankify("compare", *files, *words)
    assert code == 2
    assert message in said
