"""The vllm backend over a stand-in for the library."""

import shutil
import sys
from math import inf
from pathlib import Path
from types import SimpleNamespace

import pytest

from rankify import registry
from rankify.encoders.hub import revision_of
from rankify.errors import BadInput, MissingExtra
from rankify.llm.protocol import LLMFailed, Message, Prompt
from rankify.llm.vllm import VLLM
from tests import tiny_llm
from tests.llm.vllm_stand_in import LoRARequest, installed


@pytest.fixture(autouse=True)
def vllm(monkeypatch):
    """The library, in place of the real one."""
    return installed(monkeypatch)


@pytest.fixture(scope="module", params=["llama", "qwen2", "mistral"])
def folder(request, tmp_path_factory):
    return getattr(tiny_llm, request.param)(tmp_path_factory.mktemp(request.param))


@pytest.fixture
def llm(folder):
    return VLLM(folder)


def user(text, prefill=""):
    return Prompt(messages=(Message("user", text),), prefill=prefill)


PROMPTS = [user("the cat", "Passage ["), user("what is neural retrieval"), Prompt(text="rank the query", prefill=" [")]


def test_what_is_written_is_what_transformers_writes(llm):
    plain = llm._engine.plain
    replies = llm.generate(PROMPTS, max_tokens=6)
    for prompt, reply in zip(PROMPTS, replies, strict=True):
        ids = plain.ids(prompt)
        right = plain.greedy(ids, 6, {2})
        assert reply.prompt_tokens == len(ids)
        assert reply.generated_tokens == len(right)
        assert reply.value == plain.tokenizer.decode([t for t in right if t != 2])
        assert reply.finished == (right[-1] == 2)


def test_each_label_has_its_log_probability_though_it_is_far_from_the_likeliest(llm):
    plain, labels = llm._engine.plain, ["A", "B", "C", "0", "9"]
    bare = [plain.tokenizer.get_vocab()[label] for label in labels]
    replies = llm.choose(PROMPTS, [labels] * 3)
    for prompt, reply in zip(PROMPTS, replies, strict=True):
        scores = plain.logits(plain.ids(prompt))[-1].log_softmax(-1)
        assert reply.value == pytest.approx([float(scores[token]) for token in bare], abs=1e-5)
    [asked] = llm._engine.asked
    assert all(how.max_tokens == 1 and how.allowed_token_ids == how.logprob_token_ids == sorted(bare) for how in asked)


def test_with_a_top_only_the_likeliest_tokens_are_seen(llm):
    plain = llm._engine.plain
    scores = plain.logits(plain.ids(PROMPTS[0]))[-1].log_softmax(-1)
    known = {i: p for p, i in plain.tokenizer.get_vocab().items()}
    letters = [i for i in scores.argsort(descending=True).tolist() if known[i] in "ABCDEFGHIJKLMNOPQRST"]
    place = int((scores > scores[letters[0]]).sum()) + 1  # of the likeliest letter
    choices = [known[i] for i in letters]
    [reply] = llm.choose(PROMPTS[:1], [choices], top=place)
    assert reply.value == pytest.approx([float(scores[letters[0]]), *[-inf] * (len(letters) - 1)], abs=1e-5)


def test_choices_of_several_tokens_are_scored_whole(llm):
    plain, choices = llm._engine.plain, ["A", "zebra (?)"]
    [reply] = llm.choose(PROMPTS[:1], [choices])
    ids = plain.ids(PROMPTS[0])
    right = [plain.told(ids, llm._following.tokens(choice)) for choice in choices]
    assert reply.value == pytest.approx(right, abs=1e-5)
    with pytest.raises(LLMFailed, match=r"'zebra .* more than one token"):
        llm.choose(PROMPTS[:1], [choices], top=20)


@pytest.mark.parametrize("end", [False, True])
def test_a_likelihood_is_the_sum_over_the_continuations_tokens(llm, end):
    plain, continuation = llm._engine.plain, " is a dog"
    target = [*llm._following.tokens(continuation), *([plain.tokenizer.eos_token_id] if end else [])]
    replies = llm.loglikelihood(PROMPTS, [continuation] * 3, end=end)
    for prompt, reply in zip(PROMPTS, replies, strict=True):
        ids = plain.ids(prompt)
        assert reply.value == pytest.approx(plain.told(ids, target), abs=1e-5)
        assert reply.prompt_tokens == len(ids) + len(target)


