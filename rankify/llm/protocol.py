"""What an algorithm can ask of a language model, whatever runs it: to go on writing, to choose, to say how likely.

A backend whose network is at hand can also be asked what it looks at.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Generic, Literal, TypeVar

from rankify.errors import BadInput, RankifyError
from rankify.llm.sampling import Samplings
from rankify.spec import Specified

Value = TypeVar("Value")
Method = Literal["generate", "choose", "loglikelihood", "attend", "mix"]
Attention = tuple[tuple[float, ...], ...]  # for each document, what each of its tokens gets
Span = tuple[int, int]  # where a text begins in another, and where it ends
Logprobs = tuple[tuple[str, float], ...]  # the text of each token, and its log-probability
MaxTokens = int | Sequence[int]  # of every reply, or of each


class LLMFailed(RankifyError):
    """A language model or its server gave no answer, after every try; never read as a ranking."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What a prompt is about, for backends that judge by knowledge instead of reading (`simulated`) and for logs.

    Args:
        query, documents: ids; documents in the order in which the prompt shows them.
        identifiers: what the prompt calls them, e.g. "[1]" or "B"; empty where it shows one document.
        reads: how the reply is read: permutation, label, relevance, ...
    """

    query: str
    documents: tuple[str, ...]
    identifiers: tuple[str, ...] = ()
    reads: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked: a conversation, or a text that already has the model's own format.

    Args:
        messages: a conversation; the backend brings it into the model's format with the model's chat template. Models
            without one read the contents, a line break between them.
        text: in place of messages: read as it stands (completion models, encoders of encoder-decoders).
        parts: in place of both: texts that an encoder reads each by itself and its decoder all together (fusion in
            decoder, arXiv:2007.01282).
        most: how many tokens an encoder reads of the text, or of each part, its end of sequence included; what is
            behind them is cut off, as some rankers are published. None: all of it.
        spans: where the documents stand: characters of the text, or of the contents of the messages with a line break
            between them, or of each part. Needed where attention is asked for.
        prefill: how the reply begins. The model goes on from there; replies come without it. For an encoder-decoder
            it is the beginning of the decoder's text.
        stop: texts at which the reply ends, before the first of them; OpenAI's servers take four at most.
        shown: what it is about; no part of what the model reads.

    Raises:
        ValueError: more than one of messages, text and parts, or none.
    """

    messages: tuple[Message, ...] = ()
    text: str = ""
    parts: tuple[str, ...] = ()
    most: int | None = None
    spans: tuple[Span, ...] = ()
    prefill: str = ""
    stop: tuple[str, ...] = ()
    shown: Shown | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if bool(self.messages) + bool(self.text) + bool(self.parts) != 1:
            raise ValueError("a prompt has messages, a text or parts")
        if not all(self.stop):
            raise ValueError("a reply cannot end at an empty text")

    def stopped(self, text: str) -> bool:
        """Whether a text has something at which the reply ends."""
        return any(stop in text for stop in self.stop)

    def before_stop(self, text: str) -> str:
        """What a reply says before the first text at which it ends.

        >>> Prompt(text="a", stop=("\\n", "b")).before_stop("one b\\ntwo")
        'one '
        """
        return text[: min((place for stop in self.stop if (place := text.find(stop)) >= 0), default=len(text))]

    @property
    def plain(self) -> str:
        """The text, the parts, or the contents of the messages, for models that have no chat template."""
        return self.text or "\n".join(self.parts or (message.content for message in self.messages))


@dataclass(frozen=True, slots=True)
class Reply(Generic[Value]):
    """What came back for one prompt, and what it took.

    Args:
        value: a text, scores of choices, a log-likelihood, or attention.
        prompt_tokens, generated_tokens: as the model counts them; a continuation whose likelihood was asked counts with
            the prompt, the end of a reply with what was generated.
        finished: False when a text was cut at its most tokens.
        cached: whether the reply was remembered and cost nothing.
        reasoning_tokens: how many of the generated ones were thought, where a server keeps thoughts apart.
        estimated: whether the backend did not count its tokens, so that they are estimates, on the safe side.
        logprobs: where asked for, each token of the text with its log-probability among all tokens, whatever was drawn
            how; the texts joined are the value. A token that ends inside of a character has no text of its own, and the
            one that completes it has the character. What ends a reply is no part of it.
    """

    value: Value
    prompt_tokens: int = 0
    generated_tokens: int = 0
    finished: bool = True
    cached: bool = False
    estimated: bool = False
    reasoning_tokens: int = 0
    logprobs: Logprobs = ()


def most_of(max_tokens: MaxTokens, replies: int) -> list[int]:
    """The most tokens of each reply.

    >>> most_of(8, 3), most_of([4, 8], 2)
    ([8, 8, 8], [4, 8])

    Raises:
        BadInput: a reply of less than one token.
        ValueError: not as many numbers as replies.
    """
    most = [max_tokens] * replies if isinstance(max_tokens, int) else list(max_tokens)
    if len(most) != replies:
        raise ValueError(f"max_tokens names {len(most)} replies of {replies}")
    if least := [n for n in most if n < 1]:
        raise BadInput(f"max_tokens={least[0]}: a reply has one token at least")
    return most


