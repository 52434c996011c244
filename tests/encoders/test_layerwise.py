"""Layerwise and lightweight rerankers: equal to their published arithmetic, whatever the layer, batch and merging."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from rankify.encoders.compression import compressed
from rankify.encoders.layerwise import LayerwiseScorer
from rankify.encoders.layerwise_networks import kinds
from rankify.errors import BadInput, Misuse, UnknownName
from tests import tiny_layerwise
from tests.encoders.layerwise_formulas import CUES, Published, merged

QUERIES = ["what is neural retrieval", "cats"]
PASSAGES = ["neural networks rank documents", "", "a dog jumps over the lazy fox and the query " * 3, "rank"]
PAIRS = np.array([[q, p] for q in range(len(QUERIES)) for p in range(len(PASSAGES))])


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    at = tmp_path_factory.mktemp("layerwise")
    return {"minicpm": tiny_layerwise.minicpm(at / "minicpm"), "gemma": tiny_layerwise.gemma(at / "gemma")}


def published(folder, layers, **more):
    own = Published(folder)
    return [own.score(QUERIES[q], PASSAGES[p], layers, **more) for q, p in PAIRS.tolist()]


def scored(folder, **options):
    return LayerwiseScorer(folder, device="cpu", **options).scores(QUERIES, PASSAGES, PAIRS)


@pytest.mark.parametrize("layers", [2, 3, 4])
@pytest.mark.parametrize("name", ["minicpm", "gemma"])
def test_a_score_is_the_heads_behind_the_layer_that_is_the_last(folders, name, layers):
    right = published(folders[name], layers)
    assert np.ptp(right) > 0.1
    assert scored(folders[name], cutoff_layers=layers) == pytest.approx(right, abs=1e-4)


@pytest.mark.parametrize("name", ["minicpm", "gemma"])
def test_all_layers_are_computed_where_no_cut_is_asked_for(folders, name):
    assert scored(folders[name]) == pytest.approx(published(folders[name], 4), abs=1e-4)


@pytest.mark.parametrize(
    ("ratio", "layers", "cutoff"),
    [(2, (1,), 4), (3, (2,), 4), (8, (1,), 3), (2, (1, 3), 4), (2, (2, 3), 3), (2, (3,), 2), (4, (1, 2, 3), 4)],
)
def test_merged_passages_are_scored_as_published(folders, ratio, layers, cutoff):
    right = published(folders["gemma"], cutoff, ratio=ratio, merging=layers)
    found = scored(folders["gemma"], cutoff_layers=cutoff, compress_ratio=ratio, compress_layers=layers)
    assert found == pytest.approx(right, abs=1e-4)


def test_a_ratio_of_one_merges_nothing(folders):
    assert scored(folders["gemma"], compress_layers=(1, 2)) == pytest.approx(scored(folders["gemma"]), abs=1e-6)


def test_merging_before_a_layer_that_is_computed_changes_scores_and_behind_the_cut_it_does_not(folders):
    plain, early = (
        scored(folders["gemma"], cutoff_layers=3, **more)
        for more in ({}, {"compress_ratio": 2, "compress_layers": (1,)})
    )
    late = scored(folders["gemma"], cutoff_layers=3, compress_ratio=2, compress_layers=(3,))
    assert np.abs(plain - early).max() > 1e-3
    assert late == pytest.approx(plain, abs=1e-5)


@pytest.mark.parametrize(("head", "number"), [("first", 0), ("own", 1)])
@pytest.mark.parametrize("name", ["minicpm", "gemma"])
def test_the_head_can_be_chosen(folders, name, head, number):
    right = published(folders[name], 3, head=number)
    assert scored(folders[name], cutoff_layers=3, head=head) == pytest.approx(right, abs=1e-4)


def test_heads_may_stand_behind_every_other_layer(tmp_path):
    folder = tiny_layerwise.gemma(tmp_path, layer_sep=2)
    assert scored(folder, cutoff_layers=4, head="own") == pytest.approx(published(folder, 4, head=1), abs=1e-4)
    with pytest.raises(Misuse, match=r"cutoff_layers=3: .* behind 2 to 4 layers, every 2"):
        LayerwiseScorer(folder, cutoff_layers=3)


@pytest.mark.parametrize("options", [{}, {"compress_ratio": 2, "compress_layers": (1, 2)}])
@pytest.mark.parametrize("batch_tokens", [1, 100, 100_000])
def test_batches_and_their_padding_do_not_show(folders, options, batch_tokens):
    alone = [
        LayerwiseScorer(folders["gemma"], **options).scores([QUERIES[q]], [PASSAGES[p]], np.array([[0, 0]]))[0]
        for q, p in PAIRS.tolist()
    ]
    assert scored(folders["gemma"], batch_tokens=batch_tokens, **options) == pytest.approx(alone, abs=1e-5)


def test_equal_pairs_get_equal_scores(folders):
    scorer = LayerwiseScorer(folders["minicpm"])
    found = scorer.scores(QUERIES, PASSAGES, np.array([[0, 2], [1, 0], [0, 2]]))
    assert found[0] == found[2]


@pytest.mark.parametrize("length", [16, 256])  # with the second, a long query takes of what a long passage has
@pytest.mark.parametrize("name", ["minicpm", "gemma"])
def test_rows_are_cut_in_the_passage_and_end_in_the_cue(folders, name, length):
    own, scorer = Published(folders[name]), LayerwiseScorer(folders[name], max_length=length)
    for query in ("cats", "cat dog " * 200):
        [before] = scorer.pairs.queries([query])
        for passage in ("dog", "a lazy fox " * 200):
            [tokens] = scorer.pairs.passages([passage])
            row = scorer.pairs.row(before, tokens)
            assert (row.tokens, row.before, row.behind) == own.row(query, passage, max_length=length)
            cue = own.ids(CUES[own.config["model_type"]])
            assert row.tokens[-len(cue) :] == cue
            assert len(row.tokens) <= scorer.pairs.most


def test_what_a_passage_says_behind_the_cut_does_not_count(folders):
    scorer = LayerwiseScorer(folders["gemma"], max_length=16, compress_ratio=2, compress_layers=(1,))
    one, other, short = scorer.scores(
        ["cat"], ["fox " * 40 + "dog", "fox " * 40 + "rank the query", "fox"], np.array([[0, 0], [0, 1], [0, 2]])
    )
    assert one == pytest.approx(other, abs=1e-6)
    assert abs(one - short) > 1e-4


def test_the_cue_can_be_another(folders):
    cue = "Predict whether passages A and B have the same meaning."
    assert scored(folders["gemma"], prompt=cue) == pytest.approx(published(folders["gemma"], 4, cue=cue), abs=1e-4)


def test_weights_may_stand_in_several_files(folders, tmp_path):
    for file in Path(folders["gemma"]).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    whole = load_file(tmp_path / "model.safetensors")
    (tmp_path / "model.safetensors").unlink()
    places = {name: f"model-0000{1 + name.startswith('lm_head')}-of-00002.safetensors" for name in whole}
    for place in {*places.values()}:
        some = {name: weight for name, weight in whole.items() if places[name] == place}
        save_file(some, tmp_path / place, metadata={"format": "pt"})
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}), "utf-8")
    assert scored(str(tmp_path)) == pytest.approx(scored(folders["gemma"]), abs=1e-6)


def test_layers_behind_the_cut_are_not_there(folders):
    for folder in folders.values():
        assert len(LayerwiseScorer(folder, cutoff_layers=2).checkpoint.network.layers) == 2


def test_code_beside_the_weights_is_not_run(tmp_path):
    folder = tiny_layerwise.minicpm(tmp_path)
    for name in ("modeling_minicpm_reranker.py", "configuration_minicpm_reranker.py"):
        Path(folder, name).write_text("raise SystemExit('run')\n", "utf-8")
    assert np.isfinite(scored(folder)).all()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_lower_precisions_are_near(folders, dtype):
    options = {"cutoff_layers": 3, "compress_ratio": 2, "compress_layers": (1,)}
    assert scored(folders["gemma"], dtype=dtype, **options) == pytest.approx(
        scored(folders["gemma"], **options), abs=0.5
    )


@pytest.mark.parametrize("ratio", [1, 2, 3, 5, 64])
def test_states_are_merged_row_by_row(ratio):
    torch.manual_seed(0)
    lengths, before, behind = torch.tensor([12, 7, 9]), torch.tensor([3, 2, 8]), torch.tensor([4, 4, 1])
    states = torch.randn(3, 12, 5)
    mask = (torch.arange(12)[None] < lengths[:, None]).long()
    found, kept = compressed(states, mask, before, behind, ratio)
    for row, length in enumerate(lengths.tolist()):
        right = merged(states[row, :length], int(before[row]), int(behind[row]), ratio)
        assert kept[row].sum() == len(right)
        torch.testing.assert_close(found[row, : len(right)], right)
    assert found.shape[1] == kept.sum(dim=1).max()


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("minicpm", {"cutoff_layers": 1}, Misuse, "cutoff_layers=1: .* has a score behind 2 to 4 layers$"),
        ("gemma", {"cutoff_layers": 5}, Misuse, "cutoff_layers=5: .* has a score behind 2 to 4 layers$"),
        ("gemma", {"head": "last"}, UnknownName, "no head 'last'; there are: first, own"),
        (
            "minicpm",
            {"compress_ratio": 2, "compress_layers": (1,)},
            Misuse,
            "was not trained to have its tokens merged",
        ),
        ("minicpm", {"compress_layers": (1,)}, Misuse, "was not trained to have its tokens merged"),
        ("gemma", {"compress_ratio": 2}, Misuse, "compress_ratio=2: it is 1, or 2, 4 or 8 with compress_layers=24,40"),
        ("gemma", {"compress_ratio": 0}, Misuse, "compress_ratio=0: it is 1, or"),
        ("gemma", {"compress_ratio": 2, "compress_layers": (0,)}, Misuse, "can merge before layer 1 to 3"),
        ("gemma", {"compress_ratio": 2, "compress_layers": (4,)}, Misuse, "compress_layers=4: .* layer 1 to 3"),
        ("gemma", {"max_length": 1000}, Misuse, "max_length=1000: a pair has up to 1,0.. tokens with its cue"),
        ("gemma", {"max_length": 7}, Misuse, "8 is the least for a passage"),
    ],
)
def test_options_that_cannot_be_are_refused(folders, name, options, error, message):
    with pytest.raises(error, match=message):
        LayerwiseScorer(folders[name], **options)


@pytest.mark.parametrize(
    ("name", "changed", "message"),
    [
        ("minicpm", {"head_type": "raw"}, "no heads of one score each"),
        ("minicpm", {"head_multi": False}, "no heads of one score each"),
        ("gemma", {"layer_wise": False}, "no heads of one score each"),
        ("gemma", {"start_layer": None}, "no heads of one score each"),
        (
            "gemma",
            {"model_type": "gemma2"},
            "is of the type 'gemma2': scores behind each layer have minicpm, cost_wise",
        ),
        ("minicpm", {"rope_scaling": {"type": "linear", "factor": 2}}, "positions of MiniCPM are not scaled here"),
    ],
)
def test_models_of_another_make_are_refused(folders, tmp_path, name, changed, message):
    for file in Path(folders[name]).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = {**json.loads((tmp_path / "config.json").read_text("utf-8")), **changed}
    said = {name: value for name, value in config.items() if value is not None}
    (tmp_path / "config.json").write_text(json.dumps(said), "utf-8")
    with pytest.raises(BadInput, match=message):
        LayerwiseScorer(str(tmp_path))


def test_what_is_known_of_each_kind_names_its_source():
    for kind, known in kinds().items():
        assert set(known) == {"prompt", "head", "source", "licence"}
        assert known["prompt"] == CUES[kind]
