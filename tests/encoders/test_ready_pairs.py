"""Pairs scored by a ready-made network, against FlashRank's formula computed here without the toolkit."""

import json

import numpy as np
import pytest

from rankify.encoders.ready_pairs import ReadyPairScorer
from rankify.errors import BadInput, UnknownName
from tests import tiny

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
from tests import tiny_onnx

QUERIES = ["what is neural retrieval", "", "cat", "dog " * 90]
PASSAGES = ["the cat and the dog", "", "network " * 200, "a", "Ünïcödé 猫", "rank 007 null", "half \ud83d"]
ALL = np.array([(q, p) for q in range(len(QUERIES)) for p in range(len(PASSAGES))])


def wanted(labels, segments=True, limit=tiny.LENGTH):
    """FlashRank's score of each pair: the sigmoid of one logit, or the softmax of the second of two."""
    table, own, found = tiny_onnx.weights(labels), tiny.tokenizer(), []
    for q, p in ALL.tolist():
        texts = [[text.encode("utf-8", "replace").decode()] for text in (QUERIES[q], PASSAGES[p])]
        row = own(*texts, truncation=True, max_length=limit)
        kinds = np.array(row["token_type_ids"][0]) if segments else 0
        logits = table[kinds, np.array(row["input_ids"][0])].sum(axis=0, dtype=np.float64)
        found.append(1 / (1 + np.exp(-logits[0])) if labels == 1 else np.exp(logits[1]) / np.exp(logits).sum())
    return np.array(found)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_onnx.folder(tmp_path_factory.mktemp("ready") / "tiny")


@pytest.mark.parametrize("budget", [1, 100, 10_000])
def test_scores_are_the_sigmoid_of_the_logit_whatever_the_batches(folder, budget):
    scores = ReadyPairScorer(folder, batch_tokens=budget).scores(QUERIES, PASSAGES, ALL)
    np.testing.assert_allclose(scores, wanted(1), atol=1e-5)


def test_of_two_labels_the_second_is_the_score(tmp_path):
    scores = ReadyPairScorer(tiny_onnx.folder(tmp_path, labels=2)).scores(QUERIES, PASSAGES, ALL)
    np.testing.assert_allclose(scores, wanted(2), atol=1e-5)


def test_a_network_without_segments_is_given_none(tmp_path):
    folder = tiny_onnx.folder(tmp_path, names=tiny_onnx.NAMES[:2])
    scores = ReadyPairScorer(folder).scores(QUERIES, PASSAGES, ALL)
    np.testing.assert_allclose(scores, wanted(1, segments=False), atol=1e-5)


def test_pairs_are_cut_where_the_tokenizer_cuts_them(folder):
    scores = ReadyPairScorer(folder, max_length=12).scores(QUERIES, PASSAGES, ALL)
    np.testing.assert_allclose(scores, wanted(1, limit=12), atol=1e-5)
    assert np.abs(scores - wanted(1)).max() > 0.01


def test_identity_gives_logits_and_the_difference_of_two(tmp_path, folder):
    for where, labels in ((folder, 1), (tiny_onnx.folder(tmp_path, labels=2), 2)):
        found = ReadyPairScorer(where, activation="identity").scores(QUERIES, PASSAGES, ALL)
        np.testing.assert_allclose(1 / (1 + np.exp(-found.astype(float))), wanted(labels), atol=1e-5)


def test_a_batch_stays_within_its_budget(folder):
    scorer = ReadyPairScorer(folder, batch_tokens=128)
    scorer.scores(QUERIES, PASSAGES, ALL)
    assert scorer.counted["passes"] >= (scorer.counted["tokens"] + scorer.counted["padding"]) / 128


def test_no_pairs_are_no_scores(folder):
    assert ReadyPairScorer(folder).scores([], [], np.empty((0, 2), dtype=np.int64)).shape == (0,)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"max_length": 3}, BadInput, "max_length=3 with the model in .*: it reads 4 to 64 tokens"),
        ({"max_length": 100}, BadInput, "4 to 64"),
        ({"activation": "sigmod"}, UnknownName, "did you mean 'sigmoid'"),
        ({"batch_tokens": 0}, BadInput, "a batch cannot hold 0 tokens"),
    ],
)
def test_a_wrong_option_says_what_would_do(folder, options, error, message):
    with pytest.raises(error, match=message):
        ReadyPairScorer(folder, **options)


def test_a_longer_model_reads_512_tokens(tmp_path):
    folder = tiny_onnx.folder(tmp_path)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "model_max_length": 8192}))
    assert ReadyPairScorer(folder).length == 512


def test_a_classifier_of_several_labels_is_refused(tmp_path):
    scorer = ReadyPairScorer(tiny_onnx.folder(tmp_path, labels=3))
    with pytest.raises(BadInput, match="a network of 3 labels"):
        scorer.scores(["cat"], ["dog"], np.array([(0, 0)]))


def test_a_file_that_is_no_network_is_named(tmp_path):
    folder = tiny_onnx.folder(tmp_path)
    (folder / "flashrank-tiny.onnx").write_bytes(b"nothing of the kind")
    with pytest.raises(BadInput, match=r"cannot load .*flashrank-tiny\.onnx"):
        ReadyPairScorer(folder)


def test_a_folder_without_a_network_says_what_is_missing(tmp_path):
    with pytest.raises(BadInput, match=r"it needs a file in \.onnx and tokenizer\.json"):
        ReadyPairScorer(tmp_path)
