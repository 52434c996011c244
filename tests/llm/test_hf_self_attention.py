"""What decoder-only models look at: equal to the whole attention of transformers, in few passes, counted."""

import numpy as np
import pytest
import torch
import transformers

from rankify.errors import BadInput
from rankify.llm.hf import HF
from rankify.llm.hf_self_attention import layers_of
from rankify.llm.protocol import Message, Prompt
from tests import tiny_llm
from tests.llm import test_hf_families as families

WORDS = [
    "neural", "networks", "rank", "documents", "the", "cat", "a", "dog", "jumps", "over", "lazy", "fox", "what", "is",
    "quick", "brown", "query",
]  # fmt: skip
LATE = "Find what is relevant."
FAMILIES = ["llama", "mistral", "qwen2", "qwen3", "gemma2"]
OTHERS = ["GPT2", "GPTNeoX", "Phi3", "Olmo2", "Cohere", "Granite", "Gemma3Text"]


def prompt(query, sizes, *, separator="\n\n", messages=True, seed=0):
    """Documents of so many words one below the other, and a query behind them."""
    documents = [" ".join(WORDS[(seed + 3 * n + i) % len(WORDS)] for i in range(size)) for n, size in enumerate(sizes)]
    text, spans = "Here are texts:", []
    for number, document in enumerate(documents):
        text += separator
        spans.append((len(text), len(text) + len(f"[{number + 1}] {document}")))
        text += f"[{number + 1}] {document}"
    text += f"{separator}{LATE}{separator}Query: {query}"
    if messages:
        return Prompt(messages=(Message("user", text),), spans=tuple(spans))
    return Prompt(text=text, spans=tuple(spans))


class Whole:
    """The whole attention of one prompt at a time, as transformers gives it: no cache, no batch, no padding."""

    def __init__(self, folder):
        self.plain = tiny_llm.Plain(folder)
        self.plain.network.set_attn_implementation("eager")

    def read(self, prompt):
        """The text with its format, the characters of each token, and the weights, shape (layers, heads, n, n)."""
        text = prompt.text
        if prompt.messages:
            turns = [{"role": m.role, "content": m.content} for m in prompt.messages]
            text = self.plain.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        found = self.plain.tokenizer(text, add_special_tokens=not prompt.messages, return_offsets_mapping=True)
        with torch.no_grad():
            output = self.plain.network(torch.tensor([found.input_ids]), output_attentions=True)
        return text, found.offset_mapping, torch.cat(output.attentions).double()

    def looks(self, prompt, *, last=False):
        text, offsets, weights = self.read(prompt)
        start = next(i for i, (_, end) in enumerate(offsets) if end > text.index(LATE))
        rows = weights[:, :, -1 if last else start :].mean(2).sum((0, 1))
        before = text.index("Here are texts:")
        return [
            [float(rows[i]) for i, (a, b) in enumerate(offsets) if a < end + before and b > begin + before and b > a]
            for begin, end in prompt.spans
        ]

    def tail(self, prompt):
        """How many tokens stand behind the documents, from the first that is not blank."""
        text, offsets, _ = self.read(prompt)
        return sum(end > text.index(LATE) for _, end in offsets)


def same(found, right):
    assert [[len(document) for document in one] for one in found] == [[len(d) for d in one] for one in right]
    for one, other in zip(found, right, strict=True):
        for document, wanted in zip(one, other, strict=True):
            assert np.allclose(document, wanted, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request, tmp_path_factory):
    return getattr(tiny_llm, request.param)(tmp_path_factory.mktemp(request.param))


PROMPTS = [
    prompt("N/A", [12, 1, 30, 5]),
    prompt("what is a lazy dog", [12, 1, 30, 5]),
    prompt("cats", [8, 9], seed=5),
    prompt("N/A", [8, 9], seed=5),
    prompt("the fox " * 10, [40], seed=2),
    prompt("a", [12, 1, 30, 5]),
]


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("share", [False, True])
def test_attention_is_that_of_the_whole_prompt(folder, share, last):
    whole = Whole(folder)
    found = HF(folder, device="cpu", share_prefix=share).attend(PROMPTS, last=last)
    same([reply.value for reply in found], [whole.looks(p, last=last) for p in PROMPTS])


@pytest.mark.parametrize("share", [False, True])
def test_a_prompt_gets_the_same_alone_as_in_company(folder, share):
    hf = HF(folder, device="cpu", share_prefix=share, batch_tokens=4096)
    together = [reply.value for reply in hf.attend(PROMPTS)]
    same(together, [hf.attend([p])[0].value for p in PROMPTS])


@pytest.mark.parametrize("separator", ["\n\n", " \n\n"])
def test_texts_without_turns_and_other_separators_are_looked_at(folder, separator):
    prompts = [prompt(query, [6, 20], separator=separator, messages=False) for query in ("N/A", "what is a cat?")]
    whole = Whole(folder)
    same([r.value for r in HF(folder, device="cpu").attend(prompts)], [whole.looks(p) for p in prompts])


