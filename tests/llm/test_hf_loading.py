"""Loading transformers models: their options, limits, adapters, and what is refused."""

import sys
import warnings

import pytest
import torch
import transformers

from rankify.errors import BadInput, MissingExtra, UnknownName
from rankify.llm.hf import HF
from rankify.llm.protocol import Message, Prompt
from rankify.registry import load
from rankify.spec import Spec
from tests import tiny_llm

PROMPTS = [Prompt(messages=(Message("user", f"rank the query {'cat ' * n}"),)) for n in (1, 5, 3)]
LABELS = [["A", "B", "C"]] * len(PROMPTS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_llm.llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def t5(tmp_path_factory):
    return tiny_llm.t5(tmp_path_factory.mktemp("t5"))


def values(llm):
    return [reply.value for reply in llm.choose(PROMPTS, LABELS)]


OPTIONS = [
    {},
    {"dtype": "bfloat16", "batch_tokens": 300, "max_length": 128},
    {"template": "{system} USER: {user} ASSISTANT:", "bos": "doubled"},
    {"thinking": False, "share_prefix": False, "device": "cpu"},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_its_repr_loads_an_equal_one(folder, options):
    llm = HF(folder, **options)
    assert load("llm", repr(llm)) == llm


@pytest.mark.parametrize("options", OPTIONS)
def test_its_repr_holds_just_the_options_that_were_given(folder, options):
    assert Spec.parse(repr(HF(folder, **options))).options == options


def test_a_missing_model_is_an_error():
    with pytest.raises(BadInput, match="there is no such folder"):
        HF("/no/such/model")


def test_a_dtype_that_there_is_not_is_an_error(folder):
    with pytest.raises(UnknownName, match="float32"):
        HF(folder, dtype="float23")


def test_the_context_is_as_many_tokens_as_the_model_has_positions(folder):
    assert HF(folder).context == tiny_llm.POSITIONS


def test_the_context_can_be_made_smaller(folder):
    assert HF(folder, max_length=100).context == 100


def test_the_context_cannot_be_made_larger_than_the_positions(folder):
    with pytest.raises(BadInput, match="reads 2 to 512 tokens"):
        HF(folder, max_length=513)


def test_a_model_without_positions_reads_all_unless_asked_to_read_less(t5):
    [reply] = HF(t5).choose([Prompt(text="the " * 1500)], [["A"]])
    assert reply.prompt_tokens > 1500
    with pytest.raises(BadInput, match="give a larger max_length"):
        HF(t5, max_length=1000).choose([Prompt(text="the " * 1500)], [["A"]])


def test_an_encoders_tokens_are_not_counted_with_its_decoders_against_the_limit(t5):
    prompt = Prompt(text="the " * 505, prefill="Passage " * 20)
    assert HF(t5, max_length=tiny_llm.POSITIONS).choose([prompt], [["A"]])[0].prompt_tokens > tiny_llm.POSITIONS


def test_tokens_are_counted_without_special_ones(folder, t5):
    assert HF(folder).tokens(["the query", ""]) == [2, 0]
    assert HF(t5).tokens(["the query", ""]) == [2, 0]


def test_a_device_and_a_map_of_devices_are_too_much(folder):
    pytest.importorskip("accelerate")
    with pytest.raises(BadInput, match="give one"):
        HF(folder, device="cpu", device_map="auto")


def test_a_map_of_devices_changes_no_number(folder):
    pytest.importorskip("accelerate")
    mapped = HF(folder, device_map="auto")
    assert torch.allclose(torch.tensor(values(mapped)), torch.tensor(values(HF(folder))), atol=1e-4)


@pytest.mark.parametrize(
    ("module", "options"), [("accelerate", {"device_map": "auto"}), ("peft", {"adapter": "some/adapter"})]
)
def test_what_a_missing_library_is_for_says_how_to_install_it(folder, monkeypatch, module, options):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf'{module} is not installed: pip install "rankify\[peft\]"'):
        HF(folder, **options)


@pytest.fixture(scope="module")
def adapter(folder, tmp_path_factory):
    peft = pytest.importorskip("peft")
    network = transformers.LlamaForCausalLM.from_pretrained(folder)
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.manual_seed(0)
        adapted = peft.get_peft_model(network, config)
    place = tmp_path_factory.mktemp("adapter")
    adapted.save_pretrained(place)
    return str(place), adapted.eval()


def test_an_adapters_weights_are_a_part_of_the_model(folder, adapter):
    place, network = adapter
    llm = HF(folder, adapter=place)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for prompt, found in zip(PROMPTS, values(llm), strict=True):
        text = tokenizer.apply_chat_template([{"role": "user", "content": prompt.messages[0].content}], tokenize=False)
        ids = torch.tensor([tokenizer(text, add_special_tokens=False).input_ids])
        with torch.no_grad():
            right = network(input_ids=ids).logits[0, -1, tokenizer.convert_tokens_to_ids(["A", "B", "C"])]
        assert torch.allclose(torch.tensor(found), right, atol=1e-4)


def test_an_adapter_changes_what_the_model_says(folder, adapter):
    assert values(HF(folder, adapter=adapter[0])) != values(HF(folder))


def test_several_adapters_are_added_one_after_the_other(folder, adapter):
    one, twice = HF(folder, adapter=adapter[0]), HF(folder, adapter=f"{adapter[0]},{adapter[0]}")
    assert values(twice) != values(one)
    assert twice.identity.split()[-2:] == one.identity.split()[-1:] * 2


def test_a_folder_without_an_adapter_is_an_error(folder, tmp_path):
    pytest.importorskip("peft")
    with pytest.raises(BadInput, match=r"no adapter in .*adapter_config\.json"):
        HF(folder, adapter=str(tmp_path))


def test_it_says_whether_replies_come_from_a_decoder_of_their_own(folder, t5):
    assert not HF(folder).encoder_decoder
    assert HF(t5).encoder_decoder
