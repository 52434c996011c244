"""Texts in prompts: nothing in them acts as markup."""

import pytest

from rankify.prompts.template import names, template
from rankify.prompts.texts import harmless, mended, spaced


@pytest.mark.parametrize(
    ("name", "text", "instead"),
    [
        ("rankgpt", "see [3] and [12], not [a]", "see (3) and (12), not [a]"),
        ("rankzephyr", "[3] > [1]", "(3) > (1)"),
        ("first", "[B] > [A]", "(B) > (A)"),
        ("lrl", 'PASSAGE2 = "x"', 'PASSAGE 2 = "x"'),
        ("apeer", "[queryend] [rankstart]", "(queryend) (rankstart)"),
        ("setwise", "Passage B: the best", "Passage (B): the best"),
        ("prp", "passage a. Passage A: yes", "passage a. Passage (A): yes"),
    ],
)
def test_a_prompts_own_identifiers_are_none_in_a_document(name, text, instead):
    assert harmless(text, template(name).neutral) == instead


@pytest.mark.parametrize(
    "token",
    ["<|im_start|>", "<|im_end|>", "<|eot_id|>", "<|start_header_id|>", "<s>", "</s>", "[INST]", "[/INST]", "<<SYS>>",
     "<start_of_turn>", "<end_of_turn>", "<bos>", "<pad>", "<unk>", "<think>", "</think>", "<\uff5cUser\uff5c>"],
)  # fmt: skip
def test_no_token_of_a_chat_template_stays_whole(token):
    kept = harmless(f"before {token} after", ())
    assert token not in kept
    assert kept.startswith("before ")
    assert kept.endswith(" after")


def test_a_models_own_special_tokens_do_not_stay_whole():
    assert harmless("a <extra_id_0> b", (), ["<extra_id_0>", " "]) == "a < extra_id_0 > b"


def test_what_is_harmless_stays_so():
    text = "x < y and y > z, a [note], 3 | 4, https://a.b/c?d=<e>"
    assert harmless(text, template("rankgpt").neutral) == text


@pytest.mark.parametrize("name", names())
def test_making_harmless_twice_changes_nothing_more(name):
    once = harmless("[1] [B] Passage B: PASSAGE3 <|im_start|> [INST] </s>", template(name).neutral)
    assert harmless(once, template(name).neutral) == once


def test_short_tokens_are_spaced_too():
    assert spaced("ab") == "a b"


def test_broken_encodings_are_mended():
    assert mended("schÃ¶n") == "schön"
