"""Texts in prompts: nothing in them acts as markup."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from rankify.prompts.spans import located
from rankify.prompts.template import names, template
from rankify.prompts.texts import MARKUP, first_words, harmless, mended, plain, spaced
from rankify.rerank.llm.judges import replies

MODELS = yaml.safe_load((Path(__file__).parent / "special_tokens.yaml").read_text("utf-8"))
TOKENS = sorted({token for tokens in MODELS.values() for token in tokens.split()})
IDENTIFIERS = [
    "[3]", "[ 3 ]", "[12 ]", "[\uff13]", "\uff3b3\uff3d", "[\u2462]", "[\u246b]", "[\u00b3]", "[\u0663]",
    "\u30103\u3011", "[3\u20e3]", "[\u200b3]", "[B]", "[ B ]", "[\u24b7]", "\uff3bB\uff3d", "[note]", "[queryend]",
    "Passage B:", "PASSAGE  C :", "passage\na:", "Passage\u00a0\uff22\uff1a", "PASSAGE2", "PASSAGE 2", "passage2 =",
    "[RankStart]", "SORTED_PASSAGES", "USER:", "<Query>:", "Index: 3",
    "INDEX :\u2462", "Document 3:", "DOCUMENT  3 :",
]  # fmt: skip
PARTS = [
    *"<>[]|/ \n3B:=_ab",
    "<|",
    "|>",
    "<<",
    ">>",
    "[[",
    "]]",
    "\u200b",
    "\ue000",
    "im_start",
    "INST",
    "Passage",
    "SYS",
    "<b>",
]
PIECES = st.lists(st.one_of(*map(st.sampled_from, (TOKENS, IDENTIFIERS, PARTS))), max_size=12)
FORMS = {
    "[{number}]": r"\[\s*\d+\s*\]",
    "[{letter}]": r"\[\s*[A-Za-z]\s*\]",
    "Passage {letter}": r"(?i)passage\s+[A-Z]\s*:",
    "PASSAGE{number}": r"PASSAGE\s*\d|(?i:passage)(\d|\s+\d+\s*=)",
    "Document {number}": r"(?i)document\s*\d+\s*:",
    "Index: {number}": r"(?i)index\s*:\s*\d",
}
SPECIAL = st.sets(st.sampled_from(["ab", "<unique>", " _3", "[3", "  ", "\n", "<\uff5cx\uff5c>"]))


@pytest.mark.parametrize(
    ("name", "text", "instead"),
    [
        ("rankgpt", "see [3] and [12], not [a]", "see (3) and (12), not [a]"),
        ("rankzephyr", "[3] > [1]", "(3) > (1)"),
        ("first", "[B] > [A]", "(B) > (A)"),
        ("first", "[note] [[B]] [citation needed]", "(note) [(B)] [citation needed]"),
        ("first", "[ B ] [\u24b7] \uff3bB\uff3d", "(B) (\u24b7) (B)"),
        ("rankgpt", "[ 3 ] [3\n] [[3]] [12, 3]", "(3) (3) [(3)] [12, 3]"),
        (
            "rankgpt",
            "[\u2462] [\u246b] [\uff13] \uff3b3\uff3d \u30103\u3011 [\u200b3]",
            "(\u2462) (\u246b) (\uff13) (3) (3) (3)",
        ),
        ("lrl", 'PASSAGE2 = "x"', 'PASSAGE (2) = "x"'),
        ("lrl", "PASSAGE 2, passage2, passage 2 = x", "PASSAGE (2), passage (2), passage (2) = x"),
        ("lrl", "see passage 2 of the book", "see passage 2 of the book"),
        ("lrl", "SORTED_PASSAGES = [PASSAGE1]", "SORTED PASSAGES = [PASSAGE (1)]"),
        ("rankvicuna", "USER: hello ASSISTANT: the user: me", "(USER): hello (ASSISTANT): the user: me"),
        ("qwen3-reranker", "<Query>: x <query>", "(Query): x <query>"),
        ("apeer", "[queryend] [rankstart] [ RankEnd ]", "(queryend) (rankstart) (RankEnd)"),
        ("setwise", "Passage B: the best", "Passage (B): the best"),
        ("prp", "passage a. Passage A: yes", "passage a. Passage (A): yes"),
        ("prp", "PASSAGE B: Passage  B : passage b:", "PASSAGE (B): Passage  (B) : passage (b):"),
        ("prp", "Passage\nB: Passage \uff22\uff1a", "Passage\n(B): Passage (\uff22)\uff1a"),
        ("setwise", "the passage a user wants: two passages: x", "the passage a user wants: two passages: x"),
    ],
)
def test_a_prompts_own_identifiers_are_none_in_a_document(name, text, instead):
    assert harmless(text, template(name).neutral) == instead


@pytest.mark.parametrize("token", TOKENS)
def test_no_token_of_a_chat_template_stays_whole(token):
    kept = harmless(f"before {token} after", ())
    assert token not in kept
    assert kept.startswith("before ")
    assert kept.endswith(" after")


def test_a_models_own_special_tokens_do_not_stay_whole():
    assert harmless("a <extra_id_0> b", (), ["<extra_id_0>", " "]) == "a < extra_id_0 > b"


@pytest.mark.parametrize(
    "text",
    [
        "x < y and y > z, a [note], 3 | 4, https://a.b/c?d=<e>",
        "<b>bold</b> <a href='x_y'> <https://x.y/a_b> <br/> <pre> <h1> <!-- a_b -->",
        "[citation needed] [1, 2] [12-14] a[i] x[my_index] char b[BUF_SIZE] [sic] [mask]",
        "if a << 3 and b >> 2: <me@x.org>, a <- b -> c, |x|, p(x|y), 5 <6, <3, Vec<_>, \u300c3\u300d",
        "<|im_\u200bstart|> is none to a tokenizer, nor is <| im_start |>",
    ],
)
def test_what_is_harmless_stays_so(text):
    assert harmless(text, template("rankgpt").neutral) == text


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("<|im_<|im_start|>start|>", "<|im_< |im_start| >start|>"),
        ("<<s>s>", "<< s >s>"),
        ("<|a|><|b|>", "< |a| >< |b| >"),
        ("[e~[e~[e~[", "[ e~ [ e~ [ e~ ["),
        ("\uff1cs\uff1e", "\uff1c s \uff1e"),
    ],
)
def test_nothing_is_markup_only_once_other_markup_has_gone(text, instead):
    assert harmless(text, ()) == instead


@pytest.mark.parametrize("name", names())
@given(pieces=PIECES, special=SPECIAL, words=st.integers(0, 12))
def test_a_text_made_of_markup_has_none_in_the_end(name, pieces, special, words):
    neutral = template(name).neutral
    once = harmless("".join(pieces), neutral, special)
    assert harmless(once, neutral, special) == once
    for text in (once, once[: len(once) // 2], first_words(once, words)):  # as they are cut to size later on
        assert not [p for p in (MARKUP, *dict(neutral)) if p.search(plain(text))]
        assert not [token for token in (*TOKENS, *special) if token.strip() and token.strip() in text]


@pytest.mark.parametrize("name", [name for name in names() if template(name).identifier])
@given(PIECES)
@example(IDENTIFIERS)
def test_who_reads_replies_would_find_no_identifier_in_a_document(name, pieces):
    form = template(name)
    text = replies.plain(harmless("".join(pieces), form.neutral))
    assert not re.search(FORMS[form.identifier], text)


@pytest.mark.parametrize("token", ["  ", "\n", " x", "a b", "x  x", "aaa"])
def test_making_harmless_ends_whatever_a_special_token_is(token):
    assert harmless(f"1{token}{token}2", (), [token]).startswith("1")


def test_marks_of_spans_leave_nothing_that_is_markup():
    text = harmless("<\ue000s> [\ue0003] <|im_\ue001start|>", template("rankgpt").neutral)
    [prompt], _ = located([text])
    assert prompt == "< s> (3) <|im_ start|>"


def test_short_tokens_are_spaced_too():
    assert spaced("ab") == "a b"


def test_broken_encodings_are_mended():
    assert mended("schÃ¶n") == "schön"
