"""Reading what models write: identifiers in order, one label, one of a pair; every defect is named and counted.

The kinds of defects and their precedence are those of RankLLM's response analysis.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from rankify.llm.protocol import Reply
from rankify.llm.thoughts import without_thinking


def unreadable(defects: Counter[str]) -> Counter[str]:
    """What counts where nothing could be read behind those defects: whether the model was still thinking, too.

    >>> unreadable(Counter(repaired=1, untagged_answer=1)), unreadable(Counter(unfinished_thinking=1))
    (Counter({'unreadable': 1}), Counter({'unreadable': 1, 'unfinished_thinking': 1}))
    """
    return Counter(unreadable=1) + Counter(unfinished_thinking=defects["unfinished_thinking"])


def answer(reply: Reply[str], *, thinks: bool) -> str:
    """What a reply says behind its think block; nothing where the model was still thinking when its tokens ended.

    Args:
        thinks: whether the model was given tokens to think, perhaps in a block that its chat template had begun.

    >>> answer(Reply("[2]?</think> B"), thinks=True), answer(Reply("is it A or", finished=False), thinks=True)
    (' B', '')
    """
    if thinks and not reply.finished and "</think>" not in reply.value:
        return ""
    return without_thinking(reply.value)


def plain(reply: str) -> str:
    """The reply in plain letters and digits, where it has others that look like them: circled, full-width, superscript.

    Fractions stay what they are: a half is neither 1 nor 2.

    >>> plain("[\u2460] > [\uff12] > [\u00b3] > [\u0664] > [\u2779]")
    '[1] > [2] > [3] > [4] > [4]'
    >>> plain("[2] is \u00bd as good") == "[2] is \u00bd as good"
    True
    """
    if reply.isascii():
        return reply
    folded = "".join(c if unicodedata.decomposition(c).startswith("<fraction>") else _folded(c) for c in reply)
    return "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in folded)


def _folded(character: str) -> str:
    return unicodedata.normalize("NFKC", character)


def begins(reply: str, identifiers: Sequence[str]) -> bool:
    """Whether a reply begins with an identifier, as an answer does and thinking aloud does not.

    >>> begins(" [2] > [1] > [", ["[1]", "[2]"]), begins("Okay, so passage [2]", ["[1]", "[2]"])
    (True, False)
    """
    return re.match(rf"\W*?{_pattern(identifiers[0])}", _bare(plain(reply))) is not None


def permutation(reply: str, identifiers: Sequence[str]) -> tuple[list[int], Counter[str]]:
    """The places of the documents in the order in which a reply names them, all of them, and what was wrong with it.

    Repeats and unknown identifiers are skipped, and documents that are not named follow in their present order. Numbers
    or letters count wherever they stand when none stands in the identifiers' own form, as published; where some do,
    those in prose do not count.

    Returns:
        a permutation of the places, and counts: unreadable where nothing was named, otherwise repaired and the kind of
        defect (wrong_format, missing_documents, repetition) where the reply was not a whole permutation.

    >>> permutation("[3] > [1] > [2]", ["[1]", "[2]", "[3]"])
    ([2, 0, 1], Counter())
    >>> permutation("Ranking 1: [3] > [3] > [9]", ["[1]", "[2]", "[3]"])
    ([2, 0, 1], Counter({'repaired': 1, 'wrong_format': 1}))
    """
    text = plain(reply)
    places = {_core(name): place for place, name in enumerate(identifiers)}
    named = _named(text, identifiers[0])
    order = list(dict.fromkeys(places[core] for core in named if core in places))
    if not order:
        return list(range(len(identifiers))), Counter(unreadable=1)
    defect = _defect(text, named, order, identifiers)
    rest = [place for place in range(len(identifiers)) if place not in set(order)]
    return order + rest, Counter({"repaired": 1, defect: 1} if defect else {})


def label(reply: str, identifiers: Sequence[str]) -> int | None:
    """The place of the one document that a reply names, None where it names none.

    An identifier in its own form wins ("Passage B"), then a letter or number that stands alone ("B", "B.", "(b)").

    >>> names = ["Passage A", "Passage B", "Passage C"]
    >>> label("Passage B is a better one", names), label(" C", names), label("b.", names), label("Neither", names)
    (1, 2, 1, None)
    >>> label("the passage a user wants is Passage C", names), label("A better answer is B", names)
    (2, 1)
    """
    text = plain(reply)
    places = {_core(name).upper(): place for place, name in enumerate(identifiers)}
    form = _pattern(identifiers[0])
    for whole in (*re.finditer(form, text), *re.finditer(rf"{form}(?!\s+[a-z])", text, re.IGNORECASE)):
        if whole[1].upper() in places:
            return places[whole[1].upper()]
    kind = r"\d+" if _core(identifiers[0]).isdigit() else "[A-Z]"
    for alone in re.finditer(
        rf"(?<!\w)({kind})(?!\w)(?!\s+[a-z])", text.strip() if len(text.strip()) > 2 else text.upper()
    ):
        if alone[1] in places:
            return places[alone[1]]
    return None


def _core(identifier: str) -> str:
    """The number or letter in an identifier.

    >>> _core("[12]"), _core("Passage B"), _core("PASSAGE3")
    ('12', 'B', '3')
    """
    return str(re.findall(r"\d+|[A-Z](?![A-Za-z])", identifier)[-1])


def _pattern(identifier: str) -> str:
    """A pattern of all identifiers of this form."""
    core = _core(identifier)
    before, after = identifier.rsplit(core, 1)
    kind = r"(\d+)" if core.isdigit() else r"([A-Za-z])(?![A-Za-z])"
    return re.escape(before) + kind + re.escape(after)


def _named(text: str, example: str) -> list[str]:
    """The numbers or letters that a text names, in order."""
    found = re.findall(_pattern(example), _bracketed(text) if example.startswith("[") else text)
    if found:
        return [core.lstrip("0") or "0" if core.isdigit() else core.upper() for core in found]
    if _core(example).isdigit():
        return [core.lstrip("0") or "0" for core in re.findall(r"[0-9]+", text)]
    return re.findall(r"(?<![A-Za-z])[A-Z](?![A-Za-z'\u2019]|\s+[a-z])", text)  # "I", "A" before a word are prose


def _bracketed(text: str) -> str:
    """Each identifier in brackets of its own, where several share a pair or one was not closed.

    >>> _bracketed("[3, 1] > [2 > [4]")
    '[3] [1] > [2]> [4]'
    """
    apart = re.sub(
        r"\[([^\[\]]*,[^\[\]]*)\]", lambda found: " ".join(f"[{c.strip()}]" for c in found[1].split(",")), text
    )
    return re.sub(r"\[\s*(\w+)\s*(?=[>,])", r"[\1]", apart)


def _defect(text: str, named: Sequence[str], order: Sequence[int], identifiers: Sequence[str]) -> str:
    """What kept a reply from being a whole permutation, "" if nothing did."""
    one = _pattern(identifiers[0]).replace("(\\d+)", "\\d+").replace("([A-Za-z])", "[A-Za-z]")
    if not re.fullmatch(rf"\s*{one}(\s*[>,=]\s*{one})*\s*", _bare(text)):
        return "wrong_format"
    if len(named) < len(identifiers):
        return "missing_documents"
    if len(named) > len(identifiers) or len(set(named)) < len(named):
        return "repetition"
    return "missing_documents" if len(order) < len(identifiers) else ""


def _bare(text: str) -> str:
    """The reply without what some prompts ask around it: a list's brackets, APEER's markers, answer tags."""
    text = text.strip().removeprefix("[rankstart]").removesuffix("[rankend]").strip()
    text = text.removeprefix("<answer>").removesuffix("</answer>").strip()
    listed = re.fullmatch(r"\[(\s*PASSAGE\d+.*)\]", text, re.DOTALL)
    return listed[1] if listed else text
