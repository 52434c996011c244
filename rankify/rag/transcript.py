"""What a model wrote and saw in turns, of which the oldest is given up where there is no room for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from rankify.llm.protocol import LLM

LEFT_OUT = "..."  # in place of what a model saw once


@dataclass(frozen=True, slots=True)
class Step:
    """A turn.

    Args:
        wrote: what the model wrote, and the words that lead to what it saw.
        saw: what it was shown then, the best first.
        ends: what stands behind that.
    """

    wrote: str = ""
    saw: str = ""
    ends: str = ""

    def __str__(self) -> str:
        return self.wrote + self.saw + self.ends


@dataclass(frozen=True, slots=True)
class Transcript:
    """Turns, the oldest first.

    >>> str(Transcript() + "Look. " + Step("See: ", "a cat", "! "))
    'Look. See: a cat! '
    """

    steps: tuple[Step, ...] = ()

    @classmethod
    def of(cls, texts: Iterable[str], between: str = "") -> Transcript:
        """Turns in which nothing was seen.

        >>> str(Transcript.of(["One.", "Two."], " "))
        'One. Two.'
        """
        return cls(tuple(Step(between * (place > 0) + text) for place, text in enumerate(texts)))

    def __str__(self) -> str:
        return "".join(map(str, self.steps))

    def __add__(self, step: Step | str) -> Transcript:
        return Transcript((*self.steps, Step(step) if isinstance(step, str) else step))

    def shorter(self, excess: int, llm: LLM) -> Transcript | None:
        """Without what was seen first; where that was seen last, without its end; then without the oldest turn.

        Args:
            excess: how many tokens are too many.
            llm: whose tokens these are.

        Returns:
            None where nothing is left to give up.
        """
        seen = [place for place, step in enumerate(self.steps) if step.saw not in ("", LEFT_OUT)]
        if not seen:
            return Transcript(self.steps[1:]) if self.steps else None
        oldest = self.steps[seen[0]]
        kept = without_end(oldest.saw, excess, llm) if len(seen) == 1 else ""
        steps = list(self.steps)
        steps[seen[0]] = replace(oldest, saw=kept or LEFT_OUT)
        return Transcript(tuple(steps))

    def lost(self, whole: Transcript) -> Counter[str]:
        """What it lost of all of it: turns that are gone or show nothing any more, and those that show a part.

        >>> whole = Transcript((Step("a"), Step("b", "see"), Step("c", "two cats")))
        >>> Transcript((Step("b", "..."), Step("c", "two"))).lost(whole)
        Counter({'forgotten': 2, 'truncated': 1})
        """
        gone = len(whole.steps) - len(self.steps)
        pairs = [(was.saw, now.saw) for was, now in zip(whole.steps[gone:], self.steps, strict=True) if was != now]
        left_out = sum(now == LEFT_OUT for _, now in pairs)
        return +Counter(forgotten=gone + left_out, truncated=len(pairs) - left_out)


def without_end(text: str, excess: int, llm: LLM) -> str:
    """A text with so many tokens less; "" where none is left."""
    [tokens] = llm.tokens([text])
    left = tokens - excess
    return llm.cut([text], left)[0] if left > 0 else ""
