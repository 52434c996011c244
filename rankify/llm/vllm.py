"""vLLM in this process: large batches on GPUs, with the beginnings that prompts share read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from math import fsum, inf
from typing import Any

from rankify.encoders.hub import located, revision_of
from rankify.errors import BadInput, needs
from rankify.llm.hf_following import Following
from rankify.llm.hf_format import Format, markup
from rankify.llm.hf_loading import adapter_folder
from rankify.llm.pieces import spelling
from rankify.llm.protocol import LLM, LLMFailed, Logprobs, MaxTokens, Prompt, Reply, most_of
from rankify.llm.sampling import Samplings, sampling_of
from rankify.spec import Spec, spec_of

LABELS_AT_MOST = 128  # vLLM's MAX_LOGPROB_TOKEN_IDS
NO_MATTER = ("revision", "gpu_memory_utilization", "enforce_eager", "lora_rank")  # options that change no reply


class VLLM(LLM):
    """A decoder-only model of a folder or a hub id, run by vLLM in this process.

    Args:
        model: a folder or a hub id.
        revision: a branch, tag or commit of the hub's repository.
        dtype: auto (the checkpoint's own), bfloat16, float16 or float32.
        quantization: as vLLM names it, e.g. awq or fp8; the checkpoint's own if not given.
        tensor_parallel_size: over how many GPUs each layer is laid out.
        gpu_memory_utilization: the share of a GPU's memory that vLLM takes.
        max_model_len: the most tokens of a prompt and its reply; the model's positions if not given.
        adapter: a LoRA adapter, folder or hub id.
        lora_rank: the adapter's rank, or more.
        enforce_eager: without CUDA graphs: starts sooner, runs slower.
        template, bos, thinking: the model's format, as for `hf:`.
    """

    name = "vllm"
    gives_logprobs = True

    def __init__(
        self,
        model: str,
        *,
        revision: str | None = None,
        dtype: str = "auto",
        quantization: str | None = None,
        tensor_parallel_size: int = 1,
        gpu_memory_utilization: float = 0.9,
        max_model_len: int | None = None,
        adapter: str | None = None,
        lora_rank: int = 16,
        enforce_eager: bool = False,
        template: str | None = None,
        bos: str = "once",
        thinking: bool | None = None,
    ) -> None:
        self.model, self.revision, self.dtype, self.quantization = model, revision, dtype, quantization
        self.tensor_parallel_size, self.gpu_memory_utilization = tensor_parallel_size, gpu_memory_utilization
        self.max_model_len, self.adapter, self.lora_rank = max_model_len, adapter, lora_rank
        self.enforce_eager, self.template, self.bos, self.thinking = enforce_eager, template, bos, thinking
        self._vllm: Any = needs("vllm", "vllm")
        self._engine = self._started()
        self._tokenizer = self._engine.get_tokenizer()
        self._format = Format(self._tokenizer, template=template, bos=bos, thinking=thinking)
        self._following = Following(self._tokenizer)
        self.context, self.special = int(self._engine.model_config.max_model_len), markup(self._tokenizer)

    def _started(self) -> Any:
        """The engine; no more log-probabilities than asked for are computed, so it may be asked for any number."""
        options = {"enable_lora": True, "max_lora_rank": self.lora_rank} if self.adapter else {}
        try:
            return self._vllm.LLM(
                self.model, revision=self.revision, tokenizer_revision=self.revision, dtype=self.dtype,
                quantization=self.quantization, tensor_parallel_size=self.tensor_parallel_size,
                gpu_memory_utilization=self.gpu_memory_utilization, max_model_len=self.max_model_len,
                enforce_eager=self.enforce_eager, enable_prefix_caching=True, max_logprobs=-1, **options,
            )  # fmt: skip
        except (ValueError, OSError, RuntimeError) as error:
            raise LLMFailed(f"vLLM cannot run {self.model!r}: {_line(error)}; hf: needs less") from error

    @cached_property
    def identity(self) -> str:
        """What replies depend on: the files of the model and its adapter, and the options that change replies."""
        spec = spec_of(self)
        options = {o: v for o, v in spec.options.items() if o not in NO_MATTER}
        commit = getattr(getattr(self._engine.model_config, "hf_config", None), "_commit_hash", None)
        files = [commit or revision_of(located(self.model, self.revision))]
        files += [revision_of(adapter_folder(self.adapter))] if self.adapter else []
        return f"{Spec(spec.name, spec.model, options)} {' '.join(files)}"

    def generate(
        self, prompts: Sequence[Prompt], *, max_tokens: MaxTokens, sampling: Samplings = None, logprobs: bool = False
    ) -> list[Reply[str]]:
        most, drawn = most_of(max_tokens, len(prompts)), sampling_of(sampling, len(prompts))
        tells = {"logprobs": 0} if logprobs else {}  # of no other token than the one that was written
        wanted = [
            {
                "max_tokens": own, **tells, **({"stop": list(p.stop)} if p.stop else {}),
                **({} if how is None else asdict(how)),
            }
            for p, own, how in zip(prompts, most, drawn, strict=True)
        ]  # fmt: skip
        outputs = self._run(self._rows(prompts), wanted)
        return [
            Reply(
                str(output.outputs[0].text), len(output.prompt_token_ids), len(output.outputs[0].token_ids),
                finished=output.outputs[0].finish_reason != "length",
                logprobs=self._told(output.outputs[0]) if logprobs else (),
            )
            for output in outputs
        ]  # fmt: skip

    def _told(self, output: Any) -> Logprobs:
        """The tokens of a reply's text, without those that ended it.

        Raises:
            LLMFailed: they do not spell it.
        """
        tokens = [int(token) for token in output.token_ids]
        logprobs = [float(own[token].logprob) for own, token in zip(output.logprobs, tokens, strict=True)]
        pieces = tuple(zip(self._following.pieces(tokens, begins=False), logprobs, strict=True))
        found = spelling(pieces, str(output.text))
        if found is None:
            raise LLMFailed(f"the tokens of {self.model!r} do not spell its reply {output.text[:40]!r}: use hf:")
        return found

    def choose(
        self, prompts: Sequence[Prompt], choices: Sequence[Sequence[str]], *, top: int | None = None
    ) -> list[Reply[tuple[float, ...]]]:
        tokens = [[self._following.tokens(choice) for choice in several] for several in choices]
        if all(len(choice) == 1 for several in tokens for choice in several):
            return self._labelled(prompts, [[token for (token,) in several] for several in tokens], top)
        if top is not None:
            longer = next(c for s, ts in zip(choices, tokens, strict=True) for c, t in zip(s, ts, strict=True) if t[1:])
            raise LLMFailed(f"choice {longer!r} is more than one token of {self.model!r}: top={top} cannot see it")
        return self._spelled(prompts, choices)

    def loglikelihood(
        self, prompts: Sequence[Prompt], continuations: Sequence[str], *, end: bool = False
    ) -> list[Reply[float]]:
        ending = [self._ending()] if end else []
        targets = [[*self._following.tokens(continuation), *ending] for continuation in continuations]
        rows = [[*row, *target] for row, target in zip(self._rows(prompts), targets, strict=True)]
        outputs = self._run(rows, [{"max_tokens": 1, "prompt_logprobs": 0}] * len(rows))
        return [
            Reply(_sum_of_last(len(target), row, output.prompt_logprobs), len(row))
            for row, target, output in zip(rows, targets, outputs, strict=True)
        ]

    def tokens(self, texts: Sequence[str]) -> list[int]:
        return (
            [len(ids) for ids in self._tokenizer(list(texts), add_special_tokens=False)["input_ids"]] if texts else []
        )

    def prompt_tokens(self, prompts: Sequence[Prompt]) -> list[int]:
        return [len(row) for row in self._rows(prompts)]

    def _rows(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        return self._format.decoder_only(prompts)

    def _labelled(
        self, prompts: Sequence[Prompt], labels: Sequence[list[int]], top: int | None
    ) -> list[Reply[tuple[float, ...]]]:
        """The log-probabilities of single tokens, over the whole vocabulary, from one pass a prompt."""
        if longest := max((len(set(some)) for some in labels if len(set(some)) > LABELS_AT_MOST), default=0):
            raise LLMFailed(f"{longest} choices, and vLLM scores {LABELS_AT_MOST} at most: show fewer, or use hf:")
        wanted: list[dict[str, Any]] = [
            {"allowed_token_ids": sorted(set(some)), "logprob_token_ids": sorted(set(some))}
            if top is None
            else {"logprobs": top}
            for some in labels
        ]
        outputs = self._run(self._rows(prompts), [{"max_tokens": 1, "detokenize": False, **how} for how in wanted])
        return [
            Reply(_scores(some, output.outputs[0].logprobs[0], top), len(output.prompt_token_ids), 1)
            for some, output in zip(labels, outputs, strict=True)
        ]

    def _spelled(self, prompts: Sequence[Prompt], choices: Sequence[Sequence[str]]) -> list[Reply[tuple[float, ...]]]:
        """The log-probabilities of choices of any length: each is read behind its prompt."""
        pairs = [(prompt, choice) for prompt, several in zip(prompts, choices, strict=True) for choice in several]
        replies = iter(self.loglikelihood([p for p, _ in pairs], [c for _, c in pairs]))
        found = []
        for several in choices:
            scored = [next(replies) for _ in several]
            found.append(Reply(tuple(r.value for r in scored), sum(r.prompt_tokens for r in scored)))
        return found

    def _ending(self) -> int:
        end = self._tokenizer.eos_token_id
        if end is None:
            raise BadInput(f"{self.model!r} has no end-of-sequence token")
        return int(end)

    def _run(self, rows: Sequence[list[int]], wanted: Sequence[dict[str, Any]]) -> list[Any]:
        """vLLM's outputs for rows of tokens, in their order; each is asked for what is wanted of it.

        Raises:
            BadInput: a prompt leaves no room for a reply.
            LLMFailed: vLLM refuses or breaks down.
        """
        for place, row in enumerate(rows):
            if self.context is not None and len(row) >= self.context:
                raise BadInput(
                    f"prompt {place} has {len(row):,} tokens with what follows it, and {self.model!r} reads "
                    f"{self.context:,} at most, one of a reply included: shorten its texts or show fewer of them"
                )
        prompts = [{"prompt_token_ids": list(row)} for row in rows]
        parameters = [self._vllm.SamplingParams(**{"temperature": 0.0, **how}) for how in wanted]
        self.passes += len(rows)
        if not rows:
            return []
        try:
            return list(self._engine.generate(prompts, parameters, use_tqdm=False, lora_request=self._lora))
        except Exception as error:
            raise LLMFailed(f"vLLM gave no answer from {self.model!r}: {_line(error)}") from error

    @cached_property
    def _lora(self) -> Any:
        if self.adapter is None:
            return None
        return needs("vllm.lora.request", "vllm").LoRARequest("adapter", 1, self.adapter)


def _scores(labels: Sequence[int], logprobs: Any, top: int | None) -> tuple[float, ...]:
    """Log-probabilities of label tokens from vLLM's of one position, which may hold the chosen token besides."""
    seen = {int(token): float(p.logprob) for token, p in logprobs.items() if top is None or (p.rank or inf) <= top}
    return tuple(seen.get(label, -inf) for label in labels)


def _sum_of_last(count: int, row: Sequence[int], logprobs: Sequence[Any]) -> float:
    """The log-probabilities of the last tokens of a row, summed, from vLLM's of each of its positions."""
    places = range(len(row) - count, len(row))
    if places and places[0] == 0:
        raise BadInput("a continuation needs a prompt before it: the first token has no probability")
    return fsum(float(logprobs[place][row[place]].logprob) for place in places)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
