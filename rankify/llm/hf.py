"""Language models of Hugging Face transformers in this process, causal or encoder-decoder, in padded batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import repeat
from typing import Any, ClassVar

from rankify.encoders.hub import revision_of
from rankify.errors import BadInput
from rankify.llm.hf_causal import Causal
from rankify.llm.hf_cross_attention import looked_at
from rankify.llm.hf_following import Following
from rankify.llm.hf_format import Format, markup, shortened, tokenized
from rankify.llm.hf_loading import adapter_folders, context_of, decoder_start, ends_of, loaded
from rankify.llm.hf_mixing import mixed_tokens, shares_of
from rankify.llm.hf_reading import Reading
from rankify.llm.hf_rows import Budget, Manner, Network, Row, Text
from rankify.llm.hf_scores import Values, each_of, logits_of, sums_of
from rankify.llm.hf_self_attention import looks_of, unable
from rankify.llm.hf_seq2seq import Seq2Seq
from rankify.llm.pieces import part
from rankify.llm.protocol import LLM, Attention, LLMFailed, MaxTokens, Prompt, Reply, most_of
from rankify.llm.sampling import Samplings, sampling_of
from rankify.spec import Spec, spec_of

NO_MATTER = {"revision", "device", "device_map", "batch_tokens", "share_prefix"}  # options that change no reply


class HF(LLM):
    """A model of a folder or a hub id, run by transformers; its own settings of decoding do not count.

    Args:
        model: a folder or a hub id; safetensors only, and none of its code is run.
        revision: a branch, tag or commit of the hub's repository.
        dtype: float32, bfloat16 or float16.
        device: cpu, cuda, cuda:1, ...; a GPU if there is one.
        device_map: how accelerate lays the model out over several devices, e.g. auto; in place of `device`.
        adapter: a LoRA adapter, folder or hub id, that is merged into the model; several with commas between them.
        batch_tokens: the tokens of one batch, padding and what may be written included; what suits the device if not
            given. Batches are halved when memory runs out.
        max_length: the most tokens of a prompt and its reply, where that is fewer than the model's positions, or where
            the model has no such limit (T5).
        template: one turn as the model wants it, e.g. "{system} USER: {user} ASSISTANT:"; the tokenizer's chat
            template if not given.
        bos: once, doubled (for models trained so), or as written; see `Format`.
        thinking: what a chat template that knows `enable_thinking` is told.
        share_prefix: whether what several prompts of a call begin with is read once (causal models).
    """

    name: ClassVar[str] = "hf"
    raw_logits = gives_logprobs = True

    def __init__(
        self, model: str, *, revision: str | None = None, dtype: str = "float32", device: str | None = None,
        device_map: str | None = None, adapter: str | None = None, batch_tokens: int | None = None,
        max_length: int | None = None, template: str | None = None, bos: str = "once", thinking: bool | None = None,
        share_prefix: bool = True,
    ) -> None:  # fmt: skip
        self.model, self.revision, self.dtype, self.device = model, revision, dtype, device
        self.device_map, self.adapter, self.batch_tokens = device_map, adapter, batch_tokens
        self.max_length, self.template, self.bos = max_length, template, bos
        self.thinking, self.share_prefix = thinking, share_prefix
        self.checkpoint = loaded(
            model, revision=revision, dtype=dtype, device=device, device_map=device_map, adapter=adapter
        )
        own = self.checkpoint
        self._format = Format(own.tokenizer, template=template, bos=bos, thinking=thinking)
        self._following = Following(own.tokenizer)
        self.context, self.special = context_of(own, max_length), markup(own.tokenizer)
        self._ends = ends_of(own)
        self.encoder_decoder = bool(own.network.config.is_encoder_decoder)
        self._start = decoder_start(own.network) if self.encoder_decoder else None
        self.fuses = self.encoder_decoder
        self._reading = Reading(self._format, self._start)
        self._network = self._made(Budget.of(own.device, batch_tokens))
        self._unable = unable(self._network) if isinstance(self._network, Causal) else ""
        self.offers = LLM.offers | {"mix"} if self._unable else LLM.offers | {"attend", "mix"}
        self.passes = 0

    @cached_property
    def identity(self) -> str:
        """What replies depend on: the files of the model and its adapter, and how prompts are made of messages."""
        spec = spec_of(self)
        options = {option: value for option, value in spec.options.items() if option not in NO_MATTER}
        files = [
            revision_of(self.checkpoint.folder),
            *map(revision_of, adapter_folders(self.adapter) if self.adapter else []),
        ]
        return f"{Spec(spec.name, spec.model, options)} {' '.join(files)}"

    def generate(
        self, prompts: Sequence[Prompt], *, max_tokens: MaxTokens, sampling: Samplings = None, logprobs: bool = False
    ) -> list[Reply[str]]:
        most, drawn = most_of(max_tokens, len(prompts)), sampling_of(sampling, len(prompts))
        rows = self._rows(prompts, least=1)
        overs = [self._over(prompt) for prompt in prompts]
        manners = [*map(Manner, self._limits(rows, most), drawn, overs, repeat(logprobs))]
        written = self._counted(lambda: self._network.write(rows, manners, self._ends))
        return [*map(self._reply, prompts, map(len, rows), written)]

    def mix(
        self, prompts: Sequence[Sequence[Prompt]], weights: Sequence[Sequence[float]], *, max_tokens: MaxTokens,
        sampling: Samplings = None,
    ) -> list[Reply[str]]:  # fmt: skip
        most, drawn = most_of(max_tokens, len(prompts)), sampling_of(sampling, len(prompts))
        shares = [shares_of(own, len(group)) for own, group in zip(weights, prompts, strict=True)]
        groups = [self._rows(group, least=1) for group in prompts]
        limits = [min(self._limits(rows, [own] * len(rows))) for rows, own in zip(groups, most, strict=True)]
        manners = [*map(Manner, limits, drawn, (self._over(group[0]) for group in prompts))]
        written = map(Text, self._counted(lambda: mixed_tokens(self._network, groups, shares, manners, self._ends)))
        read = [sum(map(len, rows)) for rows in groups]
        return [*map(self._reply, (group[0] for group in prompts), read, written)]

    def _reply(self, prompt: Prompt, read: int, written: Text) -> Reply[str]:
        """What was written, as far as the prompt wants it."""
        tokens, begins = written.tokens, not self._goes_on(prompt)
        text = self._following.text(tokens, begins=begins)
        ended, kept = tokens[-1] in self._ends, prompt.before_stop(text)
        pieces = self._following.pieces(tokens, begins=begins) if written.logprobs else ()
        told = tuple(zip(pieces, written.logprobs, strict=True))
        return Reply(
            kept, prompt_tokens=read, generated_tokens=len(tokens), finished=ended or prompt.stopped(text),
            logprobs=part(told, 0, len(kept)),
        )  # fmt: skip

    def choose(
        self, prompts: Sequence[Prompt], choices: Sequence[Sequence[str]], *, top: int | None = None
    ) -> list[Reply[Values]]:
        rows = self._rows(prompts)
        tokens = [
            [self._tokens(prompt, choice) for choice in several]
            for prompt, several in zip(prompts, choices, strict=True)
        ]
        single = [all(len(choice) == 1 for choice in several) for several in tokens]
        if top is not None and not all(single):
            place = single.index(False)
            longer = next(c for c, t in zip(choices[place], tokens[place], strict=True) if len(t) > 1)
            raise LLMFailed(f"choice {longer!r} is more than one token of {self.model!r}: top={top} cannot see it")
        values = self._counted(lambda: self._chosen(rows, tokens, single, top))
        return [Reply(value, prompt_tokens=len(row)) for value, row in zip(values, rows, strict=True)]

    def loglikelihood(
        self, prompts: Sequence[Prompt], continuations: Sequence[str], *, end: bool = False
    ) -> list[Reply[float]]:
        rows = self._rows(prompts)
        ending = [self._ending()] if end else []
        targets = [[*self._tokens(p, c), *ending] for p, c in zip(prompts, continuations, strict=True)]
        longer = [row.followed(target) for row, target in zip(rows, targets, strict=True)]
        self._fit(longer, more=1)
        sums = self._counted(lambda: sums_of(self._network, longer, targets))
        return [Reply(value, prompt_tokens=len(row) + 1) for value, row in zip(sums, longer, strict=True)]

    def told(self, rows: Sequence[Sequence[int]], last: Sequence[int]) -> list[list[float]]:
        """The log-probabilities of each text's last tokens, as many as `last` says of it.

        Args:
            rows: texts as token ids, which are read as they stand.

        Raises:
            BadInput: the model has a decoder of its own, or nothing stands before a token that is asked about.
        """
        if self.encoder_decoder:
            raise BadInput(
                f"{self!r} reads a text with its encoder and cannot tell how likely it is: use a causal model"
            )
        if any(not 0 < n < len(row) for row, n in zip(rows, last, strict=True)):
            raise BadInput("the first token of a text has no probability: ask for fewer of its last tokens, 1 at least")
        read = [Row(list(row[:-1]), wanted=n) for row, n in zip(rows, last, strict=True)]
        self._fit(read, more=1)
        targets = [list(row[-n:]) for row, n in zip(rows, last, strict=True)]
        return [*self._counted(lambda: each_of(self._network, read, targets))]

    def attend(self, prompts: Sequence[Prompt], *, max_tokens: int = 1, last: bool = False) -> list[Reply[Attention]]:
        if not all(prompt.spans for prompt in prompts):
            raise BadInput("a prompt does not say where its documents stand, so nothing can be said of what they get")
        if not isinstance(self._network, Seq2Seq):
            return self._looks(prompts, last)
        network, rows = self._network, self._rows(prompts, least=1)
        manners = [*map(Manner, most_of(max_tokens, len(prompts)))]
        looked = self._counted(lambda: looked_at(network, rows, manners, self._ends))
        return [
            Reply(
                attention, prompt_tokens=len(row), generated_tokens=len(tokens), finished=tokens[-1] in self._ends
            )
            for row, (tokens, attention) in zip(rows, looked, strict=True)
        ]  # fmt: skip

    def _looks(self, prompts: Sequence[Prompt], last: bool) -> list[Reply[Attention]]:
        """What a causal model looks at; what several prompts begin with counts once, with the first of them."""
        if self._unable or not isinstance(self._network, Causal):
            raise BadInput(f"{self!r} cannot attend: {self._unable}")
        network, rows = self._network, self._rows(prompts)
        looks = self._counted(lambda: looks_of(network, self.checkpoint.tokenizer, rows, last=last))
        return [Reply(attention, prompt_tokens=read) for read, attention in looks]

    def tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(row) for row in tokenized(self.checkpoint.tokenizer, texts)]

    def cut(self, texts: Sequence[str], most: int) -> list[str]:
        tokenizer = self.checkpoint.tokenizer
        return shortened(tokenizer, texts, most) if tokenizer.is_fast else super().cut(texts, most)

    def prompt_tokens(self, prompts: Sequence[Prompt]) -> list[int]:
        """How many tokens each prompt is, its format included; of parts, which are read apart, the longest counts."""
        return [row.at_once for row in self._reading.rows(prompts)]

    def _made(self, budget: Budget) -> Network:
        network, device = self.checkpoint.network, self.checkpoint.device
        if self._start is not None:
            return Seq2Seq(network, device=device, budget=budget, fit=self.batch_tokens is None)
        return Causal(network, device=device, budget=budget, share=self.share_prefix)

    def _rows(self, prompts: Sequence[Prompt], *, least: int = 0) -> list[Row]:
        """What the network reads of each prompt.

        Args:
            least: tokens that must fit behind it.

        Raises:
            BadInput: a prompt is longer than the network can read.
        """
        rows = self._reading.rows(prompts)
        self._fit(rows, more=least)
        return rows

    def _fit(self, rows: Sequence[Row], *, more: int) -> None:
        lengths = [max([len(row.tokens) + more, *map(len, row.encoder or ())]) for row in rows]
        longest = max(lengths, default=0)
        if self.context is not None and longest > self.context:
            raise BadInput(
                f"prompt {lengths.index(longest)} has {longest:,} tokens with what follows it, and {self.model!r} "
                f"reads {self.context:,} at most: shorten its texts or show fewer of them{self._or_longer()}"
            )

    def _or_longer(self) -> str:
        positions = getattr(self.checkpoint.network.config.get_text_config(), "max_position_embeddings", None)
        return "" if positions else ", or give a larger max_length: this model has no fixed limit"

    def _limits(self, rows: Sequence[Row], most: list[int]) -> list[int]:
        """How many tokens may be written behind each row."""
        if self.context is None or self._start is not None:
            return most
        return [min(own, self.context - len(row.tokens)) for own, row in zip(most, rows, strict=True)]

    def _over(self, prompt: Prompt) -> Callable[[Sequence[int]], bool] | None:
        """Whether the tokens written so far hold a text at which the reply ends; its last tokens are enough to see."""
        if not prompt.stop:
            return None
        # a token that completes a stop may begin before it, and one character may take several tokens
        reach = 4 * max(map(len, prompt.stop)) + 4
        begins = not self._goes_on(prompt)
        return lambda tokens: prompt.stopped(self._following.text(tokens[-reach:], begins=begins))

    def _goes_on(self, prompt: Prompt) -> bool:
        """Whether what comes next goes on in the middle of a text instead of beginning one."""
        return bool(prompt.prefill) or (self._start is None and bool(prompt.text))

    def _tokens(self, prompt: Prompt, text: str) -> list[int]:
        found = self._following.tokens(text, begins=self._start is not None and not prompt.prefill)
        if not found:
            raise BadInput(f"{text!r} is no token of {self.model!r}, so it cannot be told how likely it is")
        return found

    def _ending(self) -> int:
        own = self.checkpoint.tokenizer.eos_token_id
        if own is None and not self._ends:
            raise BadInput(f"{self.model!r} has no end-of-sequence token")
        return int(min(self._ends) if own is None else own)

    def _counted(self, work: Callable[[], Any]) -> Any:
        """What the work returns; the passes it took are added."""
        import torch

        with torch.inference_mode():
            found = work()
        self.passes, self._network.passes = self.passes + self._network.passes, 0
        return found

    def _chosen(
        self, rows: Sequence[Row], tokens: Sequence[Sequence[list[int]]], single: Sequence[bool], top: int | None
    ) -> list[Values]:
        """The scores of each prompt's choices: logits where all are one token, else log-probabilities."""
        found: list[Values] = [()] * len(rows)
        alone = [place for place, one in enumerate(single) if one and tokens[place]]
        logits = logits_of(self._network, [rows[p] for p in alone], [[t for (t,) in tokens[p]] for p in alone], top)
        for place, values in zip(alone, logits, strict=True):
            found[place] = values
        chained = [place for place, one in enumerate(single) if not one]
        targets = [choice for place in chained for choice in tokens[place]]
        longer = [rows[place].followed(choice) for place in chained for choice in tokens[place]]
        self._fit(longer, more=1)
        sums = iter(sums_of(self._network, longer, targets))
        for place in chained:
            found[place] = tuple(next(sums) for _ in tokens[place])
        return found
