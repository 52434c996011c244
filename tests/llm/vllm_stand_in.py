"""A stand-in for vLLM, which needs a GPU: its classes and rules as of vLLM 0.33, numbers from transformers.

It takes what vLLM takes and refuses what vLLM refuses; a tiny model says what its log-probabilities are.
"""

import sys
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace

import torch

from tests import tiny_llm


@dataclass(frozen=True, kw_only=True)
class SamplingParams:
    """The fields of vLLM's that matter here; another name is an error, as there."""

    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    max_tokens: int | None = 16
    logprobs: int | None = None
    prompt_logprobs: int | None = None
    logprob_token_ids: list[int] | None = None
    allowed_token_ids: list[int] | None = None
    detokenize: bool = True
    stop: list[str] | None = None

    def __post_init__(self):
        if self.max_tokens < 1:
            raise ValueError("max_tokens must be at least 1")
        if self.allowed_token_ids == [] or len(self.logprob_token_ids or []) > 128:
            raise ValueError("allowed_token_ids is not None and empty!")


@dataclass
class Logprob:
    logprob: float
    rank: int | None = None
    decoded_token: str | None = None


@dataclass(frozen=True)
class LoRARequest:
    lora_name: str
    lora_int_id: int
    lora_path: str = ""


class Engine:
    """vllm.LLM: `generate` on prompts that are token ids, one SamplingParams each."""

    def __init__(self, model, *, dtype="auto", max_model_len=None, max_logprobs=20, enable_lora=False, **options):
        if model == "no/such-model":
            raise OSError("no/such-model is not a local folder\nand is not a valid model identifier")
        self.options = {"dtype": dtype, "enable_lora": enable_lora, **options}
        self.plain, self.max_logprobs, self.asked, self.lora = tiny_llm.Plain(model), max_logprobs, [], []
        self.model_config = SimpleNamespace(max_model_len=max_model_len or tiny_llm.POSITIONS)

    def get_tokenizer(self):
        return self.plain.tokenizer

    def generate(self, prompts, sampling_params=None, *, use_tqdm=True, lora_request=None):
        assert len(prompts) == len(sampling_params)
        assert not use_tqdm
        assert bool(lora_request) == self.options["enable_lora"]
        self.asked.append(sampling_params)
        self.lora.append(lora_request)
        return [self._one(p["prompt_token_ids"], how) for p, how in zip(prompts, sampling_params, strict=True)]

    def _one(self, ids, how):
        if len(ids) >= self.model_config.max_model_len:
            raise ValueError("The decoder prompt is longer than the maximum model length")
        if self.max_logprobs != -1 and (how.logprobs or 0) > self.max_logprobs:
            raise ValueError("Requested sample logprobs greater than max allowed")
        assert (how.temperature == 0) == (how.seed is None)
        scores = self.plain.logits(ids).log_softmax(-1)
        written = self._written(ids, how)
        reason = "stop" if written[-1] == 2 else "length"
        text = self.plain.tokenizer.decode([t for t in written if t != 2]) if how.detokenize else ""
        output = SimpleNamespace(
            text=text, token_ids=written, finish_reason=reason, logprobs=self._each(ids, written, how)
        )
        told = None if how.prompt_logprobs is None else [None, *self._told(ids, scores, how.prompt_logprobs)]
        return SimpleNamespace(prompt_token_ids=list(ids), prompt_logprobs=told, outputs=[output])

    def _written(self, ids, how):
        if how.allowed_token_ids:
            last = self.plain.logits(ids)[-1]
            return [max(how.allowed_token_ids, key=lambda token: float(last[token]))]
        most = min(how.max_tokens, self.model_config.max_model_len - len(ids))
        return self._sampled(ids, how, most) if how.temperature else self.plain.greedy(ids, most, {2})

    def _sampled(self, ids, how, most):
        """Tokens drawn from the whole distribution; the same for the same seed."""
        random, found = torch.Generator().manual_seed(how.seed), []
        while len(found) < most and not (found and found[-1] == 2):
            shares = (self.plain.logits(ids + found)[-1] / how.temperature).softmax(-1)
            found.append(int(torch.multinomial(shares, 1, generator=random)))
        return found

    def _each(self, ids, written, how):
        """For each position the tokens asked for, or the likeliest, and the written one in any case."""
        if how.logprobs is None and how.logprob_token_ids is None:
            return None
        found = []
        for place, token in enumerate(written):
            scores = self.plain.logits(ids + written[:place])[-1].log_softmax(-1)
            wanted = how.logprob_token_ids or scores.topk(how.logprobs).indices.tolist()
            found.append(self._logprobs(scores, {*wanted, token}))
        return found

    def _told(self, ids, scores, most):
        for before, token in enumerate(ids[1:]):
            yield self._logprobs(scores[before], {token, *scores[before].topk(most).indices.tolist()})

    def _logprobs(self, scores, tokens):
        return {t: Logprob(float(scores[t]), int((scores > scores[t]).sum()) + 1) for t in tokens}


def installed(monkeypatch):
    """Puts the stand-in where the library is imported from."""
    library, lora, request = ModuleType("vllm"), ModuleType("vllm.lora"), ModuleType("vllm.lora.request")
    library.LLM, library.SamplingParams, request.LoRARequest = Engine, SamplingParams, LoRARequest
    for module in (library, lora, request):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return library
