"""Any server that speaks OpenAI's protocol: OpenAI, vLLM, SGLang, llama.cpp, TGI, `transformers serve`, and others."""

from __future__ import annotations

import json
import os
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Literal

from rankify.errors import BadInput, Misuse
from rankify.llm.logprobs import continuation_score, most_likely, scores_of
from rankify.llm.pieces import part, told
from rankify.llm.protocol import LLM, LLMFailed, MaxTokens, Method, Prompt, Reply, Value, most_of
from rankify.llm.sampling import Samplings, sampling_of
from rankify.llm.server import Server
from rankify.llm.usage import took
from rankify.remote.patience import Again, Item, Patience, Workers, check_patience, scrubbed
from rankify.remote.tokens import estimated, within
from rankify.spec import Spec, spec_of

# From what was asked, a choice of the server and its count of the prompt's tokens: the reply, its own counts left open.
Reader = Callable[[Item, Mapping[str, Any], int], Reply[Value]]
KEY = "OPENAI_API_KEY"
OPENAI = "https://api.openai.com/v1"
NO_MATTER = ("key", "parallel", "retries", "pause", "timeout", "deadline", "context")  # options that change no reply


class HTTP(LLM):
    """A model behind a server, asked many things at once.

    Args:
        model: its name on the server.
        base_url: where the server is, `/v1` included; by default `$OPENAI_BASE_URL`, or else OpenAI.
        key: the NAME of the environment variable that holds the key, by default `OPENAI_API_KEY` for OpenAI and for
            `$OPENAI_BASE_URL`, and none for a `base_url` of the spec, which may be anybody's. The key itself is never
            an option.
        api: `chat` sends messages, and the server applies the model's template; `completions` sends texts.
        prefill: how a chat is told the beginning of the reply. `continue`: as a last message of the assistant with
            `continue_final_message`, as vLLM, SGLang, TGI and llama.cpp read it, and `transformers serve` refuses.
            `message`: without those words, for older llama.cpp, LMDeploy and others that always continue a last message
            of the assistant. `none`: not at all, as with OpenAI's own chats in any case: then `prefills` is False.
        parallel: requests under way at once, from all threads together.
        retries, pause: tries after a failure that may pass, and seconds before the first of them; they double.
        timeout, deadline: seconds for one try, and for one prompt with all its tries.
        top_logprobs: the most log-probabilities the server gives for a token; OpenAI's and vLLM's most is 20, OpenAI's
            for completions 5.
        max_tokens_field: `max_completion_tokens` for OpenAI's chats, else `max_tokens`, unless given.
        context: the most tokens of a prompt and its reply, if the server will not cut them by itself.
        seed: sent along, if given.
        extra: JSON with more fields of the request, e.g. `{"chat_template_kwargs": {"enable_thinking": false}}`.
    """

    name = "http"
    independent = gives_logprobs = True
    ends = False

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        key: str | None = None,
        api: Literal["chat", "completions"] = "chat",
        prefill: Literal["continue", "message", "none"] = "continue",
        parallel: int = 16,
        retries: int = 5,
        pause: float = 0.5,
        timeout: float = 60.0,
        deadline: float = 600.0,
        top_logprobs: int = 20,
        max_tokens_field: str | None = None,
        context: int | None = None,
        seed: int | None = None,
        extra: str = "",
    ) -> None:
        self.model, self.key, self.api, self.prefill = model, key, api, prefill
        self.parallel, self.timeout, self.top_logprobs = parallel, timeout, top_logprobs
        self.retries, self.pause, self.deadline = retries, pause, deadline
        self.max_tokens_field, self.context, self.seed, self.extra = max_tokens_field, context, seed, extra
        self.url = (base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI).rstrip("/")
        self.base_url = None if self.url == OPENAI else self.url  # in the spec, wherever it came from
        self._check()
        if key is None and base_url is None and self.url != OPENAI:
            self.key = KEY  # in the spec too, which says the address from now on
        self._key = KEY if self.url == OPENAI and key is None else self.key or ""
        self._server, self._workers = Server(self.url, key=self._key, parallel=parallel), Workers(parallel)
        weakref.finalize(self, self._workers.close)
        both: frozenset[Method] = frozenset({"generate", "choose"})
        self.offers = both if api == "chat" else both | {"loglikelihood"}
        self.prefills = api == "completions" or (prefill != "none" and self.url != OPENAI)
        self.chats = api == "chat"
        self._lock = threading.Lock()

    def _check(self) -> None:
        """Refuses what no server could be asked with."""
        if self.api not in ("chat", "completions"):
            raise Misuse(f"api={self.api!r} should be chat or completions")
        if self.prefill not in ("continue", "message", "none"):
            raise Misuse(f"prefill={self.prefill!r} should be continue, message or none")
        check_patience(self, "top_logprobs")
        try:
            more = json.loads(self.extra or "{}")
        except ValueError:
            more = None
        if not isinstance(more, dict):
            raise Misuse(f"extra={self.extra!r} is no JSON object")
        self._extra: dict[str, Any] = more

    @property
    def identity(self) -> str:
        """What replies depend on: the spec without the options that change no reply."""
        spec = spec_of(self)
        return str(Spec(spec.name, spec.model, {o: v for o, v in spec.options.items() if o not in NO_MATTER}))

    def generate(
        self, prompts: Sequence[Prompt], *, max_tokens: MaxTokens, sampling: Samplings = None, logprobs: bool = False
    ) -> list[Reply[str]]:
        def read(prompt: Prompt, choice: Mapping[str, Any], _: int) -> Reply[str]:
            if self.api == "completions":
                said = str(choice["text"])
            else:
                said = str(choice["message"]["content"] or "").removeprefix(prompt.prefill)  # None: it only reasoned
            whole = choice.get("finish_reason") != "length" or prompt.stopped(said)
            kept = prompt.before_stop(said)  # also of a server that takes no notice of `stop`
            pieces = told(said, choice.get("logprobs"), f"{self._server.host} ({self.model!r})") if logprobs else ()
            return Reply(kept, finished=whole, logprobs=part(pieces, 0, len(kept)))

        drawn = sampling_of(sampling, len(prompts))
        tells = {"logprobs": self.api == "chat" or 1} if logprobs else {}
        bodies = [
            {**self._said(p), **tells, **({"stop": list(p.stop)} if p.stop else {}), **({} if s is None else asdict(s))}
            for p, s in zip(prompts, drawn, strict=True)
        ]
        return self._ask(prompts, bodies, read, most_of(max_tokens, len(prompts)))

    def choose(
        self, prompts: Sequence[Prompt], choices: Sequence[Sequence[str]], *, top: int | None = None
    ) -> list[Reply[tuple[float, ...]]]:
        if top is not None and top > self.top_logprobs:
            raise LLMFailed(
                f"top={top}, and {self._server.host} is asked for {self.top_logprobs} log-probabilities at most; "
                "lower top, or raise top_logprobs if the server gives more"
            )
        most = top or self.top_logprobs
        wanted = {"logprobs": True, "top_logprobs": most} if self.api == "chat" else {"logprobs": most}

        def read(choices: Sequence[str], choice: Mapping[str, Any], _: int) -> Reply[tuple[float, ...]]:
            likely = most_likely(choice.get("logprobs"), most)
            if likely is None:
                raise LLMFailed(
                    f"{self._server.host} gives no log-probabilities for {self.model!r}, which this method needs: use "
                    "one that reads generated text, another server (vllm serve, SGLang, llama.cpp), or hf: or vllm:"
                )
            return Reply(scores_of(choices, likely))

        return self._ask(choices, [self._said(p) | wanted for p in prompts], read, [1] * len(prompts))

    def loglikelihood(
        self, prompts: Sequence[Prompt], continuations: Sequence[str], *, end: bool = False
    ) -> list[Reply[float]]:
        if self.api == "chat" or end:
            what = "the end of a text" if end else "a given text in a chat"
            way_out = "" if end else "api=completions with a server that echoes prompts (vLLM, SGLang), or "
            raise LLMFailed(f"{self._server.host} cannot say how likely {what} is: use {way_out}hf: or vllm:")
        heads = [p.plain + p.prefill for p in prompts]
        texts = [head + continuation for head, continuation in zip(heads, continuations, strict=True)]

        def read(asked: tuple[str, str], choice: Mapping[str, Any], prompt_tokens: int) -> Reply[float]:
            score = continuation_score(*asked, choice.get("logprobs"), prompt_tokens)
            if score is None:
                raise LLMFailed(
                    f"{self._server.host} does not echo a prompt with its log-probabilities, which this method needs: "
                    "use vllm serve or SGLang, or hf: or vllm:"
                )
            return Reply(score)

        bodies = [{"prompt": text, "echo": True, "logprobs": 1} for text in texts]
        items = list(zip(heads, texts, strict=True))
        return self._ask(items, bodies, read, [1] * len(items))  # not 0, which some servers read as "no limit"

    def tokens(self, texts: Sequence[str]) -> list[int]:
        """An estimate on the safe side: a token for three bytes of UTF-8. English has 4 to 5, Chinese about 3."""
        return [estimated(text) for text in texts]

    def reply_tokens(self, text: str) -> int:
        """A token for each byte: no tokenizer needs more, and a model that is done sooner stops sooner."""
        return len(text.encode("utf-8", "replace"))

    def cut(self, texts: Sequence[str], most: int) -> list[str]:
        """By an estimate of the usual size: four letters of ASCII a token, or one other character."""
        return [text[: within(text, most)].rstrip() for text in texts]

    def prompt_tokens(self, prompts: Sequence[Prompt]) -> list[int]:
        texts = self.tokens([p.plain + p.prefill for p in prompts])
        return [n + 8 * (len(p.messages) + 1) for n, p in zip(texts, prompts, strict=True)]  # 8: a template's a message

    def _said(self, prompt: Prompt) -> dict[str, Any]:
        """The part of a request that is the prompt."""
        if self.api == "completions":
            return {"prompt": prompt.plain + prompt.prefill}
        if prompt.text:
            raise BadInput(f"{self!r} sends chats, but this prompt is a text in the model's format: api=completions")
        messages = [{"role": m.role, "content": m.content} for m in prompt.messages]
        if not prompt.prefill:
            return {"messages": messages}
        if not self.prefills:
            raise BadInput(f"{self!r} cannot go on from a beginning of the reply ({prompt.prefill!r}): api=completions")
        begun = {"messages": [*messages, {"role": "assistant", "content": prompt.prefill}]}
        if self.prefill == "message":
            return begun
        return {**begun, "continue_final_message": True, "add_generation_prompt": False}

    def _ask(
        self,
        items: Sequence[Item],
        bodies: Sequence[Mapping[str, Any]],
        read: Reader[Item, Value],
        most: Sequence[int],
    ) -> list[Reply[Value]]:
        """One reply an item, of so many tokens at most, from the server's answers, in their order."""
        openai = self.url == OPENAI and self.api == "chat"
        limit = self.max_tokens_field or ("max_completion_tokens" if openai else "max_tokens")
        always = {"model": self.model, "temperature": 0} | ({} if self.seed is None else {"seed": self.seed})
        patience = Patience(self.retries, self.pause, self.deadline, LLMFailed)

        def one(asked: tuple[Item, Mapping[str, Any]], stopped: threading.Event) -> Reply[Value]:
            item, body = asked
            return patience.answer(lambda left: self._once(item, body, read, left), stopped)

        bodies = [{**always, limit: own, **body, **self._extra} for own, body in zip(most, bodies, strict=True)]
        return self._workers.each(one, list(zip(items, bodies, strict=True)))

    def _once(self, item: Item, body: Mapping[str, Any], read: Reader[Item, Value], left: float) -> Reply[Value]:
        """The reply of one try.

        Raises:
            Again: a failure that may pass.
            LLMFailed: one that will not.
        """
        with self._lock:
            self.passes += 1
        path = "/chat/completions" if self.api == "chat" else "/completions"
        answer = self._server.post(path, json.dumps(body).encode(), min(self.timeout, left))
        try:
            usage = answer.get("usage") or {}
            reply = read(item, answer["choices"][0], int(usage.get("prompt_tokens") or 0))
            counts = took(usage, body, answer["choices"][0], reply.value, self.tokens)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            answered = scrubbed(json.dumps(answer), 80, key=self._key)
            raise Again(f"{self._server.host} answered {answered!r}, which is no reply") from None
        return replace(reply, **counts)