@pytest.mark.parametrize("family", OTHERS)
def test_other_families_too(family, tmp_path):
    folder = families.made(family, tmp_path)
    prompts = [prompt(query, [6, 20, 3], messages=False) for query in ("N/A", "what is a cat?")]
    whole = Whole(folder)
    same([r.value for r in HF(folder, device="cpu").attend(prompts)], [whole.looks(p) for p in prompts])


def test_prompts_with_the_same_documents_take_two_passes_and_each_token_is_counted_once(folder):
    hf, whole = HF(folder, device="cpu"), Whole(folder)
    pair = [prompt(query, [30, 40, 20, 35]) for query in ("N/A", "what is a lazy dog")]
    first, second = hf.attend(pair)
    assert hf.passes == 2
    lengths = hf.prompt_tokens(pair)
    assert first.prompt_tokens == lengths[0]
    assert second.prompt_tokens == whole.tail(pair[1]) < lengths[1] / 4


def test_every_query_takes_two_passes(folder):
    hf = HF(folder, device="cpu")
    prompts = [prompt(query, [20, 30], seed=n) for n in range(4) for query in ("N/A", f"query {n}")]
    hf.attend(prompts)
    assert hf.passes == 8


def test_without_shared_beginnings_every_prompt_is_read_whole(folder):
    hf = HF(folder, device="cpu", share_prefix=False)
    pair = [prompt(query, [30, 40]) for query in ("N/A", "what is a lazy dog")]
    assert [reply.prompt_tokens for reply in hf.attend(pair)] == hf.prompt_tokens(pair)
    assert hf.passes == 4


def test_what_is_read_in_the_passes_is_the_documents_once_and_what_stands_behind_them(folder, monkeypatch):
    hf = HF(folder, device="cpu")
    pair = [prompt(query, [30, 40]) for query in ("N/A", "what is a lazy dog")]
    read, forward = [], hf._network.forward

    def counting(ids, mask, *more):
        read.append(tuple(ids.shape))
        return forward(ids, mask, *more)

    monkeypatch.setattr(hf._network, "forward", counting)
    replies = hf.attend(pair)
    whole = Whole(folder)
    tails = [whole.tail(p) for p in pair]
    assert read == [(1, hf.prompt_tokens(pair)[0] - tails[0]), (2, max(tails))]
    assert sum(reply.prompt_tokens for reply in replies) == read[0][1] + sum(tails)


def test_only_the_second_pass_knows_its_weights_and_layers_are_held_one_at_a_time(folder, monkeypatch):
    hf = HF(folder, device="cpu")
    usual, kinds = hf.checkpoint.network.config._attn_implementation, []
    forward = hf._network.forward

    def watching(*given):
        kinds.append(hf._network.body.config._attn_implementation)
        output = forward(*given)
        assert output.attentions is None
        return output

    monkeypatch.setattr(hf._network, "forward", watching)
    hf.attend([prompt("cats", [20, 30])])
    capped = getattr(hf.checkpoint.network.config, "attn_logit_softcapping", None)  # which other kinds leave out
    assert kinds == ["eager" if capped else usual, "eager"]
    assert hf.checkpoint.network.config._attn_implementation == usual
    assert not any(module._forward_hooks for module in hf._network.body.modules())


def test_the_implementation_is_restored_when_a_pass_fails(folder, monkeypatch):
    hf = HF(folder, device="cpu")
    usual = hf.checkpoint.network.config._attn_implementation
    passed = hf._network.passed

    def failing(rows, beginning, *, remember):
        if beginning.length:
            raise RuntimeError("broken")
        return passed(rows, beginning, remember=remember)

    monkeypatch.setattr(hf._network, "passed", failing)
    with pytest.raises(RuntimeError, match="broken"):
        hf.attend([prompt("cats", [20, 30])])
    assert hf.checkpoint.network.config._attn_implementation == usual
    assert not any(module._forward_hooks for module in hf._network.body.modules())


def test_writing_and_choosing_are_as_before_behind_a_look(folder):
    hf, other = HF(folder, device="cpu"), HF(folder, device="cpu")
    hf.attend(PROMPTS)
    asked = [Prompt(text="Query: the quick brown fox jumps"), Prompt(text="the cat")]
    assert hf.generate(asked, max_tokens=4) == other.generate(asked, max_tokens=4)
    assert hf.choose(asked, [["A", "B"]] * 2) == other.choose(asked, [["A", "B"]] * 2)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_summed_in_full(dtype, tmp_path):
    """Sums over layers and heads are as near as single weights are: their errors do not grow."""
    folder = tiny_llm.llama(tmp_path, num_hidden_layers=6)
    found = HF(folder, device="cpu", dtype=dtype).attend(PROMPTS[:2])
    whole = Whole(folder)
    for reply, wanted in zip(found, map(whole.looks, PROMPTS[:2]), strict=True):
        got, right = np.concatenate(reply.value), np.concatenate(wanted)
        assert np.corrcoef(got, right)[0, 1] > 0.99
        assert not np.array_equal(got, np.asarray(got, dtype=np.float16))


