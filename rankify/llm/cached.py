"""A backend that remembers: what was asked once, by any process, is not asked again."""

from __future__ import annotations

import hashlib
import json
import weakref
from collections.abc import Callable, Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from rankify.errors import Misuse
from rankify.io.cache import cache_folder
from rankify.llm.loading import load, passes_on
from rankify.llm.memory import Memory
from rankify.llm.protocol import LLM, Attention, MaxTokens, Prompt, Reply, Value, most_of
from rankify.llm.sampling import Samplings, sampling_of
from rankify.remote.patience import Workers
from rankify.spec import Spec

Ask = Callable[[Sequence[int]], list[Reply[Value]]]


def _inner(name: str) -> Any:
    """An attribute that is the remembered backend's own."""
    return property(lambda self: getattr(self.inner, name))


class Cached(LLM):
    """Another backend, its replies kept in a file that several processes may use at once.

    Replies are written while the run goes on, so that a killed one is taken up where it was: a server's reply as soon
    as it is there, others after every few prompts. Remembered replies are marked so and keep their token counts.

    Args:
        model: the other backend's spec, or the backend; its options may stand among Cached's own.
        folder: where the file is; by default in the cache folder.
        every: how many prompts a backend that runs in this process is asked at once, and loses if the run is killed.

    Raises:
        BadInput: there is another kind of file under that name.
    """

    name = "cached"
    passes_on = staticmethod(passes_on)
    offers = _inner("offers")
    raw_logits = _inner("raw_logits")
    encoder_decoder = _inner("encoder_decoder")
    prefills = _inner("prefills")
    chats = _inner("chats")
    fuses = _inner("fuses")
    ends = _inner("ends")
    gives_logprobs = _inner("gives_logprobs")
    independent = _inner("independent")
    context = _inner("context")
    special = _inner("special")
    identity = _inner("identity")
    knowing = _inner("knowing")
    passes = _inner("passes")

    def __init__(self, model: str | LLM, *, folder: str | None = None, every: int = 64, **options: Any) -> None:
        if isinstance(model, LLM) and options:
            raise Misuse(f"option {min(options)!r} belongs to the backend {model!r}, which is built already")
        if every < 1:
            raise Misuse(f"every={every} should be at least 1")
        self.inner = load(model, **options)
        spec = Spec.parse(repr(self.inner))
        self.model = f"{spec.name}:{spec.model}" if spec.model else spec.name
        self._identity = self.inner.identity
        self.folder, self.every = None if folder is None else str(folder), every
        self.memory = Memory(Path(self.folder or cache_folder("replies")) / "replies.sqlite")
        self._workers = Workers(self.parallel)
        weakref.finalize(self, self._workers.close)

    @property
    def parallel(self) -> int:
        """How many prompts may be under way at once."""
        return int(getattr(self.inner, "parallel", 1))

    def generate(
        self, prompts: Sequence[Prompt], *, max_tokens: MaxTokens, sampling: Samplings = None, logprobs: bool = False
    ) -> list[Reply[str]]:
        most, drawn = most_of(max_tokens, len(prompts)), sampling_of(sampling, len(prompts))
        tells: dict[str, Any] = {"logprobs": True} if logprobs else {}

        def ask(places: Sequence[int]) -> list[Reply[str]]:
            how: dict[str, Any] = {"sampling": [drawn[i] for i in places]} if any(drawn[i] for i in places) else {}
            asked, own = [prompts[i] for i in places], [most[i] for i in places]
            return self.inner.generate(asked, max_tokens=own, **how, **tells)

        keys = [
            self._key("generate", prompt, own, *([] if how is None else [astuple(how)]), *tells)
            for prompt, own, how in zip(prompts, most, drawn, strict=True)
        ]
        return self._remembered(keys, ask, str)

    def mix(
        self, prompts: Sequence[Sequence[Prompt]], weights: Sequence[Sequence[float]], *, max_tokens: MaxTokens,
        sampling: Samplings = None,
    ) -> list[Reply[str]]:  # fmt: skip
        most, drawn = most_of(max_tokens, len(prompts)), sampling_of(sampling, len(prompts))

        def ask(places: Sequence[int]) -> list[Reply[str]]:
            how: dict[str, Any] = {"sampling": [drawn[i] for i in places]} if any(drawn[i] for i in places) else {}
            groups, shares = [prompts[i] for i in places], [weights[i] for i in places]
            return self.inner.mix(groups, shares, max_tokens=[most[i] for i in places], **how)

        keys = [
            self._key("mix", group[0], [self._key("mix", p) for p in group], list(own), most, how and astuple(how))
            for group, own, most, how in zip(prompts, weights, most, drawn, strict=True)
        ]
        return self._remembered(keys, ask, str)

    def choose(
        self, prompts: Sequence[Prompt], choices: Sequence[Sequence[str]], *, top: int | None = None
    ) -> list[Reply[tuple[float, ...]]]:
        def ask(places: Sequence[int]) -> list[Reply[tuple[float, ...]]]:
            return self.inner.choose([prompts[i] for i in places], [choices[i] for i in places], top=top)

        keys = [self._key("choose", p, list(c), top) for p, c in zip(prompts, choices, strict=True)]
        return self._remembered(keys, ask, tuple)

    def loglikelihood(
        self, prompts: Sequence[Prompt], continuations: Sequence[str], *, end: bool = False
    ) -> list[Reply[float]]:
        def ask(places: Sequence[int]) -> list[Reply[float]]:
            return self.inner.loglikelihood([prompts[i] for i in places], [continuations[i] for i in places], end=end)

        keys = [self._key("loglikelihood", p, c, end) for p, c in zip(prompts, continuations, strict=True)]
        return self._remembered(keys, ask, float)

    def attend(self, prompts: Sequence[Prompt], *, max_tokens: int = 1, last: bool = False) -> list[Reply[Attention]]:
        def ask(places: Sequence[int]) -> list[Reply[Attention]]:
            return self.inner.attend([prompts[i] for i in places], max_tokens=max_tokens, last=last)

        keys = [self._key("attend", p, max_tokens, last) for p in prompts]
        return self._remembered(keys, ask, lambda kept: tuple(map(tuple, kept)))

    def tokens(self, texts: Sequence[str]) -> list[int]:
        return self.inner.tokens(texts)

    def cut(self, texts: Sequence[str], most: int) -> list[str]:
        return self.inner.cut(texts, most)

    def reply_tokens(self, text: str) -> int:
        return self.inner.reply_tokens(text)

    def prompt_tokens(self, prompts: Sequence[Prompt]) -> list[int]:
        return self.inner.prompt_tokens(prompts)

    def _key(self, method: str, prompt: Prompt, *asked: Any) -> str:
        """The name of a reply: a digest of all it depends on."""
        messages = [[m.role, m.content] for m in prompt.messages]
        shown = [prompt.shown.query, prompt.shown.documents] if self.knowing and prompt.shown else []
        read = [messages, prompt.text, prompt.parts, prompt.most, prompt.spans, prompt.prefill]
        ends = [["stop", *prompt.stop]] if prompt.stop else []
        whole = [method, self._identity, *read, *ends, *shown, *asked]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()

    def _remembered(self, keys: Sequence[str], ask: Ask[Value], read: Callable[[Any], Value]) -> list[Reply[Value]]:
        """The replies in the order of their keys; each key that is not known is asked once, at its first place."""
        known = {key: replace(kept, value=read(kept.value)) for key, kept in self.memory.recall(keys).items()}
        first: dict[str, int] = {}
        for place, key in enumerate(keys):
            if key not in known:
                first.setdefault(key, place)
        places = list(first.values())
        fresh = dict(zip(places, self._asked(places, keys, ask), strict=True))
        known |= {key: replace(fresh[place], cached=True) for key, place in first.items()}
        return [fresh.get(place) or known[key] for place, key in enumerate(keys)]

    def _asked(self, places: Sequence[int], keys: Sequence[str], ask: Ask[Value]) -> list[Reply[Value]]:
        """The backend's replies for some places, kept as soon as they are there."""

        def some(part: Sequence[int], _: object = None) -> list[Reply[Value]]:
            replies = ask(part)
            self.memory.keep({keys[place]: reply for place, reply in zip(part, replies, strict=True)})
            return replies

        size = 1 if self.independent else self.every
        parts = [places[start : start + size] for start in range(0, len(places), size)]
        answers = self._workers.each(some, parts) if self.independent else map(some, parts)
        return [reply for replies in answers for reply in replies]

    def __repr__(self) -> str:
        spec = Spec.parse(repr(self.inner))
        own: dict[str, Any] = {} if self.folder is None else {"folder": self.folder}
        return str(
            Spec(self.name, self.model, {**spec.options, **own, **({} if self.every == 64 else {"every": self.every})})
        )
