"""`rankify stress` as a shell calls it."""

import json

import pytest


def test_the_tables_are_printed_and_the_files_are_there(rankify, collection, tmp_path):
    code, out, err = rankify("stress", "bm25", collection, "--with", "typos case:upper", "--seeds", "2", "-o", "out")
    assert code == 0, err
    assert "small: bm25, 4 queries, 2 seeds" in out
    assert "original" in out
    assert "case:upper" in out
    assert "drop: the mean less the original's" in out
    assert "everything in out/" in out
    assert {p.name for p in (tmp_path / "out").iterdir()} >= {
        "original.trec",
        "results.md",
        "results.json",
        "per-query.csv",
    }


def test_a_perturbation_that_changed_nothing_is_named(rankify, collection, tmp_path):
    (tmp_path / "t.tsv").write_text("unicorn\thorse\n")
    said = "paraphrase?table=t.tsv changed nothing, so its row says nothing about robustness\n"
    assert said in rankify("stress", "bm25", collection, "--with", "paraphrase?table=t.tsv typos", "-o", "out")[1]
    assert "changed nothing" not in rankify("stress", "bm25", collection, "--with", "typos", "-o", "out")[1]


def test_the_results_are_one_object(as_json, collection, tmp_path):
    printed = as_json("stress", "bm25", collection, "--with", "order", "-m", "R@1", "-o", "out")
    assert printed == json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    assert [row["drop"] for row in printed["measures"]["R@1"]] == [0, 0]


def test_a_second_start_says_what_it_kept(rankify, collection):
    words = ("stress", "bm25", collection, "--with", "typos", "--seeds", "1", "-o", "out")
    first, second = rankify(*words), rankify(*words)
    assert "typos, seed 0 is done" in first[2]
    assert "typos, seed 0 is finished, kept" in second[2]
    assert first[1] == second[1]


def test_the_usual_perturbations_are_tried_where_none_is_named(as_json, collection):
    printed = as_json("stress", "bm25", collection, "--seeds", "1", "-o", "out")
    assert list(printed["changed"]) == ["typos", "case:upper", "stopwords", "order:shuffle"]
    assert list(printed["measures"]) == ["nDCG@10", "R@100"]


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (["bm25", "--with", "typo"], "no perturbation 'typo'; did you mean 'typos'?", 2),
        (["bm25", "--with", "typos?rat=1"], "no option of perturbation 'typos' 'rat'; did you mean 'rate'?", 2),
        (["bm25", "--with", ""], "no perturbation is named", 2),
        (["bm25", "--with", "noise"], "write bm25 >> RERANKER", 2),
        (["bm25", "--with", "paraphrase?table=no.tsv"], "no file no.tsv", 1),
        (["bm25 >> extractive"], "ends in a reader", 2),
        (["bm26"], "did you mean 'bm25'?", 2),
        (["bm25", "-m", "ndcg"], "ndcg is written 'nDCG' here", 2),
    ],
)
def test_what_is_wrong_is_one_line_and_leaves_nothing(rankify, collection, tmp_path, words, said, code):
    left, out, err = rankify("stress", words[0], collection, *words[1:], "-o", "out")
    assert (left, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_collection_without_judgments_is_refused(rankify, collection):
    (collection / "qrels" / "test.tsv").unlink()
    code, _, err = rankify("stress", "bm25", collection, "-o", "out")
    assert code == 1
    assert "small has no judged queries" in err


def test_a_folder_that_is_a_file_is_refused(rankify, collection, tmp_path):
    (tmp_path / "out").write_text("x")
    code, _, err = rankify("stress", "bm25", collection, "-o", "out")
    assert code == 1
    assert "cannot write out" in err