def test_more_tokens_than_a_batch_has_are_looked_at_two_prompts_at_a_time(folder):
    hf = HF(folder, device="cpu", batch_tokens=16)
    many = [prompt(query, [20, 30]) for query in ("N/A", "cats", "what is a dog", "fox")]
    same([r.value for r in hf.attend(many)], [r.value for r in HF(folder, device="cpu").attend(many)])
    assert hf.passes == 1 + 2


def test_memory_that_runs_out_halves_what_stands_behind_the_documents(folder, monkeypatch):
    hf, right = HF(folder, device="cpu"), HF(folder, device="cpu").attend(PROMPTS[:2])
    passed = hf._network.passed

    def limited(rows, beginning, *, remember):
        if beginning.length and len(rows) > 1:
            raise RuntimeError("CUDA out of memory")
        return passed(rows, beginning, remember=remember)

    monkeypatch.setattr(hf._network, "passed", limited)
    found = hf.attend(PROMPTS[:2])
    same([r.value for r in found], [r.value for r in right])
    assert [r.prompt_tokens for r in found] == [r.prompt_tokens for r in right]
    assert hf.passes == 3


def test_a_window_that_slides_shows_no_layer_the_documents_before_it(tmp_path):
    folder = tiny_llm.mistral(tmp_path, sliding_window=8, num_hidden_layers=1)
    [reply] = HF(folder, device="cpu").attend([prompt("what is a lazy dog", [30, 30])])
    assert set(reply.value[0]) == {0.0}


def test_documents_without_text_get_what_their_label_gets(folder):
    whole, asked = Whole(folder), prompt("cats", [0, 5, 0])
    found = HF(folder, device="cpu").attend([asked])
    same([r.value for r in found], [whole.looks(asked)])


def test_a_span_that_holds_nothing_gets_nothing(folder):
    asked = Prompt(text="a cat and a dog", spans=((0, 5), (5, 5)))
    assert HF(folder, device="cpu").attend([asked])[0].value[1] == ()


@pytest.mark.parametrize("text", ["the cat", "the cat \n\n"])
def test_where_nothing_stands_behind_the_documents_nothing_looks(folder, text):
    with pytest.raises(BadInput, match="no text behind its documents"):
        HF(folder, device="cpu").attend([Prompt(text=text, spans=((0, 7),))])


def test_a_prompt_without_documents_is_refused(folder):
    with pytest.raises(BadInput, match="where its documents stand"):
        HF(folder, device="cpu").attend([Prompt(text="the cat")])


def test_a_prompt_longer_than_the_model_is_refused(folder):
    with pytest.raises(BadInput, match="reads 64 at most"):
        HF(folder, device="cpu", max_length=64).attend([prompt("cats", [80])])


def test_no_prompts_are_no_replies(folder):
    assert HF(folder, device="cpu").attend([]) == []


@pytest.mark.parametrize(
    ("family", "why"),
    [
        ("FalconH1", "it keeps more of what it has read than keys and values"),
        ("Bloom", "transformers does not tell the attention weights of all its layers"),
    ],
)
def test_a_model_that_cannot_tell_what_it_looks_at_says_why(family, why, tmp_path):
    hf = HF(families.made(family, tmp_path), device="cpu")
    assert "attend" not in hf.offers
    with pytest.raises(BadInput, match=f"cannot attend: {why}"):
        hf.attend([prompt("cats", [5], messages=False)])


def test_capped_attention_is_capped_in_both_passes(tmp_path):
    folder = tiny_llm.gemma2(tmp_path, attn_logit_softcapping=0.2)
    whole = Whole(folder)
    same([r.value for r in HF(folder, device="cpu").attend(PROMPTS)], [whole.looks(p) for p in PROMPTS])


def test_a_layer_that_hides_its_weights_is_an_error(folder, monkeypatch):
    hf = HF(folder, device="cpu")
    monkeypatch.setattr("rankify.llm.hf_self_attention.attentions", lambda body: _attentions(body)[1:])
    with pytest.raises(BadInput, match=f"{layers_of(hf._network.body) - 1} of {layers_of(hf._network.body)} layers"):
        hf.attend([prompt("cats", [5])])


def _attentions(body):
    return [m for name, m in body.named_modules() if name.endswith("self_attn")]


def test_the_order_of_prompts_does_not_matter(folder):
    hf = HF(folder, device="cpu")
    forward, backward = hf.attend(PROMPTS), hf.attend(PROMPTS[::-1])
    same([r.value for r in forward], [r.value for r in backward[::-1]])
    assert sum(r.prompt_tokens for r in forward) == sum(r.prompt_tokens for r in backward)


def test_weights_of_a_token_never_exceed_one_a_head(folder):
    config = transformers.AutoConfig.from_pretrained(folder)
    most = config.num_hidden_layers * config.num_attention_heads
    for reply in HF(folder, device="cpu").attend(PROMPTS):
        assert 0 < sum(map(sum, reply.value)) < most
