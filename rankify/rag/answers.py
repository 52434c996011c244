"""Answers in what a model wrote: behind a mark such as "The answer is:", or all of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rankify.text.citing import uncited
from rankify.text.normal import normalized
from rankify.text.sentences import sentences

# what an answer is to, up to the first "is" or colon outside quotes; bounded, so that long texts cost no more
_QUOTED = r"""(?:"[^"\n]{0,300}"|\u201c[^\u201d\n]{0,300}\u201d)"""
_OF = rf"""\s+to\b(?:{_QUOTED}|(?!{_QUOTED})[^.\n:]){{0,300}}?(?:\n\s*)?"""
MARK = re.compile(
    rf"(?:so\s+)?the\s+(?:final\s+)?answer(?:{_OF}|\s*)(?:\bis\b\s*:?|:)|^[^\w\n]*(?:final\s+)?answer\s*:",
    re.IGNORECASE | re.MULTILINE,
)
WRAPS = "*_`\"'\u201c\u201d\u2018\u2019 \t"


def marked(text: str, mark: re.Pattern[str] = MARK) -> tuple[str, str] | None:
    """(answer, what stands before its mark), of the last mark in a text; None where there is none.

    The answer goes to the end of its sentence or line, and loses the stop, quotes and stars around it.

    >>> marked("Ann is 3. Bob is 4. So the final answer is: **Bob**.")
    ('Bob', 'Ann is 3. Bob is 4.')
    >>> marked("Hm.\\nAnswer: Dr. A. Smith, at 5 p.m. He was late."), marked("Bob is 4.")
    (('Dr. A. Smith, at 5 p.m.', 'Hm.'), None)
    """
    marks = list(mark.finditer(text))
    if not marks:
        return None
    last = marks[-1]
    line = next((line for line in text[last.end() :].strip(WRAPS).splitlines() if line.strip(WRAPS)), "")
    found = sentences(line)
    return bare(found[0].text if found else ""), text[: last.start()].strip()


def read(answer: str) -> tuple[str, Counter[str]]:
    """An answer, and what it counts as: "" and unreadable where it says nothing, or no more than a mark.

    >>> read("Paris"), read("So the answer is: **")
    (('Paris', Counter()), ('', Counter({'unreadable': 1})))
    """
    without = MARK.sub("", answer)
    says = answer.strip() if without == answer else bare(without)
    return (answer, Counter()) if says else ("", Counter(unreadable=1))


def unmarked(answer: str) -> tuple[str, Counter[str]]:
    """The same of a reply in which nothing is looked for: blanks are an empty answer, and all else as it is.

    >>> unmarked("Paris"), unmarked(" "), unmarked("The answer is:")
    (('Paris', Counter()), ('', Counter()), ('', Counter({'unreadable': 1})))
    """
    return read(answer) if answer.strip() else ("", Counter())


def bare(answer: str) -> str:
    """An answer without the stop behind it, and without what it is wrapped in.

    >>> bare(' "Paris." '), bare("**No**"), bare("U.S."), bare("1.5 m.")
    ('Paris', 'No', 'U.S.', '1.5 m')
    """
    text = answer.strip(WRAPS)
    if text.endswith((".", "\u3002")) and not re.search(r"(?:\b\w\.){2,}$", text):
        text = text[:-1]
    return text.strip(WRAPS)


def first_line(text: str) -> str:
    """The first line that says something.

    >>> first_line("\\n Paris \\nIt is the capital.")
    'Paris'
    """
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def vote(answers: Sequence[str]) -> tuple[str, float]:
    """The answer that most give, as the first of them wrote it, and the share of all that do.

    Equal votes go to the earlier answer. Answers are the same when their normalised texts are without their citations;
    empty ones do not vote, and count among all.

    >>> vote(["Paris [1]", "the city of Rome", "paris.", ""]), vote([])
    (('Paris [1]', 0.5), ('', 0.0))
    """
    keys = [normalized(uncited(answer)) or answer.strip() for answer in answers]
    votes = Counter(key for key in keys if key)
    if not votes:
        return "", 0.0
    [(best, n)] = votes.most_common(1)
    return answers[keys.index(best)], n / len(answers)
