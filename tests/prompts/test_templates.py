"""Every prompt file: what it says, and the exact text it makes (golden files beside this test)."""

from pathlib import Path

import pytest

from rankify.errors import BadInput, UnknownName
from rankify.llm.protocol import Shown
from rankify.prompts.template import READS, made, names, template

GOLDEN = Path(__file__).parent / "golden"
QUERY = "what is {{ 7 * 7 }} <b>\u201cfirst\u201d</b>"
TEXTS = ["one text", "Title: a title Content: another {% text %}", "three"]


def rendered(name):
    """The prompt about three documents, or one where it shows one, as it would be read aloud."""
    found = template(name)
    n = {"pair": 2, "relevance": 1, "query": 1, "passage": 0, "rewriting": 0, "rewritings": 0}.get(found.reads, 3)
    names = found.identifiers(n) if found.identifier else ()
    prompt = found.render(QUERY, TEXTS[:n], Shown("q", tuple("abc"[:n]), names, found.reads), found.prefill)
    turns = [f"<<{m.role}>>{m.content}" for m in prompt.messages]
    turns += [f"<<text>>{text}" for text in ([prompt.text] if prompt.text else prompt.parts)]
    return "\n".join([*turns, f"<<reply>>{prompt.prefill}", ""])


@pytest.mark.parametrize("name", names())
def test_a_prompt_is_the_published_text(name):
    assert rendered(name) == (GOLDEN / f"{name}.txt").read_text("utf-8")


def test_every_golden_file_has_its_prompt():
    assert {p.stem for p in GOLDEN.glob("*.txt")} == set(names())


@pytest.mark.parametrize("name", names())
def test_a_prompt_file_says_where_it_is_from_and_how_it_is_read(name):
    found = template(name)
    assert "http" in found.source
    assert found.licence
    assert found.reads in READS
    assert bool(found.messages) + bool(found.text) + bool(found.parts) == 1
    assert bool(found.identifier) == (found.reads in ("permutation", "label", "pair"))
    assert bool(found.choices) == (found.reads == "relevance")


def test_identifiers_are_numbers_or_letters():
    assert template("rankgpt").identifiers(3) == ("[1]", "[2]", "[3]")
    assert template("first").identifiers(2) == ("[A]", "[B]")
    assert template("lrl").identifiers(1) == ("PASSAGE1",)


def test_there_are_26_letters():
    assert template("setwise").identifiers(26)[-1] == "Passage Z"
    with pytest.raises(BadInput, match="too few for 27"):
        template("setwise").identifiers(27)


def test_an_unknown_prompt_has_near_names():
    with pytest.raises(UnknownName, match="did you mean 'rankgpt'"):
        template("rankgtp")


@pytest.mark.parametrize(
    ("said", "error", "message"),
    [
        ({"licence": "x", "reads": "label"}, BadInput, "does not say its source"),
        ({"source": "x", "licence": "x", "reads": "lable"}, UnknownName, "did you mean 'label'"),
        ({"source": "x", "licence": "x", "reads": "label", "mesages": []}, UnknownName, "did you mean 'messages'"),
    ],
)
def test_a_prompt_file_that_is_wrong_is_refused(said, error, message):
    with pytest.raises(error, match=message):
        made("mine", said)
