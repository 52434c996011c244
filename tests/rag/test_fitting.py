"""Prompt files that a method can ask with in the place of its own, and those that it refuses before it is built."""

import pytest

import rankify
from rankify import registry
from rankify.errors import Misuse, RankifyError, UnknownName
from rankify.prompts.template import names, template
from rankify.rag.fitting import shows_documents
from tests.contracts.test_readers import model

WITH_DOCUMENTS = ("basic", "chain-of-thought", "cite", "fid", "flare", "in-context-ralm", "ircot", "self-ask")
WITHOUT = ("zero-shot", "react", "search-r1", "sure-validity", "sure-ranking")
OF_DOCUMENTS = ["basic", "cite", "in-context-ralm"]
FITTING = {
    "basic": OF_DOCUMENTS,
    "best-of-n": ["basic", "chain-of-thought", "cite", "in-context-ralm"],
    "chain-of-thought": ["chain-of-thought"],
    "cite": OF_DOCUMENTS,
    "fid": ["fid"],
    "flare": ["basic", "chain-of-thought", "cite", "flare", "in-context-ralm"],
    "in-context-ralm": OF_DOCUMENTS,
    "ircot": ["ircot"],
    "iter-retgen": ["basic", "chain-of-thought", "cite", "in-context-ralm"],
    "react": ["react"],
    "replug": OF_DOCUMENTS,
    "search-r1": ["search-r1"],
    "self-ask": ["self-ask"],
    "self-consistency": ["chain-of-thought"],
    "zero-shot": ["zero-shot"],
}
ALL = [(method, name) for method in FITTING for name in names()]


@pytest.mark.parametrize(("name", "shown"), [*((n, True) for n in WITH_DOCUMENTS), *((n, False) for n in WITHOUT)])
def test_a_prompt_shows_documents_or_none(name, shown):
    assert shows_documents(template(name)) == shown


def accepts(method, **prompts):
    try:
        registry.find("reader", method)(model(lambda *_: ""), **prompts)
    except RankifyError:
        return False
    return True


@pytest.mark.parametrize("method", FITTING)
def test_a_method_takes_the_prompts_that_show_and_are_read_as_its_own(method):
    assert [name for name in names() if accepts(method, prompt=name)] == FITTING[method]


def test_every_method_with_a_prompt_is_looked_at():
    own = {name for name in registry.names("reader") if hasattr(registry.find("reader", name), "make")}
    assert own - {*FITTING} == {"sure"}


def test_the_prompt_of_a_last_answer_shows_documents_too():
    assert [name for name in names() if accepts("ircot", reads=name)] == OF_DOCUMENTS


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            "basic:x?prompt=zero-shot",
            "prompt='zero-shot' of 'basic' shows no documents; use basic, cite or in-context-",
        ),
        ("zero-shot:x?prompt=basic", "prompt='basic' of 'zero-shot' shows documents; use zero-shot"),
        (
            "basic:x?prompt=rankgpt",
            "prompt='rankgpt' of 'basic' asks for another kind of reply (permutation, not answer",
        ),
        ("chain-of-thought:x?prompt=basic", "reply (answer, not marked); use chain-of-thought"),
        ("basic:x?prompt=fid", "prompt='fid' of 'basic' is of parts that an encoder reads apart; use basic,"),
        ("fid:x?prompt=basic", "prompt='basic' of 'fid' is not of parts that an encoder reads apart; use fid"),
        ("ircot:x?prompt=basic", "prompt='basic' of 'ircot' does not show thoughts; use ircot"),
        ("basic:x?prompt=flare", "prompt='flare' of 'basic' also shows so_far; use basic,"),
        ("ircot:x?reads=zero-shot", "reads='zero-shot' of 'ircot' shows no documents; use basic, cite or"),
    ],
)
def test_another_prompt_is_refused_before_a_model_is_loaded(spec, said):
    with pytest.raises(Misuse) as refused:
        rankify.reader(spec)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_name_that_no_prompt_has_is_told_with_those_near():
    with pytest.raises(UnknownName, match="did you mean 'basic'"):
        rankify.reader("ircot:x?reads=basik")
