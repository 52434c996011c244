"""How prompts reach a transformers model: chat templates, system turns, the first token."""

import pytest

from rankify.errors import BadInput, UnknownName
from rankify.llm.hf_format import Format, markup
from rankify.llm.protocol import Message, Prompt
from tests import tiny_llm

ASKED = Prompt(messages=(Message("system", "Be brief."), Message("user", "Rank."), Message("assistant", "Yes?")))
TWO = Prompt(messages=ASKED.messages[:2])
BOS = 1


@pytest.fixture(scope="module")
def llama():
    return tiny_llm.sentencepiece()


@pytest.fixture(scope="module")
def mistral():
    return tiny_llm.sentencepiece(chat=tiny_llm.MISTRAL_CHAT)


@pytest.fixture(scope="module")
def qwen():
    return tiny_llm.byte_level()


def test_a_conversation_has_the_form_of_the_chat_template(qwen):
    right = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nRank.<|im_end|>\n<|im_start|>assistant\n"
    assert Format(qwen).text(TWO) == right


@pytest.mark.parametrize("chat", [tiny_llm.MISTRAL_CHAT, tiny_llm.DEAF_CHAT], ids=["raises", "ignores"])
def test_a_template_without_a_system_turn_has_it_before_what_the_user_says(chat):
    tokenizer = tiny_llm.sentencepiece(chat=chat)
    assert "Be brief.\n Rank." in Format(tokenizer).text(TWO)


def test_a_system_turn_alone_becomes_what_the_user_says(mistral):
    only = Prompt(messages=(Message("system", "Be brief."),))
    assert Format(mistral).text(only) == "<s>[INST] Be brief.\n  [/INST]"


def test_a_template_with_a_system_turn_keeps_it_apart(llama):
    assert Format(llama).text(TWO) == "<s><<SYS>>Be brief.<</SYS>> [INST] Rank. [/INST]"


def test_turns_that_the_template_refuses_are_an_error_that_names_them(mistral):
    twice = Prompt(messages=(Message("user", "a"), Message("user", "b")))
    with pytest.raises(BadInput, match="refuses the turns user, user: roles must alternate"):
        Format(mistral).text(twice)


def test_without_a_chat_template_the_contents_are_read_line_by_line():
    assert Format(tiny_llm.sentencepiece(chat=None)).text(ASKED) == "Be brief.\nRank.\nYes?"


def test_a_text_is_read_as_it_stands(qwen):
    assert Format(qwen).text(Prompt(text="Rank.")) == "Rank."


def test_a_template_of_ones_own_takes_the_place_of_the_models(llama):
    vicuna = Format(llama, template="{system} USER: {user} ASSISTANT:")
    assert vicuna.text(TWO) == "Be brief. USER: Rank. ASSISTANT:"


def test_a_template_without_a_place_for_the_system_has_it_before_what_the_user_says(llama):
    assert Format(llama, template="[INST] {user} [/INST]").text(TWO) == "[INST] Be brief.\n Rank. [/INST]"


def test_braces_in_a_document_are_no_places_of_a_template(llama):
    prompt = Prompt(messages=(Message("system", "{user}"), Message("user", "{system} {0} {")))
    assert Format(llama, template="{system} USER: {user}").text(prompt) == "{user} USER: {system} {0} {"


def test_a_template_without_a_place_for_the_user_is_refused(llama):
    with pytest.raises(BadInput, match="no place for the prompt"):
        Format(llama, template="{system} ASSISTANT:")


def test_a_prefill_stands_behind_the_template_and_is_tokenized_with_it(llama):
    [row] = Format(llama).decoder_only([Prompt(messages=TWO.messages, prefill=" [")])
    assert row == llama("<s><<SYS>>Be brief.<</SYS>> [INST] Rank. [/INST] [", add_special_tokens=False).input_ids


@pytest.mark.parametrize(
    ("bos", "chat", "text"),
    [("once", [BOS], [BOS]), ("doubled", [BOS, BOS], [BOS]), ("written", [BOS], [])],
)
def test_the_first_token_stands_there_as_often_as_it_should(llama, bos, chat, text):
    rows = Format(llama, bos=bos).decoder_only([TWO, Prompt(text="Rank.")])
    assert [[token for token in row if token == BOS] for row in rows] == [chat, text]


def test_a_text_that_begins_with_the_first_token_has_it_once(llama):
    [row] = Format(llama).decoder_only([Prompt(text="<s>Rank.")])
    assert row.count(BOS) == 1


def test_a_tokenizer_without_a_first_token_gets_none(qwen):
    [row] = Format(qwen).decoder_only([Prompt(text="Rank.")])
    assert row == qwen("Rank.").input_ids


def test_a_bos_that_there_is_not_is_refused(llama):
    with pytest.raises(UnknownName, match="no bos 'twice'"):
        Format(llama, bos="twice")


@pytest.mark.parametrize(("thinking", "thought"), [(None, False), (True, False), (False, True)])
def test_a_template_that_knows_thinking_is_told(qwen, thinking, thought):
    text = Format(qwen, thinking=thinking).text(TWO)
    assert text.endswith("<think>\n\n</think>\n\n") is thought


def test_an_encoder_reads_the_tokens_around_a_text_too():
    tokenizer = tiny_llm.unigram()
    [row] = Format(tokenizer).encoder([Prompt(text="the cat", prefill="Passage")])
    assert tokenizer.convert_ids_to_tokens(row) == ["▁the", "▁cat", "</s>"]


@pytest.mark.parametrize(
    ("make", "marks"),
    [
        (tiny_llm.sentencepiece, {"<s>", "</s>", "<unk>"}),
        (tiny_llm.byte_level, {"<|im_start|>", "<|im_end|>", "<|endoftext|>"}),
    ],
)
def test_markup_is_every_special_token(make, marks):
    assert set(markup(make())) == marks


def test_tokens_added_in_angle_brackets_are_markup_and_others_are_not():
    tokenizer = tiny_llm.byte_level()
    tokenizer.add_tokens(["<think>", "  ", "retrieval"])
    assert {"<think>"} == {"<think>", "  ", "retrieval"} & set(markup(tokenizer))
