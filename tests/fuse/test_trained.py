"""Trained fusions: ranx's figures, what is learnt by hand, and what was learnt as text and as a file."""

import json
import math
from pathlib import Path

import pytest

from rankify import expressions, fuse, registry
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.experiment.revisions import Revisions
from rankify.fuse.judged import Judged
from rankify.types import Qrels, Query, Ranking, Run

NAMES = ["bayesfuse", "mapfuse", "posfuse", "probfuse", "segfuse", "slidefuse"]
# ranx 0.3.21's result for two queries of `collection`, with its own training: window 3, 4 segments
RANX = json.loads((Path(__file__).parent / "ranx_trained.json").read_text("utf-8"))


def run_of(**queries):
    return Run(
        Ranking(Query(query, query), [Document(i, "") for i in scores], list(scores.values()))
        for query, scores in queries.items()
    )


def listed(**queries):
    """A run with these documents, written without spaces, best first."""
    return run_of(**{query: {id: -float(place) for place, id in enumerate(ids)} for query, ids in queries.items()})


def collection(n):
    """Two runs of six queries with n documents, or with one less, and their judgments."""
    runs = [
        run_of(**{
            f"q{q}": {f"d{(step * i + shift * q) % 41}": 2.0 * n - i * 1.5 for i in range(n - q % 2 * (n > 5))}
            for q in range(6)
        })
        for step, shift in ((7, 3), (5, 11))
    ]  # fmt: skip
    return runs, Qrels({f"q{q}": {f"d{(3 * j + 2 * q) % 41}": j % 3 for j in range(12)} for q in range(6)})


OPTIONS = {"probfuse": {"segments": 4}, "slidefuse": {"window": 3}}


@pytest.mark.parametrize("name", NAMES)
def test_ranx_learns_and_fuses_the_same(name):
    # ranx takes SegFuse's sizes 5, 15, 35 for ends; of lists of 5 documents only the first one matters
    runs, qrels = collection(5 if name == "segfuse" else 30)
    fused = fuse.fitted(registry.find("fusion", name), *runs, qrels=qrels, **OPTIONS.get(name, {}))(*runs)
    for query, expected in RANX[name].items():
        found = dict(zip(fused[query].ids, fused[query].scores.tolist(), strict=True))
        assert found == pytest.approx(expected, abs=2e-5)  # figures have six digits


JUDGED = Judged.of(listed(q="abcdef", r="ab"), {"q": {"a": 1, "c": 2, "f": 1, "x": 1}, "r": {"b": 1}, "s": {"a": 1}}, 1)
LEAST = math.log(0.001 / 0.999)


@pytest.mark.parametrize(
    ("name", "how", "expected"),
    [
        ("mapfuse", {}, [((1 + 2 / 3 + 3 / 6) / 4 + 1 / 2 + 0) / 3]),
        ("posfuse", {}, [1 / 2, 1 / 2, 1, 0, 0, 1]),
        ("slidefuse", {}, [1 / 2, 1 / 2, 1, 0, 0, 1]),
        ("probfuse", {"segments": 2}, [(2 / 3 + 0) / 3, (1 / 3 + 1) / 3]),
        ("segfuse", {}, [(2 / 5 + 1 / 2) / 3, 1 / 3, *[0] * 8]),
        ("bayesfuse", {}, [math.log(0.2 / 0.8), math.log((1 / 15) / (14 / 15)), *[LEAST] * 7]),
    ],
)
def test_what_is_learnt_of_a_list_by_hand(name, how, expected):
    learnt = registry.find("fusion", name).method.learn(JUDGED, **how)
    assert list(learnt) == pytest.approx(expected)


def test_a_grade_counts_from_rel_on():
    learn = lambda rel: fuse.fitted(fuse.mapfuse, listed(q="ab"), qrels={"q": {"a": 2, "b": 1}}, rel=rel).options  # noqa: E731
    assert [learn(rel)["learnt"] for rel in (1, 2, 3)] == ["1", "1", "0"]
    assert fuse.fitted(fuse.posfuse, listed(q="ab"), qrels={"q": {"a": 2, "b": 1}}, rel=2).options["learnt"] == "1/0"


