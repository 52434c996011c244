"""What is said of an index on disk, and what happens when it is opened with something else."""

import pytest

from rankify.errors import BadInput
from rankify.indexes import manifest
from rankify.indexes.manifest import Manifest, versions

FIELDS = {"kind": "dense", "corpus": "a" * 64, "encoder": {"model": "m", "pooling": "mean"}, "documents": 3}


def test_what_is_written_is_read_back(tmp_path):
    Manifest.write(tmp_path, **FIELDS)
    found = Manifest.check(tmp_path, **FIELDS)
    assert {name: found[name] for name in FIELDS} == FIELDS
    assert {"rankify", "numpy"} <= set(found["libraries"])


def test_a_folder_without_a_manifest_holds_no_finished_index(tmp_path):
    assert not Manifest.there(tmp_path)
    with pytest.raises(BadInput, match=r"no index in .*rankify index"):
        Manifest.read(tmp_path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"kind": "bm25"}, 'kind "dense", and "bm25" is asked for'),
        ({"corpus": "b" * 64}, r'corpus "aaaaaaaaaaaa\.\.\.", and "bbbbbbbbbbbb\.\.\." is asked for'),
        ({"encoder": {"model": "m", "pooling": "cls"}}, r'encoder\.pooling "mean", and "cls"'),
        ({"encoder": {"revision": "x"}}, r'encoder\.revision null, and "x"'),
        ({"documents": 4}, "documents 3, and 4"),
    ],
)
def test_another_value_is_an_error_that_names_both(tmp_path, changed, message):
    Manifest.write(tmp_path, **FIELDS)
    with pytest.raises(BadInput, match=message) as caught:
        Manifest.check(tmp_path, **changed)
    assert str(tmp_path) in str(caught.value)
    assert "delete this one" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_an_encoder_says_no_more_is_an_error_too(tmp_path):
    encoder = {**FIELDS["encoder"], "backend": "openvino", "adapter_revision": "0123"}
    Manifest.write(tmp_path, **{**FIELDS, "encoder": encoder})
    with pytest.raises(BadInput, match=r'encoder\.adapter_revision "0123", and null is asked for'):
        Manifest.check(tmp_path, **FIELDS)


def test_libraries_that_are_not_asked_for_do_not_matter(tmp_path):
    Manifest.write(tmp_path, **{**FIELDS, "libraries": {"torch": "2.0"}})
    Manifest.check(tmp_path, **{**FIELDS, "libraries": {}})


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "another"}', "\udcff"])
def test_a_broken_manifest_says_so(tmp_path, text):
    (tmp_path / Manifest.FILE).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadInput, match=r"manifest\.json"):
        Manifest.read(tmp_path)


def test_the_version_of_a_package_is_looked_up_once_in_a_process(monkeypatch):
    known = versions("numpy", "no-such-package")
    assert known.keys() == {"numpy"}
    monkeypatch.setattr(manifest, "Distribution", None)
    assert versions("no-such-package", "numpy") == known
