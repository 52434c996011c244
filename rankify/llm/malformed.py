"""Replies as models break them: what a simulated judge writes when it is told to be malformed."""

from __future__ import annotations

import re
from collections.abc import Sequence

DEFECTS = {
    "empty": "",
    "prose": "sorry, nothing here sets one apart from another.",
    "brackets": "{round}",
    "missing": "{half}",
    "repeated": "{all} > {first}",
    "unknown": "{unknown} > {all}",
    "look-alike": "{wide}",
    "unended": "<think>\nThe query is about something that {last} mentions",
    "words": "Sure! Ranking of the {number} passages: {all}. Anything else?",
}
TAGGED = "<answer>{answer}</answer>"  # what some prompts ask for
TAG_DEFECTS = {  # of those prompts
    "untagged": "{answer}",
    "unclosed": "<answer>{answer}",
    "several": "<answer>{answer}</answer>\n<answer>{other}</answer>",
    "thinking": "<answer><think>{other}?</think>{answer}</answer>",
}
WHOLE = ("empty", "prose", "unended")  # these are all of a reply, without tags or thoughts
WIDE = str.maketrans({chr(c): chr(c + 0xFEE0) for c in b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"})  # full-width forms
_NUMBER_OR_LETTER = re.compile(r"\d+|[A-Z](?![A-Za-z])")


def answered(defect: str, named: Sequence[str], identifiers: Sequence[str], *, thought: str, tagged: bool) -> str:
    """A whole reply with a defect, "" for none: thoughts, tags and what it names, best first.

    >>> answered("several", ["[2]"], ["[1]", "[2]", "[3]"], thought="", tagged=True)
    '<answer>[2]</answer>\\n<answer>[3]</answer>'
    """
    answer = _broken(defect, named, identifiers) if defect in DEFECTS else " > ".join(named)
    if defect in WHOLE:
        return answer
    if not tagged:
        return thought + answer
    other = identifiers[-1] if identifiers else "Perhaps"
    return thought + TAG_DEFECTS.get(defect, TAGGED).format(answer=answer, other=other)


def _broken(defect: str, named: Sequence[str], identifiers: Sequence[str]) -> str:
    whole = " > ".join(named)
    example = identifiers[-1] if identifiers else "Perhaps"
    return DEFECTS[defect].format(
        all=whole,
        first=named[0],
        last=named[-1],
        number=len(identifiers),
        half=" > ".join(named[: len(named) // 2]),
        round=" > ".join(f"({name.strip('[]')})" for name in named),
        unknown=_NUMBER_OR_LETTER.sub(lambda found: "99" if found[0].isdigit() else "Z", example),
        wide=whole.translate(WIDE),
    )
