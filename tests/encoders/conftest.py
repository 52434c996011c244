"""Networks that tests of encoders have in common: exports that take seconds, and cross-encoders of every family."""

import shutil

import pytest

from rankify import catalog
from tests import tiny_pairs


@pytest.fixture(scope="session")
def exports(tmp_path_factory):
    """Where each network that was exported by torch once is kept."""
    return tmp_path_factory.mktemp("exported")


@pytest.fixture(scope="module")
def exported_once(exports):
    """Each network is exported by torch once; whatever wants it again gets a copy of the file."""
    from rankify.encoders.runtimes import export, outside
    from rankify.encoders.runtimes.weights import identity_of

    real = outside.to_onnx

    def to_onnx(network, probe, output, path, *, extra):
        kept = exports / f"{identity_of(network)['weights']}-{output}-{export.IN_ONE_FILE}"
        if not kept.is_dir():
            kept.mkdir()
            real(network, probe, output, kept / path.name, extra=extra)
        for file in kept.iterdir():
            shutil.copy(file, path.parent)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outside, "to_onnx", to_onnx)
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """made(name) is the family of that name, saved once, and in the catalogue while the tests run."""
    families = {}
    with pytest.MonkeyPatch.context() as patch:

        def make(name):
            if name in tiny_pairs.EXTRAS:
                pytest.importorskip(tiny_pairs.EXTRAS[name])
            if name not in families:
                found = families[name] = tiny_pairs.FAMILIES[name](tmp_path_factory.mktemp("models") / name)
                if found.id:
                    patch.setitem(catalog.models(), found.place, catalog.models()[found.id])
            return families[name]

        yield make
