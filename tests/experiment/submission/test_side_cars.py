"""A side-car that claims what can be seen to be wrong, with the collections at hand or without them."""

import pytest

from tests.cli.conftest import rankify
from tests.experiment.submission.test_bundle import changed, with_side_car

__all__ = ["rankify"]  # a fixture
AGAIN = "make the bundle again"


@pytest.fixture
def check(rankify, runs, said, data, tmp_path, monkeypatch):
    """Makes a bundle, changes its side-car, and checks it without the collections."""
    words = ["submit", "beir", runs, "-o", "mine.zip", "--metadata", said, "--sets", "beir-2", "--data", data]
    assert rankify(*words)[0] == 0
    known = {f"beir/{name}": {"splits": {"test": {"queries": 2}}, "documents": 4} for name in ("scifact", "nfcorpus")}
    monkeypatch.setattr("rankify.experiment.submission.collections.catalog.datasets", lambda: known)

    def made(change=None):
        if change:
            changed(tmp_path / "mine.zip", change)
        return rankify("submit", "beir", "--check", "mine.zip")

    return made


def test_what_could_not_be_checked_is_said(check):
    code, out, _ = check()
    assert code == 0
    assert "not checked without --data FOLDER: the ids of queries and documents, and the figures\n" in out


def text(old, new):
    return lambda content: content.update(
        {"submission.json": content["submission.json"].replace(old.encode(), new.encode(), 1)}
    )


def stated(**values):
    return with_side_car(lambda said: said.update(values))


def told(**values):
    return with_side_car(lambda said: said["collections"]["scifact"].update(values))


CLAIMS = {
    "a measure": (told(figures={"nDCG@10": 0.999, "whatever": 1}),
                  "collections: scifact: figures: whatever: is not measured; a bundle has nDCG@10, R@100, R@1000"),
    "a benchmark": (stated(benchmark="bier"), f"benchmark: 'bier' is not beir; {AGAIN}"),
    "no benchmark": (with_side_car(lambda said: said.pop("benchmark")), f"benchmark: None is not beir; {AGAIN}"),
    "a key": (stated(rank=1), f"rank: does not belong there; {AGAIN}"),
    "a key of a run": (told(rank=1), f"collections: scifact: rank: does not belong there; {AGAIN}"),
    "a set twice": (text(' "set"', ' "set": "beir-13",\n "set"'), f"two entries are called 'set'; {AGAIN}"),
    "a maker": (stated(made_with={"rankify": 1}),
                f"made_with: it says which rankify made the bundle, and nothing else; {AGAIN}"),
    "no maker": (stated(made_with="me"), "made_with: it says which rankify made the bundle"),
    "an empty maker": (stated(made_with={"rankify": ""}), "made_with: it says which rankify made the bundle"),
    "an absurd maker": (stated(made_with={"rankify": "me, at home"}), "made_with: it says which rankify made the"),
    "a broken number": (told(queries=2.0), "collections: scifact: its queries is not that of runs/scifact.trec"),
    "a truth": (told(shorter=False), f"collections: scifact: its shorter is not that of runs/scifact.trec; {AGAIN}"),
    "no figures": (with_side_car(lambda said: said["collections"]["scifact"].pop("figures")),
                   f"collections: scifact: figures: are missing, and nfcorpus has them; {AGAIN}"),
    "a figure less": (with_side_car(lambda said: said["collections"]["scifact"]["figures"].pop("R@100")),
                      f"collections: scifact: figures: R@100: is missing; {AGAIN}"),
    "empty figures": (told(figures={}), f"collections: scifact: figures: nDCG@10: is missing; {AGAIN}"),
    "no more figures": (told(figures=None), "collections: scifact: figures: they are no numbers from 0 to 1"),
    "an older format": (stated(format="rankify-beir-submission-1"),
                        f"its format is rankify-beir-submission-1, made by an older version; {AGAIN}"),
    "NUL": (with_side_car(lambda said: said["metadata"].update(revision="a\0b")),
            r"revision: 'a\x00b' has a character that no text has; leave it out"),
    "half a character": (with_side_car(lambda said: said["metadata"].update(contact="\ud800")),
                         r"contact: '\ud800' has a character that no text has; leave it out"),
    "fewer short ones": (told(shorter=1),
                         f"collections: scifact: its shorter is not that of runs/scifact.trec; {AGAIN}"),
    "zero-shot": (with_side_car(lambda said: said["metadata"].update(training_data=["scifact"], zero_shot=True)),
                  "zero_shot: true, and 'scifact' in training_data is of BEIR; write false"),
}  # fmt: skip


@pytest.mark.parametrize("name", CLAIMS)
def test_what_can_be_seen_to_be_wrong_is_refused_without_the_collections(check, name):
    change, message = CLAIMS[name]
    code, out, err = check(change)
    assert (code, out) == (1, "")
    assert err == f"rankify: mine.zip: submission.json: {message}\n" or (
        err.startswith(f"rankify: mine.zip: submission.json: {message}") and err.count("\n") == 1
    )


def test_figures_may_be_missing_altogether(check):
    def change(said):
        for one in said["collections"].values():
            del one["figures"]

    assert check(with_side_car(change))[0] == 0


@pytest.mark.parametrize("name", ["no figures", "a figure less", "empty figures"])
def test_figures_that_are_missing_are_refused_with_the_collections_too(rankify, runs, said, data, tmp_path, name):
    words = ["submit", "beir", runs, "-o", "mine.zip", "--metadata", said, "--sets", "beir-2", "--data", data]
    assert rankify(*words)[0] == 0
    change, message = CLAIMS[name]
    changed(tmp_path / "mine.zip", change)
    assert rankify("submit", "beir", "--check", "mine.zip", "--data", data)[2] == (
        f"rankify: mine.zip: submission.json: {message}\n"
    )
