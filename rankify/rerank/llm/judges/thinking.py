"""Thinking before an answer: what it costs, and relevance that is read behind a think block (Rank1)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rankify.errors import Misuse
from rankify.llm.protocol import LLM, Prompt, Reply
from rankify.llm.thoughts import said
from rankify.prompts.template import Template
from rankify.rerank.llm.asking import Asking
from rankify.rerank.llm.judge import Question, taken
from rankify.rerank.llm.judges.relevance import Reading, Relevance

END = "</think>"
ROOM = 16  # tokens beside the thought: its end, and letters that are more tokens when they are read again


def asks_for_tags(template: Template) -> bool:
    """Whether a prompt asks for the answer between answer tags."""
    return "<answer>" in f"{template.messages}{template.text}"


def tokens(option: str, number: int) -> int:
    """A number of tokens that an option gives.

    Raises:
        Misuse: it is no whole number above 0.
    """
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise Misuse(f"{option}={number!r}: that is a number of tokens, a whole number above 0")
    return number


def room_to_think(llm: LLM, reasoning_tokens: int) -> int:
    """The tokens that a model may think: at most half of what it reads, so that the texts keep the other half."""
    return reasoning_tokens if llm.context is None else min(reasoning_tokens, llm.context // 2)


def thinking_costs(llm: LLM, replies: Sequence[Reply[Any]], *, thinks: bool) -> list[Counter[str]]:
    """How many tokens of each reply were thought, as the count `reasoning_tokens`; none of one that is no text.

    Args:
        thinks: whether the model was given tokens to think.
    """
    texts = [said(r, thinks=thinks, tagged=False).thought if isinstance(r.value, str) else "" for r in replies]
    return costs(llm, replies, texts)


def costs(llm: LLM, replies: Sequence[Reply[Any]], thoughts: Sequence[str]) -> list[Counter[str]]:
    """The tokens of what each reply thinks, as the count `reasoning_tokens`.

    They are counted by the model's tokenizer, or estimated where that is out of reach, and are never more than what was
    generated, of which they are a part. A server that keeps thoughts apart from the text says how many they were. A
    reply that was remembered took none now.
    """
    fresh = [place for place, reply in enumerate(replies) if not reply.cached]
    thinking = [place for place in fresh if thoughts[place] and not replies[place].reasoning_tokens]
    lengths = dict(zip(thinking, llm.tokens([thoughts[place] for place in thinking]), strict=True)) if thinking else {}
    lengths |= {place: replies[place].reasoning_tokens for place in fresh if replies[place].reasoning_tokens}
    return [
        Counter(reasoning_tokens=min(lengths[place], reply.generated_tokens)) if place in lengths else Counter()
        for place, reply in enumerate(replies)
    ]


class Thinking(Relevance):
    """The same scores as `Relevance`, with the choices behind a think block that the model has written (Rank1).

    Two prompts a document: in the first the model thinks, in the second what it thought is the beginning of its reply.
    Where it has not ended its thoughts when its tokens end, they are ended as published: cut behind their last whole
    sentence. That counts as repaired, of the kind unfinished_thinking.

    Rank1, arXiv:2502.18418, section 3.

    Args:
        reasoning_tokens: the most tokens of the think block.
        choices, reading: as of `Relevance`.

    Raises:
        Misuse: the backend writes nothing, or cannot go on from a beginning of the reply.
    """

    calls = 2

    def __init__(
        self, llm: LLM, template: Template, *, reasoning_tokens: int, choices: Mapping[str, float] | None = None,
        reading: Reading = "expected",
    ) -> None:  # fmt: skip
        super().__init__(llm, template, choices=choices, reading=reading)
        if not llm.prefills or "generate" not in llm.offers:
            raise Misuse(
                f"{llm!r} cannot go on from a beginning of the reply, behind which the answer is read once the model "
                "has thought: use hf:, vllm:, or a server's api=completions"
            )
        most = room_to_think(llm, tokens("reasoning_tokens", reasoning_tokens))
        self.asking = Thoughtful(llm, template, tokens=most, choices=list(self.choices))


class Thoughtful(Asking):
    """Makes prompts whose replies begin with what the model thinks.

    Args:
        tokens: the most it may think.
        choices: the answers that are looked for behind its thoughts.
    """

    def __init__(self, llm: LLM, template: Template, *, tokens: int, choices: Sequence[str]) -> None:
        super().__init__(llm, template)
        self.tokens, self.choices = tokens, choices
        self.begun = template.text.endswith("<think>")
        self.opened = "\n" if self.begun else ""
        self.gap = "" if choices[0].startswith(" ") else "\n\n"  # as models with chat templates write it

    def prompts(
        self, questions: Sequence[Question], reply_tokens: Sequence[int]
    ) -> tuple[list[Prompt], list[Counter[str]]]:
        room = [n + self.tokens + ROOM for n in reply_tokens]
        prompts, counts = super().prompts(questions, room)
        replies = self.llm.generate(prompts, max_tokens=[self.tokens] * len(prompts))
        thoughts = [self._thought(reply) for reply in replies]
        spent = costs(self.llm, replies, thoughts)
        thoughts = self._fitting(prompts, thoughts, reply_tokens)
        took = [
            counted + taken(reply) + cost + Counter(asked=1) + self._defects(text)
            for counted, reply, cost, text in zip(counts, replies, spent, thoughts, strict=True)
        ]
        return [self._going_on(prompt, text) for prompt, text in zip(prompts, thoughts, strict=True)], took

    def _fitting(self, prompts: Sequence[Prompt], thoughts: list[str], reply_tokens: Sequence[int]) -> list[str]:
        """The thoughts, shortened where they are more tokens when they are read again and would not fit any more."""
        if self.llm.context is None or self.llm.independent:  # a server's tokens can only be estimated
            return thoughts
        lengths = self.llm.prompt_tokens([self._going_on(p, text) for p, text in zip(prompts, thoughts, strict=True)])
        return [
            text if (excess := length + more - self.llm.context) <= 0 else self._without(text, excess)
            for text, length, more in zip(thoughts, lengths, reply_tokens, strict=True)
        ]

    def _without(self, thought: str, excess: int) -> str:
        [length] = self.llm.tokens([thought])
        return self.llm.cut([thought], max(1, length - excess - ROOM))[0]

    def _thought(self, reply: Reply[str]) -> str:
        """What a reply thinks, with the end of the think block where it has one; nothing where it answers at once."""
        before, ended, _ = reply.value.partition(END)
        words = "|".join(re.escape(choice.strip()) for choice in self.choices)
        at_once = re.match(rf"\W*(?:{words})\b", before, re.IGNORECASE) and not self.begun and reply.finished
        return "" if at_once and not ended else before + ended

    def _going_on(self, prompt: Prompt, thought: str) -> Prompt:
        """The prompt whose reply has come to its answer: behind its thought, ended as published if need be."""
        if self._unfinished(thought):
            thought = f"{self.opened}{whole_sentences(thought)}\n{END}"
        return replace(prompt, prefill=prompt.prefill + thought + (self.gap if thought else ""))

    def _defects(self, thought: str) -> Counter[str]:
        return Counter(repaired=1, unfinished_thinking=1) if self._unfinished(thought) else Counter()

    def _unfinished(self, thought: str) -> bool:
        return not thought.endswith(END) and (self.begun or thought != "")


def whole_sentences(text: str) -> str:
    """A text that was cut off, up to its last full stop, exclamation or question mark; all of it where it has none.

    >>> whole_sentences(" It is about cats. The query is"), whole_sentences("It is about")
    ('It is about cats.', 'It is about')
    """
    end = max(text.rfind(mark) for mark in ".!?") + 1
    return (text[:end] if end else text).strip()
