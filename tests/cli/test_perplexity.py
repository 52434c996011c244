"""`rankify perplexity`: what it prints and writes, and what it refuses before a model is read."""

import json

import pytest

from rankify.rag.language_modelling import perplexity
from tests import tiny_llm

TEXT = "the quick brown fox jumps over the lazy dog and parses a date from a string " * 2
SMALL = ("--window", "48", "--document-tokens", "16", "--step", "8")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return f"hf:{tiny_llm.llama(tmp_path_factory.mktemp('llama'))}?device=cpu"


@pytest.fixture
def text(tmp_path):
    (tmp_path / "text.txt").write_text(TEXT, "utf-8")
    return tmp_path / "text.txt"


def test_it_tells_what_the_call_tells(rankify, model, text):
    code, out, err = rankify("perplexity", model, text, *SMALL, "--json")
    assert code == 0, err
    found, right = json.loads(out), perplexity(model, TEXT, step=8, window=48)
    assert (found["per_word"], found["per_token"], found["loss"]) == (right.per_word, right.per_token, right.loss)
    assert (found["words"], found["tokens"], found["steps"]) == (right.words, right.tokens, len(right.steps))
    assert (found["counts"], found["search"], found["choice"]) == ({}, None, None)


def test_documents_of_a_collection_stand_in_the_window_and_each_step_is_written(
    rankify, model, text, collection, tmp_path
):
    code, out, err = rankify(
        "perplexity", model, text, "--search", "bm25", "--data", collection, "--choice", "logprob", *SMALL,
        "-o", "steps.jsonl",
    )  # fmt: skip
    assert code == 0, err
    assert "per word" in out
    assert " searches" in out
    steps = [json.loads(line) for line in (tmp_path / "steps.jsonl").read_text("utf-8").splitlines()]
    assert steps[0]["start"] == 1
    assert [step["end"] for step in steps[:-1]] == [step["start"] for step in steps[1:]]
    assert {"a b", "дом"} & {step["document"] for step in steps}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--search", "bm25"), "documents take both"),
        (("--data", "pydoc"), "documents take both"),
        (("--search", "bm25 >> extractive", "--data", "pydoc"), "ends in a reader"),
        (("--choice", "frist"), "did you mean 'first'"),
        (("--step", "0"), "step=0"),
        (("--seed", "1"), "--seed 1 is of random choices; give --choice random"),
        (("--seed", "1", "--choice", "oracle", "--search", "bm25", "--data", "pydoc"), "--seed 1 is of random choices"),
        (("--seed", "-1", "--choice", "random", "--search", "bm25", "--data", "pydoc"), "seed=-1"),
        (("-o", "."), "it is a folder"),
    ],
)
def test_what_does_not_go_together_leaves_with_2(rankify, model, text, words, message):
    code, _, err = rankify("perplexity", model, text, *words)
    assert code == 2
    assert message in err


@pytest.mark.parametrize(
    ("content", "message"), [(None, "no file"), (b"\xff\xfe\xff", "not UTF-8"), (b"one", "is too short")]
)
def test_a_file_that_is_no_text_is_said_to_be_none(rankify, model, tmp_path, content, message):
    if content is not None:
        (tmp_path / "odd").write_bytes(content)
    code, _, err = rankify("perplexity", model, tmp_path / "odd")
    assert code != 0
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_a_choice_without_documents_is_refused(rankify, text):
    code, _, err = rankify("perplexity", "hf:none", text, "--choice", "oracle")
    assert (code, err) == (
        2, "rankify: --choice oracle is among documents; say with --search and --data how and where they are found\n",
    )  # fmt: skip


def test_a_random_choice_is_that_of_its_seed(rankify, model, text, collection, tmp_path):
    def documents(*words):
        random = ("--search", "bm25", "--data", collection, "--choice", "random")
        code, _, err = rankify("perplexity", model, text, *random, *SMALL, *words, "-o", "steps.jsonl")
        assert code == 0, err
        return [json.loads(line)["document"] for line in (tmp_path / "steps.jsonl").read_text("utf-8").splitlines()]

    assert documents() == documents("--seed", "0")
    several = [documents("--seed", seed) for seed in range(6)]
    assert several == [documents("--seed", seed) for seed in range(6)]
    assert len({*map(tuple, several)}) > 1


def test_a_perplexity_beyond_the_largest_number_is_null_with_a_reason(rankify, model, tmp_path):
    (tmp_path / "long.txt").write_text("a " + "the,quick,brown,fox" * 60, "utf-8")
    words = ("perplexity", model, tmp_path / "long.txt", *SMALL)
    _, out, _ = rankify(*words, "--json")
    found = json.loads(out, parse_constant=pytest.fail)
    assert found["per_word"] is None
    assert found["reasons"]["per_word"].startswith("e to the power of ")
    assert (found["per_token"] > 1, found["loss"] > 710) == (True, True)
    _, out, _ = rankify(*words)
    assert "beyond the largest number" in out
    assert "inf" not in out
