"""Prompts in parts, each of which an encoder reads up to a number of tokens; what is behind them is cut off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rankify.llm.protocol import Prompt
from rankify.rerank.llm.asking import Asking
from rankify.rerank.llm.judge import Question

END = 1  # token behind every part: the end of sequence


class Parts(Asking):
    """Makes prompts in parts, and counts those whose end is not read as truncated."""

    def prompts(
        self, questions: Sequence[Question], reply_tokens: Sequence[int]
    ) -> tuple[list[Prompt], list[Counter[str]]]:
        prompts, counts = super().prompts(questions, reply_tokens)
        parts = list(dict.fromkeys(part for prompt in prompts for part in prompt.parts))
        lengths = dict(zip(parts, self.llm.tokens(parts), strict=True))
        for prompt, counted in zip(prompts, counts, strict=True):
            if prompt.most is not None:
                cut = sum(lengths[part] + END > prompt.most for part in prompt.parts)
                counted["truncated"] = max(counted["truncated"], cut)
        return prompts, counts
