"""Metadata that says nothing, contradicts itself, or is no text to YAML: one line with file, key and the way out."""

import re

import pytest

from rankify.errors import RankifyError
from rankify.experiment.submission.metadata import fields, read
from tests.experiment.submission.conftest import METADATA

LIST = "is not a list of texts, each a collection, or of none or unknown alone, e.g. ['msmarco', 'nq']"
DIGITS = "write a number in digits, without an exponent or a 0 in front, and not in quotes"
TEXT = "is not a text, e.g. 'c9745ed1d9f207416be6d2e6f8de32d1f16199bf'"
WRONG = [
    ("revision: abc123", "revision: 2024-13-45", f"revision: 2024-13-45 {TEXT}; put it in quotes"),
    ("revision: abc123", "revision: 1234567", f"revision: 1234567 {TEXT}; put it in quotes"),
    ("revision: abc123", "revision: [a]", f"revision: ['a'] {TEXT}"),
    ("1000", "9" * 5001, "parameters: 99999999999999999999999"),
    ("1000", "0x_", "parameters: 0x_ is not a whole number from 0 up, or unknown"),
    ("latency: 1.5", "latency: 1:30", "latency: 1:30 is not a number above 0, e.g. 12.5"),
    ("latency: 1.5", "latency: 1:30.5", "latency: 1:30.5 is not a number above 0, e.g. 12.5"),
    ("1000", "1:30", "parameters: 1:30 is not a whole number"),
    ("[none]", "['']", f"training_data: [''] {LIST}"),
    ("[none]", "['  ', x]", f"training_data: ['  ', 'x'] {LIST}"),
    ("[none]", "[none, msmarco]", f"training_data: ['none', 'msmarco'] {LIST}"),
    ("[none]", "[Unknown, msmarco]", f"training_data: ['Unknown', 'msmarco'] {LIST}"),
    ("[none]", "[none, unknown]", f"training_data: ['none', 'unknown'] {LIST}"),
    ("[none]", "[None]", f"training_data: ['None'] {LIST}"),
    ("1.5", "1.5\npaper: https://", "paper: 'https://' is not the address of a page, e.g. 'https://arxiv.org/abs/1908.10084'"),
    ("1.5", "1.5\npaper: https://x", "paper: 'https://x' is not the address of a page"),
    ("1.5", "1.5\ncode: https://a b.org", "code: 'https://a b.org' is not the address of a page"),
    ("[none]", "[msmarco, nq]\nzero_shot: true", "zero_shot: true, and 'nq' in training_data is of BEIR; write false"),
    ("[none]", "[beir/scifact/train]\nzero_shot: true", "zero_shot: true, and 'beir/scifact/train' in training_data"),
    ("[none]", "[CQADupStack]\nzero_shot: true", "zero_shot: true, and 'CQADupStack' in training_data is of BEIR"),
    *(
        ("[none]", f"[msmarco, {seen}]\nzero_shot: true", f"zero_shot: true, and '{seen}' in training_data is of BEIR;")
        for seen in (
            "BEIR", "beir-14", "BEIR 18", "BeIR/nq", "mteb/nq", "mteb/HotpotQA", "hotpot_qa", "Natural Questions",
            "NaturalQuestions", "TREC COVID", "Touché-2020", "SciFact (train)", "fever train", "beir/cqadupstack/gis",
        )
    ),
    *(
        (old, f"{key}: {number}", f"{key}: {number} is not a {words}, e.g. {example}; {DIGITS}")
        for old, key, words, example, numbers in (
            ("parameters: 1000", "parameters", "whole number from 0 up, or unknown", 22713216,
             ["0110000000", "0x10", "0b11", "010", "-010"]),
            ("latency: 1.5", "latency", "number above 0", 12.5, ["0x10", "010", "0b11"]),
        )
        for number in numbers
    ),
    ("1.5", "1e3", "latency: '1e3' is not a number above 0, e.g. 12.5; write a number in digits, without an exponent"),
    ("1.5", "'12.5'", "latency: '12.5' is not a number above 0, e.g. 12.5; write a number in digits"),
    ("abc123", "0x1f", f"revision: 0x1f {TEXT}; put it in quotes"),
    ("abc123", "001", f"revision: 001 {TEXT}; put it in quotes"),
    ("abc123", "1.10", f"revision: 1.10 {TEXT}; put it in quotes"),
    ("abc123", "1_000", f"revision: 1_000 {TEXT}; put it in quotes"),
    ("abc123", "yes", f"revision: yes {TEXT}; put it in quotes"),
    ("abc123", r'"a\0b"', r"revision: 'a\x00b' has a character that no text has; leave it out"),
    ("abc123", r'"a\ud800"', r"revision: 'a\ud800' has a character that no text has; leave it out"),
    ("[none]", r'["nq", "a\u001b"]', r"training_data: ['nq', 'a\x1b'] has a character that no text has; leave it out"),
    ("[none]", "[unknown]\nzero_shot: true", "zero_shot: true, and training_data is unknown; leave it out"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), WRONG, ids=[m[:40] for _, _, m in WRONG])
def test_metadata_that_says_nothing_is_one_line(said, old, new, message):
    said.write_text(METADATA.replace(old, new), "utf-8")
    with pytest.raises(RankifyError, match=re.escape(f"meta.yaml: {message}")) as refused:
        read(said)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("old", "new", "key", "value"),
    [
        ("abc123", "'1234567'", "revision", "1234567"),
        ("abc123", "'2024-13-45'", "revision", "2024-13-45"),
        ("[none]", "[msmarco]\nzero_shot: true", "zero_shot", True),
        ("[none]", "[none]\nzero_shot: true", "zero_shot", True),
        ("[none]", "[nq]\nzero_shot: false", "zero_shot", False),
        ("1.5", "1.5\npaper: https://arxiv.org/abs/1908.10084", "paper", "https://arxiv.org/abs/1908.10084"),
        ("1.5", "1_000", "latency", 1000),
        ("1000", "0", "parameters", 0),
        ("1000", "110000000", "parameters", 110_000_000),
        ("1.5", "0.25", "latency", 0.25),
        ("abc123", "Größe 1\\u0301", "revision", "Größe 1\\u0301"),
        ("[none]", "[msmarco, mine/scientific, nqx]\nzero_shot: true", "zero_shot", True),
        ("[none]", "[BeIR/msmarco, MS MARCO (train)]\nzero_shot: true", "zero_shot", True),
    ],
)
def test_metadata_that_says_something_is_read(said, old, new, key, value):
    said.write_text(METADATA.replace(old, new), "utf-8")
    assert read(said)[key] == value


def test_the_examples_do_not_contradict_each_other(tmp_path):
    examples = {name: field["example"] for name, field in fields().items()}
    assert (examples["training_data"], examples["zero_shot"]) == (["msmarco", "nq"], False)
