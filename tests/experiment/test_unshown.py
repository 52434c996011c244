"""Answers of an experiment that cite, by its id, what was not shown to their reader."""

from rankify import registry
from rankify.experiment.execute import execute
from rankify.stages import Reader
from rankify.types import Answer
from tests.experiment.pages import data_of


class Elsewhere(Reader):
    """Cites what was shown and what was not."""

    name = "elsewhere"

    def read(self, run):
        return [
            Answer(query=r.query, text="Ann", citations=(r.ids[0], "nowhere"), contexts=tuple(r.documents)) for r in run
        ]


def test_they_are_kept_and_counted(experiment, tmp_path, monkeypatch):
    monkeypatch.setitem(registry.BUILTIN["reader"], "elsewhere", "tests.experiment.test_unshown:Elsewhere")
    results = execute(experiment({"read": "bm25 % 2 >> elsewhere"}, measures="EM cites_unknown"), tmp_path / "out")
    assert results.readings["songs"]["read"]["counts"]["unseen"] == 6
    assert results.scores["songs"]["read"]["cites_unknown"] == 1
    assert {answer.citations[1] for answer in results.answers["songs"]["read"]} == {"nowhere"}
    [data] = data_of((tmp_path / "out" / "report.html").read_text("utf-8"))
    answers = [one["systems"][0]["answer"] for one in data["questions"]]
    assert [(answer["cited"], answer["unseen_count"]) for answer in answers] == [([1], 1)] * 6