def test_a_prompt_that_leaves_no_room_is_refused_with_both_lengths(folder):
    llm = VLLM(folder, max_model_len=40)
    assert llm.context == 40
    with pytest.raises(BadInput, match=r"prompt 1 has \d+ tokens .* reads 40 at most"):
        llm.generate([user("cat"), user("the cat " * 40)], max_tokens=3)


def test_more_labels_than_vllm_scores_are_refused(llm):
    labels = [chr(c) for c in range(33, 127)]
    llm.choose(PROMPTS[:1], [labels])
    llm._following._known.update({(str(n), False): [n] for n in range(129)})
    with pytest.raises(LLMFailed, match="129 choices, and vLLM scores 128 at most"):
        llm.choose(PROMPTS[:1], [[str(n) for n in range(129)]])


def test_nothing_asked_is_nothing_run(llm):
    assert llm.generate([], max_tokens=3) == llm.choose([], []) == llm.loglikelihood([], []) == []
    assert llm.tokens([]) == []
    assert llm._engine.asked == []


def test_an_adapter_is_part_of_each_request(folder):
    llm = VLLM(folder, adapter="my/adapter", lora_rank=32)
    llm.generate(PROMPTS, max_tokens=2)
    assert llm._engine.lora == [LoRARequest("adapter", 1, "my/adapter")]
    assert llm._engine.options["max_lora_rank"] == 32


def test_beginnings_in_common_are_read_once_and_options_are_handed_on(folder):
    llm = VLLM(folder, dtype="bfloat16", tensor_parallel_size=2, gpu_memory_utilization=0.5)
    handed = llm._engine.options
    assert handed["enable_prefix_caching"] is True
    assert (handed["dtype"], handed["tensor_parallel_size"], handed["gpu_memory_utilization"]) == ("bfloat16", 2, 0.5)


def test_its_markup_and_counts_are_the_tokenizers(llm):
    assert llm._engine.plain.tokenizer.eos_token in llm.special
    assert llm.tokens(["the cat"]) == [len(llm._engine.plain.bare("the cat"))]
    assert llm.prompt_tokens(PROMPTS) == [len(llm._engine.plain.ids(p)) for p in PROMPTS]


def test_passes_are_the_prompts_that_were_run(llm):
    llm.generate(PROMPTS, max_tokens=2)
    llm.choose(PROMPTS, [["A"]] * 3)
    assert llm.passes == 6


def test_what_breaks_inside_is_one_line(llm, monkeypatch):
    monkeypatch.setattr(llm._engine, "max_logprobs", 20)
    with pytest.raises(LLMFailed, match=r"vLLM gave no answer from .*greater than max allowed"):
        llm.choose(PROMPTS, [["A"]] * 3, top=30)
    with pytest.raises(LLMFailed, match=r"vLLM cannot run 'no/such-model': .*; hf: needs less") as caught:
        VLLM("no/such-model")
    assert "\n" not in str(caught.value)


def test_a_spec_builds_an_equal_one(folder):
    llm = registry.load("llm", f"vllm:{folder}?dtype=float16&gpu_memory_utilization=0.5")
    assert repr(llm) == f"vllm:{folder}?dtype=float16&gpu_memory_utilization=0.5"
    assert registry.load("llm", repr(llm)) == llm
    assert llm.identity == f"vllm:{folder}?dtype=float16 {revision_of(Path(folder))}"


def test_its_identity_is_that_of_the_files_it_runs(folder, tmp_path):
    """A folder that is written anew, or a branch that moves, gives other replies."""
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    before = VLLM(str(copy))
    assert VLLM(str(copy), gpu_memory_utilization=0.5).identity == before.identity
    (copy / "generation_config.json").write_text("{}")
    assert VLLM(str(copy)).identity != before.identity
    hub = VLLM(str(copy))
    hub._engine.model_config.hf_config = SimpleNamespace(_commit_hash="c0ffee")
    assert hub.identity == f"vllm:{copy} c0ffee"


def test_without_vllm_the_extra_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(MissingExtra, match=r'pip install "rankify\[vllm\]"'):
        VLLM(folder)
