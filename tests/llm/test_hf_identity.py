"""What a transformers model's replies depend on: its files, not where or in which batches it runs."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from rankify.llm.cached import Cached
from rankify.llm.hf import HF
from rankify.llm.protocol import Prompt
from tests import tiny_llm

PROMPTS = [Prompt(text="the cat"), Prompt(text="rank")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_llm.qwen2(tmp_path_factory.mktemp("qwen2"))


def test_devices_and_batches_are_no_part_of_it(folder):
    assert HF(folder, device="cpu", batch_tokens=64, share_prefix=False).identity == HF(folder).identity


@pytest.mark.parametrize("options", [{"dtype": "bfloat16"}, {"max_length": 100}, {"bos": "written"}])
def test_what_changes_replies_is_part_of_it(folder, options):
    assert HF(folder, **options).identity != HF(folder).identity


def test_replies_of_a_model_that_was_trained_on_are_not_remembered(folder, tmp_path):
    trained = shutil.copytree(folder, tmp_path / "model")
    before = Cached(HF(str(trained)), folder=str(tmp_path / "replies"))
    before.choose(PROMPTS, [["A", "B"]] * 2)
    weights = load_file(trained / "model.safetensors")
    save_file({name: w + torch.ones_like(w) for name, w in weights.items()}, trained / "model.safetensors")
    after = Cached(HF(str(trained)), folder=str(tmp_path / "replies"))
    assert not any(reply.cached for reply in after.choose(PROMPTS, [["A", "B"]] * 2))
