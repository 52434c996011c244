"""Fusion in the decoder over transformers models: parts read apart, and what the decoder looks at in them."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rankify.errors import BadInput
from rankify.llm import hf_encoder, hf_seq2seq
from rankify.llm.hf import HF
from rankify.llm.protocol import Prompt
from tests import tiny_llm
from tests.llm.test_hf_scores import words

QUESTION = "question: what is neural retrieval?"
MOST = 40  # tokens of a part
STEPS = 9


def about(seed, passages, *, length=30, question=QUESTION):
    """A prompt in parts; lengths differ, and some are cut. Documents stand behind the question."""
    sizes = np.random.default_rng(seed).integers(1, length, passages)
    parts = tuple(f"{question} context: {words(n, seed + n)}" for n in sizes)
    spans = tuple((len(question), len(part)) for part in parts)
    return Prompt(parts=parts, spans=spans, most=MOST)


PROMPTS = [about(seed, passages) for seed, passages in ((1, 4), (2, 1), (3, 7), (4, 2), (5, 3), (6, 3))]


@pytest.fixture(scope="module", params=["t5", "flan-t5"])
def folder(request, tmp_path_factory):
    """A model that often ends its replies early."""
    folder = tiny_llm.t5(tmp_path_factory.mktemp(request.param), tied=request.param == "t5")
    settings = json.loads((tmp_path_factory.getbasetemp() / folder / "generation_config.json").read_text())
    ends = [1, *range(20, 60)]
    (tmp_path_factory.getbasetemp() / folder / "generation_config.json").write_text(
        json.dumps({**settings, "eos_token_id": ends})
    )
    return folder


@pytest.fixture(scope="module")
def plain(folder):
    return tiny_llm.Plain(folder)


@pytest.fixture(scope="module")
def llm(folder):
    return HF(folder, device="cpu")


def cut(plain, part):
    return plain.tokenizer(part, truncation=True, max_length=MOST).input_ids


class Brute:
    """Fusion in the decoder as published: every passage padded to the same length, everything computed anew each step.

    Args:
        padding: passages of nothing but padding behind the real ones.
    """

    def __init__(self, plain, prompt, *, padding=0):
        self.network, self.rows = plain.network, [cut(plain, part) for part in prompt.parts]
        ids = torch.zeros((len(self.rows) + padding, MOST), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for number, row in enumerate(self.rows):
            ids[number, : len(row)], mask[number, : len(row)] = torch.tensor(row), 1
        with torch.no_grad():
            states = self.network.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
        self.states, self.mask = states.reshape(1, -1, states.shape[-1]), mask.reshape(1, -1)

    def logits(self, tokens):
        with torch.no_grad():
            return self.network(
                encoder_outputs=(self.states,), attention_mask=self.mask, decoder_input_ids=torch.tensor([tokens])
            ).logits[0]

    def written(self, most, ends):
        tokens = [0]
        while len(tokens) <= most and tokens[-1] not in ends:
            tokens.append(int(self.logits(tokens)[-1].argmax()))
        return tokens[1:]

    def norms(self, written):
        """Attention times norms of values, averaged over heads, summed over layers and steps, by passage and token."""
        total = torch.zeros(self.mask.shape[1])
        heard = []
        modules = [block.layer[1].EncDecAttention for block in self.network.get_decoder().block]
        hooks = [
            m.register_forward_pre_hook(lambda m, args, kwargs: heard.append((m, args[0])), with_kwargs=True)
            for m in modules
        ]
        self.logits([0, *written[:-1]])
        for hook in hooks:
            hook.remove()
        assert [m for m, _ in heard] == modules
        with torch.no_grad():
            for module, hidden in heard:
                query, key, value = (
                    layer(states)[0].view(states.shape[1], module.n_heads, -1).transpose(0, 1)
                    for layer, states in ((module.q, hidden), (module.k, self.states), (module.v, self.states))
                )
                scores = (query @ key.transpose(1, 2)).masked_fill(self.mask[0] == 0, -torch.inf)
                total += (scores.softmax(-1) * value.norm(dim=-1)[:, None]).mean(0).sum(0)
        return total.view(-1, MOST)


def ends_of(llm):
    return llm._ends


def close(found, right):
    return np.allclose(found, right, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("steps", [STEPS, 6])  # 6 are few enough to be written without keys and values
def test_replies_are_those_of_padded_passages_read_one_prompt_at_a_time(llm, plain, steps):
    assert llm._network.folded.pays(steps) == (steps < STEPS)
    right = [Brute(plain, prompt).written(steps, ends_of(llm)) for prompt in PROMPTS]
    replies = llm.generate(PROMPTS, max_tokens=steps)
    assert [r.value for r in replies] == [plain.tokenizer.decode(t, skip_special_tokens=True) for t in right]
    assert [r.generated_tokens for r in replies] == list(map(len, right))
    assert len({len(tokens) for tokens in right}) > 1  # some end early


def test_one_passage_is_plain_reading(llm):
    texts = [prompt.parts[0] for prompt in PROMPTS]
    fused, whole = ([Prompt(**{kind: text}, most=MOST) for text in texts] for kind in ("parts", "text"))
    fused = [Prompt(parts=(text,), most=MOST) for text in texts]
    assert llm.generate(fused, max_tokens=STEPS) == llm.generate(whole, max_tokens=STEPS)
    choices = [["A", "B"]] * len(texts)
    assert [r.value for r in llm.choose(fused, choices)] == [r.value for r in llm.choose(whole, choices)]


def test_the_order_of_passages_does_not_matter(llm):
    turned = [Prompt(parts=prompt.parts[::-1], most=MOST) for prompt in PROMPTS]
    for one, other in zip(*(llm.choose(ps, [["A", "B", "Yes"]] * len(ps)) for ps in (PROMPTS, turned)), strict=True):
        assert close(one.value, other.value)


def test_a_passage_of_padding_has_no_effect(llm, plain):
    labels = [plain.bare(text)[0] for text in ("A", "B")]
    for prompt, reply in zip(PROMPTS, llm.choose(PROMPTS, [["A", "B"]] * len(PROMPTS)), strict=True):
        right = Brute(plain, prompt).logits([0])[-1]
        assert close(Brute(plain, prompt, padding=3).logits([0])[-1], right)
        assert close(reply.value, right[labels])


@pytest.mark.parametrize("budget", [None, 1, 300, 100_000])
def test_what_documents_get_is_what_brute_force_says(folder, plain, budget):
    llm = HF(folder, device="cpu", batch_tokens=budget)
    layers = plain.network.config.num_decoder_layers
    for prompt, reply in zip(PROMPTS, llm.attend(PROMPTS, max_tokens=STEPS), strict=True):
        brute = Brute(plain, prompt)
        written = brute.written(STEPS, ends_of(llm))
        right, asked = brute.norms(written), len(plain.bare(QUESTION))
        assert reply.generated_tokens == len(written)
        assert reply.finished == (written[-1] in ends_of(llm))
        for tokens, norms, got in zip(brute.rows, right, reply.value, strict=True):
            # the question's own tokens are left out; "context:" and the end of sequence count, as published
            assert close([256 * layers * value for value in got], norms[asked : len(tokens)])


def test_a_document_gets_the_same_alone_and_in_company(llm):
    alone = [llm.attend([prompt], max_tokens=STEPS)[0] for prompt in PROMPTS]
    for one, other in zip(alone, llm.attend(PROMPTS, max_tokens=STEPS), strict=True):
        assert one.generated_tokens == other.generated_tokens
        assert all(close(a, b) for a, b in zip(one.value, other.value, strict=True))


def test_documents_in_one_text_get_theirs_too(llm, plain):
    text, other = "Passage: the cat jumps Query: what is neural", "Passage: a dog Query: rank"
    prompts = [Prompt(text=text, spans=((9, 16), (17, 22))), Prompt(text=other, spans=((9, 14),))]
    found = llm.attend(prompts, max_tokens=2)
    whole = llm.attend([Prompt(parts=(text,), spans=((0, len(text)),))], max_tokens=2)[0].value[0]
    assert [len(document) for document in found[0].value] == [len(plain.bare("the cat")), len(plain.bare("jumps"))]
    assert close(found[0].value[0], whole[len(plain.bare("Passage:")) :][: len(found[0].value[0])])
    assert len(found[1].value) == 1


def test_a_document_that_was_cut_off_gets_nothing(llm):
    long = f"question: {words(60, 1)}"
    [reply] = llm.attend([Prompt(parts=(f"{long} context: a",), spans=((len(long), len(long) + 11),), most=MOST)])
    assert reply.value == ((),)


def test_batches_of_any_size_write_the_same(folder, llm):
    for budget in (1, 300, 100_000):
        other = HF(folder, device="cpu", batch_tokens=budget)
        assert other.generate(PROMPTS, max_tokens=STEPS) == llm.generate(PROMPTS, max_tokens=STEPS)


def test_looking_leaves_the_network_as_it_was(folder):
    llm = HF(folder, device="cpu")
    before = llm.checkpoint.network.get_decoder().config._attn_implementation
    llm.attend(PROMPTS[:1])
    assert llm.checkpoint.network.get_decoder().config._attn_implementation == before


def test_parts_are_cut_with_the_end_of_sequence_included(llm, plain):
    for row, prompt in zip(llm._reading.rows(PROMPTS), PROMPTS, strict=True):
        assert row.encoder == [cut(plain, part) for part in prompt.parts]
    longest = max((text for row in llm._reading.rows(PROMPTS) for text in row.encoder), key=len)
    assert (len(longest), longest[-1]) == (MOST, 1)


def test_a_limit_of_the_model_holds_for_each_part(folder):
    llm = HF(folder, device="cpu", max_length=60)
    prompt = about(3, 7)
    assert llm.prompt_tokens([prompt])[0] <= MOST + 1
    assert llm.generate([prompt], max_tokens=3)[0].prompt_tokens > 100
    with pytest.raises(BadInput, match="reads 60 at most"):
        llm.generate([Prompt(parts=("short", words(90, 1)))], max_tokens=3)


class Heard:
    """The shapes of what an encoder reads."""

    def __init__(self, llm):
        self.shapes, self.tokens = [], 0
        llm._network.encoder.network.register_forward_pre_hook(self._hear, with_kwargs=True)

    def _hear(self, _, __, inputs):
        self.shapes.append(tuple(inputs["input_ids"].shape))
        self.tokens += int(inputs["attention_mask"].sum())

    @property
    def padding(self):
        return sum(rows * length for rows, length in self.shapes) - self.tokens


def test_a_text_that_several_prompts_have_is_encoded_once(folder):
    llm = HF(folder, device="cpu", batch_tokens=200)
    heard = Heard(llm)
    shared = [Prompt(parts=(*about(1, 4).parts, part), most=MOST) for part in about(9, 5).parts]
    llm.generate(shared, max_tokens=2)
    assert sum(rows for rows, _ in heard.shapes) == len({part for prompt in shared for part in prompt.parts})
    llm.generate(shared, max_tokens=2)
    assert sum(rows for rows, _ in heard.shapes) == len({part for prompt in shared for part in prompt.parts})


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(1, 400))
def test_batches_of_texts_hold_little_padding(lengths, budget):
    batches = list(hf_encoder.alike(lengths, budget))
    assert sorted(place for batch in batches for place in batch) == list(range(len(lengths)))
    for batch in batches:
        whole = max(lengths[place] for place in batch) * len(batch)
        assert len(batch) == 1 or whole <= budget
        assert 8 * (whole - sum(lengths[place] for place in batch)) <= budget


def test_texts_of_different_lengths_are_encoded_in_batches_of_their_own(folder):
    llm = HF(folder, device="cpu", batch_tokens=800)
    heard = Heard(llm)
    shorts = [tuple(f"Query: {words(n % 5 + 1, 9 * row + n)}" for n in range(4)) for row in range(15)]
    prompts = [Prompt(parts=(*short, f"Passage: {words(60, row)}"), most=MOST) for row, short in enumerate(shorts)]
    llm.generate(prompts, max_tokens=1)
    assert all(rows * length <= 800 for rows, length in heard.shapes)
    assert heard.padding <= len(heard.shapes) * 800 / 8


def test_what_is_remembered_is_bounded(folder, monkeypatch):
    monkeypatch.setattr(hf_encoder, "REMEMBERED", 40_000)
    llm, other = HF(folder, device="cpu"), HF(folder, device="cpu")
    prompts = [about(seed, 5) for seed in range(12)]
    for start in range(0, 12, 3):
        some = prompts[start : start + 3]
        assert llm.generate(some, max_tokens=2) == other.generate(some, max_tokens=2)
        assert sum(states.nbytes for states in llm._network.encoder._known.values()) <= 40_000
    assert llm._network.encoder._known


def test_texts_alone_are_not_remembered(llm):
    llm.generate([Prompt(text=words(5, seed)) for seed in range(5)], max_tokens=1)
    assert tuple(llm._reading.rows([Prompt(text=words(5, 1))])[0].encoder[0]) not in llm._network.encoder._known


def test_a_written_batch_is_as_large_as_the_memory_for_keys_and_values(folder, monkeypatch):
    config = HF(folder, device="cpu").checkpoint.network.config
    kept = 2 * config.num_decoder_layers * config.num_heads * config.d_kv * 4
    assert HF(folder, device="cpu")._network.budget.write == (1 << 30) // kept
    assert HF(folder, device="cpu", dtype="bfloat16")._network.budget.write == (1 << 30) // (kept // 2)
    assert HF(folder, device="cpu", batch_tokens=77)._network.budget.write == 77
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=4_000))
    assert hf_seq2seq.room("cuda:0") == 1_000


@pytest.mark.parametrize("place", ["get_encoder", "get_decoder"])
def test_batches_are_halved_when_memory_runs_out(folder, place):
    llm = HF(folder, device="cpu", batch_tokens=100_000)
    right = llm.attend(PROMPTS, max_tokens=STEPS)
    most = 7 if place == "get_encoder" else 2

    def small(_, __, inputs):
        if len(inputs["input_ids"]) > most:
            raise torch.OutOfMemoryError("out of memory")

    other = HF(folder, device="cpu", batch_tokens=100_000)
    getattr(other.checkpoint.network, place)().register_forward_pre_hook(small, with_kwargs=True)
    for one, two in zip(other.attend(PROMPTS, max_tokens=STEPS), right, strict=True):
        assert all(close(a, b) for a, b in zip(one.value, two.value, strict=True))


def test_a_causal_model_reads_no_parts(tmp_path):
    llm = HF(tiny_llm.llama(tmp_path), device="cpu")
    assert not llm.fuses
    with pytest.raises(BadInput, match="for encoder-decoders"):
        llm.generate(PROMPTS[:1], max_tokens=1)


def test_nothing_is_looked_at_where_no_document_is_said_to_stand(llm):
    with pytest.raises(BadInput, match="does not say where its documents stand"):
        llm.attend([Prompt(parts=("a", "b"))])
