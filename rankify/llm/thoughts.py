"""What a model thinks before it answers, and what it answers: think blocks and answer tags taken apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from rankify.llm.protocol import Reply

TAG = re.compile(r"</?(?:think|answer)>", re.IGNORECASE)
BLOCK = re.compile(r"<think>.*?</think>", re.DOTALL)
ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
HERE = "\0"  # where a think block was


@dataclass(frozen=True, slots=True)
class Said:
    """A reply taken apart.

    Args:
        thought: its think blocks, and what stands in one whose beginning or end it does not have.
        answer: what it answers, without tags; nothing where it was cut off before it answered.
        defects: what was wrong around the answer: repaired and each kind, or unfinished_thinking alone.
    """

    thought: str
    answer: str
    defects: Counter[str] = field(default_factory=Counter)


def said(reply: Reply[str], *, thinks: bool, tagged: bool) -> Said:
    """What a reply thinks and what it answers.

    Args:
        thinks: whether the model was given tokens to think, perhaps in a block that its chat template had begun.
        tagged: whether the prompt asks for the answer between answer tags, `<think>...</think> <answer>...</answer>`.

    >>> said(Reply("<think>[1]?</think> <answer>[2]</answer>"), thinks=True, tagged=True)
    Said(thought='<think>[1]?</think>', answer='[2]', defects=Counter())
    >>> said(Reply("<think>[1] or", finished=False), thinks=True, tagged=True)
    Said(thought='<think>[1] or', answer='', defects=Counter({'unfinished_thinking': 1}))
    """
    text = TAG.sub(lambda tag: tag[0].lower(), reply.value.replace(HERE, ""))
    thought, rest, open_ended = _apart(text)
    if thinks and not reply.finished and thought == "" and not ANSWER.search(rest):
        thought, rest, open_ended = rest, "", True  # its chat template began the block
    if not tagged:
        return Said(thought, rest.replace(HERE, ""), Counter(unfinished_thinking=1) if open_ended else Counter())
    if open_ended and not ANSWER.search(rest):
        late = ANSWER.findall(thought) if reply.finished else []
        return Said(thought, TAG.sub("", late[-1]) if late else "", _repaired(["unfinished_thinking"], bool(late)))
    found, kinds = _between_tags(rest, finished=reply.finished)
    kinds += ["thinking_in_answer"] * (HERE in found)
    return Said(thought, TAG.sub("", found.replace(HERE, "")).strip(), _repaired(kinds, bool(kinds)))


def _apart(text: str) -> tuple[str, str, bool]:
    """(what is thought, what is not, whether a think block never ends); blocks leave a mark where they were."""
    head, ended, rest = BLOCK.sub(HERE, text).rpartition("</think>")  # an end left over is that of a block begun before
    rest, begun, inside = rest.partition("<think>")
    return "".join([head, ended, *BLOCK.findall(text), begun, inside]).replace(HERE, ""), rest, bool(begun)


def _between_tags(text: str, *, finished: bool) -> tuple[str, list[str]]:
    """The answer, of several the first as published, and the kinds of what is wrong with its tags."""
    answers = ANSWER.findall(text)
    if answers:
        return answers[0], ["several_answers"] * (len(answers) > 1)
    _, begun, behind = text.rpartition("<answer>")
    if not finished:
        behind = re.sub(r"\[?\w*$", "", behind)  # the end of what was cut off may be half an identifier
    return (behind, ["unfinished_answer"]) if begun else (behind.replace(HERE, ""), ["untagged_answer"])


def _repaired(kinds: Sequence[str], mended: bool) -> Counter[str]:
    return Counter([*kinds, *["repaired"] * mended])


def without_thinking(reply: str) -> str:
    """What stands behind the last think block; nothing where one was begun and never ended.

    >>> without_thinking("<think>[2]?</think> [1] > [2]"), without_thinking("<think>[2] > ")
    (' [1] > [2]', '')
    """
    _, ended, answer = reply.rpartition("</think>")
    if ended:
        return answer
    return reply.partition("<think>")[0]
