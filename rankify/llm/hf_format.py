"""From prompts to the tokens a model was trained on: its chat template, its system turn, its first token."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any, Literal, get_args

from rankify.encoders.texts import CHUNK, whole
from rankify.errors import BadInput, Misuse, UnknownName, needs
from rankify.llm.protocol import Prompt

BOS = Literal["once", "doubled", "written"]
Turn = dict[str, str]


class Format:
    """How one model wants its prompts.

    Args:
        tokenizer: a tokenizer of transformers.
        template: one turn as the model wants it, with `{user}` and perhaps `{system}` in it; the tokenizer's chat
            template if not given.
        bos: the beginning-of-sequence token stands there once; or doubled, where a template writes it and the model
            was trained with the tokenizer's own before it; or only as written in template and text.
        thinking: what a chat template that knows `enable_thinking` is told.

    Raises:
        UnknownName: a `bos` that there is not.
        Misuse: a template without `{user}`.
    """

    def __init__(
        self, tokenizer: Any, *, template: str | None = None, bos: str = "once", thinking: bool | None = None
    ) -> None:
        if bos not in get_args(BOS):
            raise UnknownName.among("bos", bos, get_args(BOS))
        if template is not None and "{user}" not in template:
            raise Misuse(f"template {template!r} has no place for the prompt; write {{user}} and perhaps {{system}}")
        self.tokenizer, self.template, self.bos = tokenizer, template, bos
        self._told = {} if thinking is None else {"enable_thinking": thinking}
        self._first = _first_tokens(tokenizer)
        self._system = self._knows_system()

    def text(self, prompt: Prompt) -> str:
        """What the model reads as text, without the prefill.

        Raises:
            BadInput: the chat template refuses the conversation.
        """
        if not prompt.messages or not (self.template or self.tokenizer.chat_template):
            return prompt.plain
        turns = [{"role": message.role, "content": message.content} for message in prompt.messages]
        if self.template:
            return self._filled(self.template, turns)
        return self._rendered(turns if self._system else _without_system(turns))

    def decoder_only(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        """The tokens of each prompt, prefill included; one at least."""
        rows = tokenized(self.tokenizer, [self.text(p) + p.prefill for p in prompts])
        return [self._begun(row) or self._something() for row in rows]

    def encoder(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        """The tokens of each prompt's text with those that the tokenizer puts around it; one at least."""
        rows = tokenized(self.tokenizer, [self.text(p) for p in prompts], special=True)
        return [row or self._something() for row in rows]

    def _begun(self, row: list[int]) -> list[int]:
        missing = self.bos == "doubled" or (self.bos == "once" and row[: len(self._first)] != self._first)
        return [*self._first, *row] if missing else row

    def _something(self) -> list[int]:
        """A token to stand where there is none: a network cannot read nothing."""
        own = self.tokenizer
        return [next((i for i in (own.bos_token_id, own.eos_token_id, own.pad_token_id) if i is not None), 0)]

    def _filled(self, template: str, turns: Sequence[Turn]) -> str:
        if "{system}" not in template:
            turns = _without_system(turns)
        system, user = ("\n".join(t["content"] for t in turns if (t["role"] == "system") is s) for s in (True, False))
        return re.sub(r"\{(system|user)\}", lambda found: {"system": system, "user": user}[found[1]], template)

    def _rendered(self, turns: Sequence[Turn]) -> str:
        jinja = needs("jinja2", "neural")
        try:
            return str(
                self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True, **self._told)
            )
        except (jinja.TemplateError, TypeError, KeyError) as error:
            roles = ", ".join(turn["role"] for turn in turns)
            raise BadInput(f"the model's chat template refuses the turns {roles}: {error}") from error

    def _knows_system(self) -> bool:
        """Whether the chat template takes a system turn and shows what it says."""
        if not self.tokenizer.chat_template or self.template:
            return True
        mark = "RankifySystemTurn"
        try:
            return mark in self._rendered([_turn("system", mark), _turn("user", "text")])
        except BadInput:
            return False


def tokenized(tokenizer: Any, texts: Sequence[str], *, special: bool = False) -> list[list[int]]:
    """The token ids of each text, uncut.

    Args:
        special: with the tokens that the model puts around a text.
    """
    waiting, rows = [whole(text) for text in texts], []
    for start in range(0, len(waiting), CHUNK):
        rows += tokenizer(
            waiting[start : start + CHUNK], add_special_tokens=special,
            return_attention_mask=False, return_token_type_ids=False, verbose=False,
        )["input_ids"]  # fmt: skip
    return rows


def shortened(tokenizer: Any, texts: Sequence[str], most: int) -> list[str]:
    """Each text, or its beginning as far as so many tokens of a fast tokenizer reach."""
    if not texts:
        return []
    kept = [whole(text) for text in texts]
    ends = tokenizer(
        kept, add_special_tokens=False, truncation=True, max_length=most, return_offsets_mapping=True, verbose=False
    )["offset_mapping"]
    lengths = map(len, tokenized(tokenizer, kept))
    return [
        text if length <= most else text[: places[-1][1]].rstrip()
        for text, places, length in zip(kept, ends, lengths, strict=True)
    ]


def markup(tokenizer: Any) -> tuple[str, ...]:
    """The texts that this tokenizer reads as one token of markup: special ones, and others added in angle brackets."""
    added: Mapping[int, Any] = tokenizer.added_tokens_decoder
    marks = [t.content for t in added.values() if t.special or re.fullmatch(r"<\S+>", t.content)]
    return tuple(dict.fromkeys([*map(str, tokenizer.all_special_tokens), *marks]))


def _turn(role: str, content: str) -> Turn:
    return {"role": role, "content": content}


def _without_system(turns: Sequence[Turn]) -> list[Turn]:
    """The turns with what the system says before the first user turn's text, as FIRST's own code joins them.

    >>> _without_system([_turn("system", "Be brief."), _turn("user", "Hello")])
    [{'role': 'user', 'content': 'Be brief.\\n Hello'}]
    """
    said = [turn["content"] for turn in turns if turn["role"] == "system"]
    others = [dict(turn) for turn in turns if turn["role"] != "system"]
    if not said:
        return others
    before = len(list(takewhile(lambda turn: turn["role"] != "user", others)))
    asked = others[before]["content"] if before < len(others) else ""
    return [*others[:before], _turn("user", "\n ".join([*said, asked])), *others[before + 1 :]]


def _first_tokens(tokenizer: Any) -> list[int]:
    """The tokens that the tokenizer puts before a text."""
    around, alone = (tokenized(tokenizer, ["a"], special=special)[0] for special in (True, False))
    starts = (n for n in range(len(around)) if around[n : n + len(alone)] == alone)
    return around[: next(starts, 0)]
