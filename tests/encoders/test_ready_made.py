"""Where FlashRank's models are: zips that are unpacked with care, folders, and names."""

import zipfile

import pytest

from rankify.encoders import ready_made
from rankify.encoders.hub import revision_of
from rankify.errors import BadInput, UnknownName

pytest.importorskip("onnx")
from tests import tiny_onnx


@pytest.fixture
def folder(tmp_path):
    return tiny_onnx.folder(tmp_path / "tiny")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RANKIFY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_zip_is_unpacked_once_into_the_cache(tmp_path, folder, cache):
    path = tiny_onnx.packed(
        tmp_path / "tiny.zip", folder, [("__MACOSX/tiny/._config.json", b"x"), ("tiny/note.txt", b"")]
    )
    found = ready_made.flashrank(str(path))
    assert found.is_relative_to(cache)
    assert {"config.json", "tokenizer.json", "tokenizer_config.json", "flashrank-tiny.onnx"} <= {
        p.name for p in found.iterdir()
    }
    assert not (found / "note.txt").exists()
    before = (found / "flashrank-tiny.onnx").stat().st_mtime_ns
    assert ready_made.flashrank(str(path)) == found
    assert (found / "flashrank-tiny.onnx").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "name", ["../config.json", "/config.json", "tiny/../../config.json", "..\\config.json", "c:config.json"]
)
def test_a_zip_that_reaches_out_of_its_folder_is_refused(tmp_path, folder, cache, name):
    path = tiny_onnx.packed(tmp_path / "tiny.zip", folder, [(name, b"{}")])
    with pytest.raises(BadInput, match="reaches out of its folder"):
        ready_made.flashrank(str(path))
    assert not [p for p in cache.rglob("*") if p.is_file()]


def test_a_link_in_a_zip_is_refused(tmp_path, folder):
    link = zipfile.ZipInfo("tiny/vocab.json")
    link.external_attr = 0o120777 << 16
    with pytest.raises(BadInput, match="reaches out of its folder"):
        ready_made.flashrank(str(tiny_onnx.packed(tmp_path / "tiny.zip", folder, [(link, "/etc/passwd")])))


def test_a_zip_of_two_models_is_refused(tmp_path, folder):
    path = tiny_onnx.packed(tmp_path / "two.zip", folder, [("other/config.json", b"{}")])
    with pytest.raises(BadInput, match=r"holds config\.json twice"):
        ready_made.flashrank(str(path))


def test_a_zip_that_unpacks_to_too_much_is_refused(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(ready_made, "MOST", 1000)
    with pytest.raises(BadInput, match="would unpack to"):
        ready_made.flashrank(str(tiny_onnx.packed(tmp_path / "tiny.zip", folder)))


def test_a_damaged_zip_says_so_and_leaves_nothing(tmp_path, folder, cache):
    path = tiny_onnx.packed(tmp_path / "tiny.zip", folder)
    content = bytearray(path.read_bytes())
    content[200] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"cannot be unpacked: .*download it again"):
        ready_made.flashrank(str(path))
    assert not [p for p in cache.rglob("*") if p.is_file()]


def test_a_folder_is_read_where_it_is(folder):
    assert ready_made.flashrank(str(folder)) == folder


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        ("ms-marco-TinyBERT-L-2", UnknownName, "did you mean 'ms-marco-TinyBERT-L-2-v2'"),
        ("gone.zip", BadInput, r"no file gone\.zip"),
        ("./gone", BadInput, "there is no such folder"),
    ],
)
def test_a_model_that_there_is_not(model, error, message):
    with pytest.raises(error, match=message):
        ready_made.flashrank(model)


@pytest.mark.parametrize("name", ready_made.published()["models"])
def test_a_published_name_is_read_from_the_hubs_cache(name, tmp_path, folder, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    commit, home = "0" * 40, tmp_path / "hub" / "models--prithivida--flashrank"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(commit)
    (home / "snapshots" / commit).mkdir(parents=True)
    tiny_onnx.packed(home / "snapshots" / commit / f"{name}.zip", folder)
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    assert (ready_made.flashrank(name) / "flashrank-tiny.onnx").is_file()


def test_a_hub_without_an_answer_says_the_way_out(tmp_path, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BadInput, match=r"no rank-T5-flan\.zip in the hub's cache.*flashrank:FILE\.zip"):
        ready_made.flashrank("rank-T5-flan")


def test_of_several_networks_the_one_called_model_is_read(folder):
    assert ready_made.network_file(folder).name == "flashrank-tiny.onnx"
    tiny_onnx.network(folder / "other.onnx")
    with pytest.raises(BadInput, match="has several networks"):
        ready_made.network_file(folder)
    tiny_onnx.network(folder / "model.onnx")
    assert ready_made.network_file(folder).name == "model.onnx"


def test_another_network_is_another_revision_of_a_folder_without_weights(folder):
    before = revision_of(folder)
    tiny_onnx.network(folder / "flashrank-tiny.onnx", labels=2)
    assert revision_of(folder) != before