class LLM(Specified, ABC):
    """A backend. Each method takes all prompts at once and answers in their order; decoding is greedy unless
    a sampling says otherwise.

    A backend overrides what it can do; `offers` says which of the five that is.
    """

    name: ClassVar[str]
    model: str = ""
    offers: frozenset[Method] = frozenset({"generate", "choose", "loglikelihood"})
    raw_logits: bool = False  # whether `choose` gives logits, which compare across prompts too
    encoder_decoder: bool = False  # whether replies come from a decoder of their own, which reads no prompt
    prefills: bool = True  # whether it can go on from a beginning of the reply
    chats: bool = False  # whether it takes conversations only, and no text in the model's own format
    fuses: bool = False  # whether it takes parts, which an encoder reads each by itself
    ends: bool = True  # whether `loglikelihood` can tell how likely the end of a text is
    independent: bool = False  # whether it batches by itself, as servers do, so that no query need wait for another
    context: int | None = None  # the most tokens of a prompt and its reply together; None when it does not say
    special: tuple[str, ...] = ()  # texts that are markup to the model and may not stand in documents
    gives_logprobs: bool = False  # whether `generate` can tell how likely each token was that it wrote
    knowing: bool = False  # whether it judges by what a prompt says that it shows, and not by its text
    passes: int = 0  # forward passes (or requests) so far

    def generate(
        self, prompts: Sequence[Prompt], *, max_tokens: MaxTokens, sampling: Samplings = None, logprobs: bool = False
    ) -> list[Reply[str]]:
        """What the model writes next, stopping where the model stops.

        Args:
            max_tokens: the most tokens of a reply, or of each; 1 at least.
            sampling: how replies are drawn, all or each; greedy decoding if not given.
            logprobs: replies tell how likely each of their tokens was. Backends that `gives_logprobs` take it.

        Raises:
            BadInput: the backend cannot tell.
            LLMFailed: its server turns out not to.
        """
        raise self._cannot("generate")

    def choose(
        self, prompts: Sequence[Prompt], choices: Sequence[Sequence[str]], *, top: int | None = None
    ) -> list[Reply[tuple[float, ...]]]:
        """How likely each choice is as the next text: log-probabilities up to a constant of the prompt.

        Args:
            choices: for each prompt the texts to choose among, each read exactly as written ("A" is not " A").
            top: see only that many of the most likely next tokens, as servers do; other choices are -inf.

        Raises:
            LLMFailed: the backend cannot tell, e.g. a choice is more than one token and only single tokens are seen.
        """
        raise self._cannot("choose")

    def loglikelihood(
        self, prompts: Sequence[Prompt], continuations: Sequence[str], *, end: bool = False
    ) -> list[Reply[float]]:
        """log p(continuation | prompt), summed over its tokens, for one continuation a prompt.

        Args:
            end: the end-of-sequence token behind the continuation counts too.
        """
        raise self._cannot("loglikelihood")

    def attend(self, prompts: Sequence[Prompt], *, max_tokens: int = 1, last: bool = False) -> list[Reply[Attention]]:
        """How much the model looks at each token of the documents when it answers.

        A causal model: attention weights of the tokens behind the last document, averaged over these tokens, summed
        over layers and heads (In-Context Reranking, arXiv:2410.02642). An encoder-decoder: what the tokens that it
        writes take from each token, weights times the norm of its value, averaged over heads, summed over written
        tokens and layers (LiT5-Score, arXiv:2312.16098).

        Args:
            max_tokens: the most tokens that an encoder-decoder writes.
            last: of a causal model: only the last token of the prompt looks, instead of all behind the documents.
        """
        raise self._cannot("attend")

    def mix(
        self, prompts: Sequence[Sequence[Prompt]], weights: Sequence[Sequence[float]], *, max_tokens: MaxTokens,
        sampling: Samplings = None,
    ) -> list[Reply[str]]:  # fmt: skip
        """What the model writes next to several prompts at once, one reply for them all.

        Each token is the likeliest, or drawn, by the weighted mean of its probabilities behind each prompt and what was
        written so far (REPLUG, arXiv:2301.12652, equation 2). A reply ends where the first of its prompts says.

        Args:
            prompts: those of each reply.
            weights: of each prompt; they are divided by their sum.
            max_tokens, sampling: as for `generate`, of each reply.

        Raises:
            BadInput: a reply without a prompt, or weights that are no shares.
        """
        raise self._cannot("mix")

    @abstractmethod
    def tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text is, special ones not counted; an estimate where the tokenizer is out of reach."""

    def reply_tokens(self, text: str) -> int:
        """The most tokens that writing this text can take."""
        return self.tokens([text])[0]

    def cut(self, texts: Sequence[str], most: int) -> list[str]:
        """Each text, or its beginning as far as `most` tokens reach; cut between characters, as tokens are."""
        lengths = self.tokens(texts)
        return [
            text if length <= most else self._begin(text, most) for text, length in zip(texts, lengths, strict=True)
        ]

    def _begin(self, text: str, most: int) -> str:
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.tokens([text[:middle]])[0] <= most else (low, middle - 1)
        return text[:low].rstrip()

    def prompt_tokens(self, prompts: Sequence[Prompt]) -> list[int]:
        """How many tokens each prompt is, its format included."""
        return self.tokens([p.plain + p.prefill for p in prompts])

    @property
    def identity(self) -> str:
        """What replies depend on: equal identities give equal replies, whatever device or server they come from."""
        return repr(self)

    def _cannot(self, method: Method) -> BadInput:
        able = ", ".join(sorted(self.offers)) or "nothing"
        return BadInput(f"{self!r} cannot {method}; it offers {able}: choose another backend or another method")

    def cannot_tell(self) -> BadInput:
        """What to raise where log-probabilities are asked of a backend that gives none."""
        return BadInput(f"{self!r} cannot tell how likely its tokens were: use hf:, vllm:, or a server that does")