def test_segments_grow_as_published():
    assert fuse.segfuse.method.ENDS[:4] == (5, 20, 55, 130)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_learnt_reads_back_from_its_text_and_from_its_file(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs, qrels = collection(5)
    inline = fuse.fitted(registry.find("fusion", name), *runs, qrels=qrels)
    kept = fuse.fitted(registry.find("fusion", name), *runs, qrels=qrels, file="kept.json")
    assert inline(*runs) == kept(*runs)
    corpus = Corpus(Document(f"d{i}", f"word{i}") for i in range(3))
    text = kept.written("bm25 % 2", "bm25")
    assert text == f"{name}(bm25 % 2, bm25, learnt=kept.json)"
    for written in (text, inline.written("bm25 % 2", "bm25")):
        stage = expressions.pipeline(written, corpus)
        assert repr(stage) == written
        assert stage([Query("1", "word1")])["1"].ids[0] == "d1"


def test_a_list_longer_than_those_learnt_from_and_one_that_is_empty_are_fused():
    for name in NAMES:
        fused = fuse.fitted(registry.find("fusion", name), listed(q="ab"), listed(q="b"), qrels={"q": {"a": 1}})
        found = fused(listed(q="abcdefghijklmnopqrstuvwxyz", r=""), listed(q="", r=""))
        assert [len(r) for r in found] == [26, 0]
        assert found["q"].ids[0] in "ab"


@pytest.mark.parametrize("name", NAMES)
def test_a_part_that_found_nothing_has_figures_too(name):
    fused = fuse.fitted(registry.find("fusion", name), listed(q=""), listed(q="ba"), qrels={"q": {"b": 1}})
    assert {*fused(listed(q="x"), listed(q="ba"))["q"].ids} == {"a", "b", "x"}


def test_experiments_look_at_the_file_of_what_was_learnt_and_at_no_line(tmp_path):
    runs, qrels = collection(30)
    path = str(tmp_path / "kept.json")
    kept = fuse.fitted(fuse.posfuse, *runs, qrels=qrels, file=path).written("bm25", "bm25?k1=1.2")
    assert Revisions().behind(kept)[path].startswith("sha256:")
    line = fuse.posfuse(*runs, learnt=":".join(["/".join(["0.123456"] * 1000)] * 2)).reports[-1].stage
    text = line.replace("...", "bm25, bm25?k1=1.2")
    assert Revisions().behind(text) == Revisions().behind("bm25")


RUN = listed(q="ab")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda _: fuse.mapfuse(RUN), Misuse, "mapfuse has to learn first: rankify tune mapfuse DATA"),
        (lambda _: fuse.mapfuse(RUN, learnt="0.1:0.2"), Misuse, "has learnt of 2 parts, and here are 1: '0.1:0.2'"),
        (lambda _: fuse.mapfuse(RUN, learnt="a"), Misuse, "cannot read what mapfuse has learnt from 'a'"),
        (lambda _: fuse.mapfuse(RUN, learnt="nan"), Misuse, "cannot read what"),
        (lambda _: fuse.mapfuse(RUN, learnt="0.1/0.2"), Misuse, "learns 1 figures of each part, not 2: '0.1/0.2'"),
        (lambda _: fuse.bayesfuse(RUN, learnt="0.1/0.2"), Misuse, "learns 9 figures of each part, not 2"),
        (lambda _: fuse.segfuse(RUN, learnt="0.1"), Misuse, "learns 10 figures of each part, not 1"),
        (lambda _: fuse.slidefuse(RUN, learnt="1", window=-1), Misuse, "a whole number from 0 up, not -1"),
        (lambda _: fuse.mapfuse(RUN, learnt="none.json"), BadInput, "no file none.json"),
        (lambda at: fuse.mapfuse(RUN, learnt=at("{}")), BadInput, "not what a fusion has learnt"),
        (lambda at: fuse.mapfuse(RUN, learnt=at("{")), BadInput, "not what a fusion has learnt"),
        (lambda at: fuse.mapfuse(RUN, learnt=at('{"fusion": "posfuse", "lists": [[1]]}')), BadInput, "what posfuse"),
        (lambda at: fuse.mapfuse(RUN, learnt=at('{"fusion": "mapfuse", "lists": [[]]}')), BadInput, "not the figures"),
        (lambda _: fuse.fitted(fuse.rrf, RUN, qrels={"q": {"a": 1}}), Misuse, "<fusion rrf> has nothing to learn"),
        (lambda _: fuse.fitted(fuse.mapfuse, qrels={"q": {"a": 1}}), Misuse, "give a run of each part"),
        (lambda _: fuse.fitted(fuse.mapfuse, RUN, qrels={"r": {"a": 1}}), BadInput, "none of the 1 judged queries"),
        (lambda _: fuse.fitted(fuse.mapfuse, RUN, qrels={"q": {}}, file="a.txt"), Misuse, "ends in .json, unlike"),
        (lambda _: fuse.fitted(fuse.mapfuse, RUN, qrels={"q": {}}, windows=1), UnknownName, "no option of fusion"),
        (lambda _: fuse.fitted(fuse.probfuse, RUN, qrels={"q": {}}, segments=0), Misuse, "1 segment or more, not 0"),
    ],
)  # fmt: skip
def test_what_has_not_learnt_is_refused(make, error, message, tmp_path):
    def at(content):
        (tmp_path / "learnt.json").write_text(content, "utf-8")
        return str(tmp_path / "learnt.json")

    with pytest.raises(error, match=message):
        make(at)
