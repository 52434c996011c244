"""`rankify run`: where its files are, what it says, and how it leaves."""

from rankify import registry


def test_run_writes_into_runs_and_the_name(as_json, rankify, collection, tmp_path):
    (tmp_path / "mine.yaml").write_text(f"datasets: {collection}\nsystems: {{a: bm25, b: bm25 % 1}}\nmeasures: R@10\n")
    found = as_json("run", tmp_path / "mine.yaml")
    assert found["folder"] == "runs/mine"
    assert found["scores"]["small"] == {"a": {"R@10": 0.75}, "b": {"R@10": 0.625}}
    code, out, err = rankify("run", tmp_path / "mine.yaml")
    assert (code, err.count("is finished"), err.count("nothing has changed")) == (0, 2, 1)
    assert "small: 4 queries, 5 documents" in out


def test_run_leaves_with_1_where_a_system_failed_and_shows_the_others(rankify, collection, tmp_path, monkeypatch):
    monkeypatch.setitem(registry.BUILTIN["reranker"], "broken", "tests.experiment.broken:Broken")
    systems = "systems: {a: bm25, b: bm25 >> broken}"
    (tmp_path / "mine.yaml").write_text(f"datasets: {collection}\n{systems}\nmeasures: R@10\n")
    code, out, err = rankify("run", tmp_path / "mine.yaml")
    assert code == 1
    assert "0.7500" in out
    assert "1 of 2 systems failed, first b on small: ValueError: the model is broken" in err
