"""`rankify evaluate` of run files: grades, queries, and documents that nobody judged."""

import rankify as package
from rankify.io.trec import read_run


def test_evaluate_gives_the_measures_of_the_api(as_json, collection, run_file):
    data = package.dataset(str(collection))
    found = as_json("evaluate", run_file, collection, "-m", "nDCG@10 RR")
    assert found["measures"] == dict(package.evaluate(read_run(run_file), data.qrels, "nDCG@10 RR"))
    assert found["queries"] == 4


def test_evaluate_takes_a_file_of_judgments(as_json, collection, run_file):
    assert as_json("evaluate", run_file, collection / "qrels" / "test.tsv", "-m", "RR")["measures"] == {"RR": 0.75}


def test_evaluate_can_ask_for_a_higher_grade(as_json, collection, run_file):
    assert as_json("evaluate", run_file, collection, "-m", "R@1", "--rel", 2)["measures"]["R@1"] == 0.25


def test_evaluate_shows_every_query(as_json, rankify, collection, run_file):
    found = as_json("evaluate", run_file, collection, "-m", "RR", "--per-query")
    assert found["per_query"] == {"RR": {"1": 1.0, "2": 1.0, "3": 1.0, "4": 0.0}}
    assert "bm25.trec" in rankify("evaluate", run_file, collection, "--per-query")[1]


def test_evaluate_leaves_unjudged_documents_out_where_asked(as_json, rankify, tmp_path):
    (tmp_path / "qrels.txt").write_text("q 0 a 1\nq 0 b 0\n", "utf-8")
    (tmp_path / "run.trec").write_text("q Q0 x 1 3 r\nq Q0 b 2 2 r\nq Q0 a 3 1 r\n", "utf-8")
    assert as_json("evaluate", "run.trec", "qrels.txt", "-m", "RR")["measures"] == {"RR": 1 / 3}
    found = as_json("evaluate", "run.trec", "qrels.txt", "-m", "RR", "--condensed")
    assert (found["measures"], found["condensed"]) == ({"RR": 0.5}, True)
    assert "only judged documents" in rankify("evaluate", "run.trec", "qrels.txt", "--condensed")[1]


def test_evaluate_says_which_queries_the_run_lacks(as_json, rankify, tmp_path):
    (tmp_path / "qrels.txt").write_text("q1 0 a 1\nq2 0 a 1\nq3 0 a 1\n", "utf-8")
    (tmp_path / "part.trec").write_text("q1 Q0 a 1 3 r\nx Q0 a 1 3 r\n", "utf-8")
    found = as_json("evaluate", "part.trec", "qrels.txt", "-m", "RR")
    assert (found["measures"], found["queries"]) == ({"RR": 1 / 3}, 3)
    assert (found["missing"], found["unjudged"]) == (2, 1)
    shown = rankify("evaluate", "part.trec", "qrels.txt")[1]
    assert "2 of 3 judged queries have no results and count 0" in shown
    assert "1 queries of the run have no judgments and do not count" in shown


def test_a_run_of_all_judged_queries_has_nothing_to_say(as_json, rankify, tmp_path):
    (tmp_path / "qrels.txt").write_text("q1 0 a 1\nq2 0 a 1\n", "utf-8")
    (tmp_path / "run.trec").write_text("q1 Q0 a 1 3 r\nq2 Q0 b 1 3 r\n", "utf-8")
    found = as_json("evaluate", "run.trec", "qrels.txt")
    assert (found["missing"], found["unjudged"]) == (0, 0)
    assert "queries" not in rankify("evaluate", "run.trec", "qrels.txt")[1]
