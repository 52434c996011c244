"""A language model that says what a test wants, and remembers what it was asked."""

import re
from math import log
from typing import ClassVar

from rankify.llm.protocol import LLM, Reply, most_of


class Scripted(LLM):
    """Replies by a function of (prompt, number of the reply to that prompt in this call); a token is a word.

    What it tells of its tokens, words and signs apart, is a function of each: its probability.
    """

    name = "scripted"
    offers: ClassVar = frozenset({"generate"})
    special: ClassVar = ("<s>",)
    gives_logprobs = True

    def __init__(self, says=lambda prompt, number: "", *, likely=lambda token: 1.0, context=None, special=("<s>",)):
        self.says, self.likely, self.context, self.special = says, likely, context, special
        self.prompts, self.batches, self.samplings, self.most = [], 0, [], []

    def generate(self, prompts, *, max_tokens, sampling=None, logprobs=False):
        self.batches += 1
        self.passes += 1
        self.prompts += prompts
        self.samplings += list(sampling or [None] * len(prompts))
        self.most += most_of(max_tokens, len(prompts))
        seen, replies = {}, []
        for prompt in prompts:
            number = seen[prompt.plain] = seen.get(prompt.plain, -1) + 1
            text = prompt.before_stop(self.says(prompt.plain, number))
            told, finished = self.told(text) if logprobs else (), text != "cut off"
            replies.append(Reply(text, len(prompt.plain.split()), len(text.split()), finished, logprobs=told))
        return replies

    def tokens(self, texts):
        return [len(text.split()) for text in texts]

    @property
    def asked(self):
        return [prompt.plain for prompt in self.prompts]

    def told(self, text):
        """The tokens of a text, each with the blanks before it."""
        return tuple((token, log(self.likely(token.strip()))) for token in re.findall(r"\s*(?:\w+|[^\w\s])|\s+", text))
