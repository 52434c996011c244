"""`rankify tune`: what it prints, and that the fusion it prints can be searched with."""

import json

import pytest


def test_tune_prints_a_fusion_that_can_be_searched_with(rankify, collection):
    code, out, err = rankify("tune", "weighted", collection, "bm25 % 2", "bm25?b=0.9", "--try", "norm=rank", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["fusion"] == "weighted(bm25 % 2, bm25?b=0.9, weights=0.5:0.5, norm=rank)"
    assert (found["measure"], found["queries"], len(found["trials"])) == ("nDCG@10", 4, 11)
    assert found["value"] == max(trial["value"] for trial in found["trials"])
    assert rankify("search", found["fusion"], collection, "--query", "date")[0] == 0


def test_tune_shows_the_best_trials_and_the_fusion(rankify, collection):
    code, out, _ = rankify("tune", "rrf", collection, "bm25", "bm25?b=0.9", "--try", "k=10,60", "--try", "weights=1:1")
    assert code == 0
    assert "weights=1:1" in out
    assert "the best of 2, on 4 queries of small, test; measure it on others:" in out
    assert out.strip().endswith("rrf(bm25, bm25?b=0.9, weights=1:1, k=10)")


def test_tune_keeps_what_a_trained_fusion_has_learnt(rankify, collection, tmp_path):
    code, out, err = rankify("tune", "posfuse", collection, "bm25", "bm25?b=0.9", "-o", "learnt.json")
    assert code == 0, err
    assert out.strip().endswith("posfuse(bm25, bm25?b=0.9, learnt=learnt.json)")
    assert json.loads((tmp_path / "learnt.json").read_text("utf-8"))["fusion"] == "posfuse"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("rff", "bm25"), "no fusion 'rff'; did you mean 'rrf'"),
        (("rrf", "bm52"), "no retriever or fusion 'bm52'"),
        (("rrf", "bm25", "--try", "k"), "cannot read --try 'k'"),
        (("rrf", "bm25", "--try", "kk=1"), "no option of fusion 'rrf' 'kk'"),
        (("rrf", "bm25", "-m", "xyz"), "no measure 'xyz'"),
        (("posfuse", "bm25", "-o", "a.txt"), "ends in .json"),
        (("rrf", "bm25", "-o", "a.json"), "learns nothing"),
        (("rrf", "bm25, bm25"), "give each pipeline as one argument"),
        (("rrf", "bm25", "k=5"), "give each pipeline as one argument"),
    ],
)
def test_what_cannot_be_tuned_leaves_with_2(rankify, collection, words, message):
    fusion, *others = words
    code, _, err = rankify("tune", fusion, collection, *others)
    assert code == 2
    assert message in err
