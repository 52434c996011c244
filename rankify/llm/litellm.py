"""Any host that LiteLLM knows how to ask: Anthropic, Google, Bedrock, Ollama, and a hundred more."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rankify.errors import BadInput, needs
from rankify.llm.logprobs import most_likely, scores_of
from rankify.llm.pieces import part, told
from rankify.llm.protocol import LLM, LLMFailed, MaxTokens, Prompt, Reply, Value, most_of
from rankify.llm.sampling import Sampling, Samplings, sampling_of
from rankify.llm.usage import took
from rankify.remote.patience import Again, Item, Patience, Workers, check_patience, scrubbed
from rankify.spec import Spec, spec_of

PASSING = (
    "RateLimitError",
    "Timeout",
    "APIConnectionError",
    "InternalServerError",
    "ServiceUnavailableError",
    "BadGatewayError",
)
NO_MATTER = ("parallel", "retries", "pause", "timeout", "deadline", "context")  # options that change no reply
Reader = Callable[[Item, Mapping[str, Any]], Reply[Value]]  # its own counts left open


class LiteLLM(LLM):
    """A hosted model, asked through LiteLLM. Keys come from the environment variables that LiteLLM documents.

    Args:
        model: LiteLLM's name for it, e.g. `anthropic/claude-sonnet-4-5` or `ollama/llama3`.
        api_base: the host's address, where it is not the usual one.
        parallel: requests under way at once, from all threads together.
        retries, pause: tries after a failure that may pass, and seconds before the first of them; they double.
        timeout, deadline: seconds for one try, and for one prompt with all its tries.
        top_logprobs: the most log-probabilities the host gives for a token.
        context: the most tokens of a prompt and its reply.
        seed: sent along, if given.
    """

    name = "litellm"
    independent = True
    chats = True
    offers = frozenset({"generate", "choose"})

    def __init__(
        self,
        model: str,
        *,
        api_base: str | None = None,
        parallel: int = 16,
        retries: int = 5,
        pause: float = 0.5,
        timeout: float = 60.0,
        deadline: float = 600.0,
        top_logprobs: int = 20,
        context: int | None = None,
        seed: int | None = None,
    ) -> None:
        self.model, self.api_base, self.parallel, self.timeout = model, api_base, parallel, timeout
        self.retries, self.pause, self.deadline = retries, pause, deadline
        self.top_logprobs, self.context, self.seed = top_logprobs, context, seed
        check_patience(self, "top_logprobs")
        self._litellm = _library()
        self.prefills = bool(self._litellm.utils.supports_assistant_prefill(model))
        self._workers, self._lock = Workers(parallel), threading.Lock()
        weakref.finalize(self, self._workers.close)

    @property
    def identity(self) -> str:
        """What replies depend on: the spec without the options that change no reply."""
        spec = spec_of(self)
        return str(Spec(spec.name, spec.model, {o: v for o, v in spec.options.items() if o not in NO_MATTER}))

    @property
    def gives_logprobs(self) -> bool:  # type: ignore[override]
        """As LiteLLM says of the host; of one that it does not know, the reply will show."""
        known = self._litellm.get_supported_openai_params(model=self.model)
        return known is None or "logprobs" in known

    def generate(
        self, prompts: Sequence[Prompt], *, max_tokens: MaxTokens, sampling: Samplings = None, logprobs: bool = False
    ) -> list[Reply[str]]:
        if logprobs and not self.gives_logprobs:
            raise self.cannot_tell()

        def read(prompt: Prompt, choice: Mapping[str, Any]) -> Reply[str]:
            said = str(choice["message"]["content"] or "").removeprefix(prompt.prefill)  # None: it only reasoned
            whole, kept = choice.get("finish_reason") != "length" or prompt.stopped(said), prompt.before_stop(said)
            pieces = told(said, choice.get("logprobs"), f"{self.model!r} through LiteLLM") if logprobs else ()
            return Reply(kept, finished=whole, logprobs=part(pieces, 0, len(kept)))

        drawn = [
            {**self._drawn(how), **({"stop": list(p.stop)} if p.stop else {})}
            for p, how in zip(prompts, sampling_of(sampling, len(prompts)), strict=True)
        ]
        tells = {"logprobs": True} if logprobs else {}
        return self._ask(prompts, prompts, read, most_of(max_tokens, len(prompts)), drawn, **tells)

    def choose(
        self, prompts: Sequence[Prompt], choices: Sequence[Sequence[str]], *, top: int | None = None
    ) -> list[Reply[tuple[float, ...]]]:
        if top is not None and top > self.top_logprobs:
            raise LLMFailed(
                f"top={top}, and {self.model!r} gives {self.top_logprobs} log-probabilities at most; lower top"
            )
        most = top or self.top_logprobs

        def read(choices: Sequence[str], choice: Mapping[str, Any]) -> Reply[tuple[float, ...]]:
            likely = most_likely(choice.get("logprobs"), most)
            if likely is None:
                raise LLMFailed(
                    f"{self.model!r} gives no log-probabilities through LiteLLM, which this method needs: use one that "
                    "reads generated text, or http: with a server that gives them, or hf: or vllm:"
                )
            return Reply(scores_of(choices, likely))

        return self._ask(prompts, choices, read, [1] * len(prompts), logprobs=True, top_logprobs=most)

    def tokens(self, texts: Sequence[str]) -> list[int]:
        """As LiteLLM counts: with the host's tokenizer where it has it, else an estimate."""
        return [int(self._litellm.token_counter(model=self.model, text=text)) for text in texts]

    def reply_tokens(self, text: str) -> int:
        """A token for each byte: no tokenizer needs more, and a model that is done sooner stops sooner."""
        return len(text.encode("utf-8", "replace"))

    def _drawn(self, sampling: Sampling | None) -> dict[str, Any]:
        """The fields of a request that say how a reply is drawn; a seed for hosts alone that take one."""
        if sampling is None:
            return {}
        fields = {"temperature": sampling.temperature, "top_p": sampling.top_p, "seed": sampling.seed}
        known = self._litellm.get_supported_openai_params(model=self.model) or []
        return {name: value for name, value in fields.items() if name == "temperature" or name in known}

    def _messages(self, prompt: Prompt) -> list[dict[str, Any]]:
        """The prompt, and the beginning of the reply as a last message."""
        if prompt.text:
            raise BadInput(f"{self!r} sends chats, but this prompt is a text in the model's format: use hf: or http:")
        messages: list[dict[str, Any]] = [{"role": m.role, "content": m.content} for m in prompt.messages]
        if prompt.prefill and not self.prefills:
            raise BadInput(
                f"{self!r} cannot go on from a beginning of the reply ({prompt.prefill!r}): use hf: or vllm:"
            )
        begun = [{"role": "assistant", "content": prompt.prefill, "prefix": True}] if prompt.prefill else []
        return [*messages, *begun]

    def _ask(
        self,
        prompts: Sequence[Prompt],
        items: Sequence[Item],
        read: Reader[Item, Value],
        most: Sequence[int],
        drawn: Sequence[Mapping[str, Any]] = (),
        **how: Any,
    ) -> list[Reply[Value]]:
        """One reply an item, of so many tokens at most, from the host's answers, in their order."""
        given = {"api_base": self.api_base, "seed": self.seed}
        always = {"model": self.model, "temperature": 0, "num_retries": 0, "max_retries": 0, **how}
        always |= {name: value for name, value in given.items() if value is not None}
        patience = Patience(self.retries, self.pause, self.deadline, LLMFailed)

        def one(asked: tuple[Item, dict[str, Any]], stopped: threading.Event) -> Reply[Value]:
            item, body = asked
            return patience.answer(lambda left: self._once(item, body, read, left), stopped)

        bodies = [
            {**always, "messages": self._messages(prompt), "max_tokens": own, **more}
            for prompt, own, more in zip(prompts, most, drawn or [{}] * len(prompts), strict=True)
        ]
        return self._workers.each(one, list(zip(items, bodies, strict=True)))

    def _once(self, item: Item, request: Mapping[str, Any], read: Reader[Item, Value], left: float) -> Reply[Value]:
        """The reply of one try.

        Raises:
            Again: a failure that may pass.
            LLMFailed: one that will not.
        """
        with self._lock:
            self.passes += 1
        try:
            answer = self._litellm.completion(**request, timeout=min(self.timeout, left)).model_dump()
        except Exception as error:  # noqa: BLE001 - LiteLLM's errors have no common class of their own
            raise self._refusal(error) from None
        try:
            reply = read(item, answer["choices"][0])
            counts = took(answer.get("usage"), request, answer["choices"][0], reply.value, self.tokens)
        except (ValueError, KeyError, TypeError, IndexError):
            raise Again(f"{self.model!r} answered what is no reply: {scrubbed(str(answer), 80)!r}") from None
        return replace(reply, **counts)

    def _refusal(self, error: Exception) -> Exception:
        """What to raise for an error of LiteLLM's, by its name; a subclass is what it derives from."""
        cause = f"{self.model!r} through LiteLLM: {type(error).__name__}: {scrubbed(str(error))}"
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if kinds & set(PASSING) and "insufficient_quota" not in str(error):
            return Again(cause)
        if kinds & {"AuthenticationError", "PermissionDeniedError"}:
            return LLMFailed(f"{cause}; set the host's key in the environment variable that LiteLLM reads")
        return LLMFailed(f"{cause}; not tried again, because the request itself is refused: change what it names")


def _library() -> Any:
    """LiteLLM, which fetches prices when imported, and prints advice beside its errors, unless told not to."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    found: Any = needs("litellm", "litellm")
    setattr(found, "suppress_debug_info", True)  # noqa: B010 - a module, to mypy, has no such attribute
    return found
