"""How every registered name is built here: names that need a model get a tiny one."""

import pytest

from rankify import registry

MODELS = {
    "dense": ("tiny_bert", {"pooling": "mean"}),
    "embedding": ("tiny_bert", {"pooling": "mean"}),
    "cross-encoder": ("tiny_cross_encoder", {}),
}
EXTRAS = {"lucene": "jnius_config"}


@pytest.fixture
def build(request):
    """build(kind, name, *arguments) gives the component of that name."""

    def make(kind, name, *arguments, **options):
        if name in EXTRAS:
            pytest.importorskip(EXTRAS[name], reason=f"{name} needs an extra that is not installed")
        model, needed = MODELS.get(name, ("", {}))
        spec = f"{name}:{request.getfixturevalue(model)}" if model else name
        return registry.load(kind, spec, *arguments, **{**needed, **options})

    return make
