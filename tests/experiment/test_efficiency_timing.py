"""What is asked while a system is timed: the pipeline of the experiment, with its reader."""

import pytest

from rankify.experiment import timing
from rankify.experiment.sources import Source
from rankify.experiment.timing import Fresh, Task, _asker
from rankify.io.beir import write_beir
from rankify.types import Document, Qrels, Query

DOCUMENTS = [Document("q1", "the song of Ann"), Document("d1", "Ann sang the song. It was loud.")]
QUERY = Query("q1", "song of Ann")


@pytest.fixture
def asker(tmp_path):
    write_beir(tmp_path / "small", DOCUMENTS, [QUERY], {"test": Qrels({"q1": {"d1": 1}})})

    def made(reader="", *, drops=False, parts=Fresh):
        task = Task(folder=str(tmp_path), file="", key="", searches="bm25 % 5", reader=reader, source={}, plan={})
        data = Source(str(tmp_path / "small"), drop_identical_ids=drops).open()
        return _asker(task, data, parts(tmp_path / "indexes"))

    return made


def test_a_query_goes_through_the_pipeline(asker):
    [ranking] = asker()(QUERY)
    assert sorted(ranking.ids) == ["d1", "q1"]


def test_the_document_that_is_the_query_is_dropped_where_the_dataset_says_so(asker):
    [ranking] = asker(drops=True)(QUERY)
    assert ranking.ids == ["d1"]


def test_a_reader_reads_what_was_found(asker):
    [answer] = asker("extractive", drops=True)(QUERY)
    assert [document.id for document in answer.contexts] == ["d1"]
    assert answer.text


class Searching:
    """A reader that answers with what it finds itself."""

    reads_first = False

    def searching_with(self, stage):
        self.stage = stage
        return self

    def __call__(self, run):
        assert not run[QUERY.id].ids, "it searches itself"
        return self.stage(run)


class OwnReader(Fresh):
    def load(self, kind, spec, /, *args, **options):
        return Searching() if kind == "reader" else super().load(kind, spec, *args, **options)


def test_a_reader_that_searches_searches_with_the_pipeline(asker):
    [ranking] = asker("own", drops=True, parts=OwnReader)(QUERY)
    assert ranking.ids == ["d1"]


TWICE = {"queries": 1, "warm_up": 0, "repetitions": 2}


class Unread:
    """A counter that nobody may read."""

    name, range = "intel-rapl:0", None

    def read(self):
        return None


class Spent:
    """A counter that goes on by a joule whenever it is read."""

    name, range, joules = "gpu:0", None, 0

    def read(self):
        self.joules += 1
        return self.joules


@pytest.mark.parametrize(("counters", "joules"), [([Spent()], 1.0), ([Spent(), Unread()], None), ([], None)])
def test_joules_of_some_counters_are_not_those_of_the_whole(tmp_path, monkeypatch, counters, joules):
    write_beir(tmp_path / "small", DOCUMENTS, [QUERY], {"test": Qrels({"q1": {"d1": 1}})})
    monkeypatch.setattr(timing, "packages", lambda: counters)
    monkeypatch.setattr(timing, "gpus", list)
    task = Task(folder=str(tmp_path), file="", key="", searches="bm25 % 5", reader="",
                source={"name": str(tmp_path / "small")}, plan=TWICE)  # fmt: skip
    assert timing.measured(task)["joules_per_query"] == joules
