"""Specs: what is written is what is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankify import registry
from rankify.errors import Misuse
from rankify.spec import Spec, value_of

LIKE_VALUES = ["2024_11_24", "1.10", "1e3", "none", "None", "true", "TRUE", "007", "-0", "nan", "inf", "1.0", "20", ""]
TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(LIKE_VALUES) | st.from_regex(r"[-0-9._e%]+")


def made(*, text: str = "", maybe: str | None = None) -> tuple[str, str | None]:
    return text, maybe


@pytest.fixture
def made_here(monkeypatch):
    monkeypatch.setattr("rankify.registry.find", lambda kind, name: made)


@given(TEXTS)
def test_any_text_is_the_same_after_writing_and_reading(text):
    read = Spec.parse(str(Spec("x", options={"option": text}))).options["option"]
    assert (read, type(read)) == (text, str)


@given(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False))
def test_any_other_value_too(value):
    read = Spec.parse(str(Spec("x", options={"option": value}))).options["option"]
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("text", LIKE_VALUES)
def test_an_option_that_is_a_text_is_what_was_typed(text, made_here):
    assert registry.load("retriever", f"x?text={text}") == (text, None)
    assert registry.load("retriever", f"x?maybe={text}") == ("", None if text == "none" else text)


@pytest.mark.parametrize(
    ("written", "value"),
    [("k1=1e0", 1.0), ("k1=1", 1.0), ("k1=0.90", 0.9), ("exact_lengths=True", True), ("threads=none", None)],
)
def test_an_option_is_read_as_what_it_is(written, value):
    option = written.partition("=")[0]
    read = registry.checked("retriever", f"bm25?{written}")[option]
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("written", ["k1=1_0", "threads=1.5", "exact_lengths=1", "k1=none"])
def test_what_cannot_be_read_as_that_is_misuse(written):
    with pytest.raises(Misuse, match="should be"):
        registry.checked("retriever", f"bm25?{written}")


def test_values_are_those_that_are_written_like_it():
    assert [value_of(t) for t in LIKE_VALUES[:5]] == ["2024_11_24", "1.10", "1e3", None, "None"]
