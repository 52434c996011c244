"""Texts as LaTeX and Markdown print them as they are."""

from __future__ import annotations

import re

_LATEX = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
        "|": r"\textbar{}",
        "<": r"$<$",
        ">": r"$>$",
        "±": r"$\pm$",
        "†": r"$^{\dagger}$",
        "‡": r"$^{\ddagger}$",
    }
)
# What Markdown reads as more than itself; all else stays as it is written, so that names are read in the source, too.
_MARKDOWN = re.compile(
    r"""
      [`*~|]                           # code, emphasis, what is struck out, the edge of a cell
    | \\ (?= [!-/:-@\[-`{-~] | \Z )    # escapes of punctuation
    | (?<![^\W_]) _ | _ (?![^\W_])     # emphasis; within words there is none
    | < (?= [A-Za-z/!?] )              # elements and addresses
    | & (?= \#?\w+; )                  # characters by name or number
    | \[ (?= \^ ) | \] (?= [(\[:] )    # footnotes and links
    """,
    re.VERBOSE,
)


def in_latex(text: str) -> str:
    """A text that LaTeX prints as it is.

    >>> in_latex("rrf_60 & 5%")
    'rrf\\\\_60 \\\\& 5\\\\%'
    """
    return text.translate(_LATEX).replace("$<$=", r"$\leq$")


def in_markdown(text: str) -> str:
    """A text that Markdown prints as it is, on one line.

    >>> in_markdown("bm25_k1 >= nDCG@10"), in_markdown("a|b *c* <b> _d_")
    ('bm25_k1 >= nDCG@10', 'a\\\\|b \\\\*c\\\\* \\\\<b> \\\\_d\\\\_')
    """
    return _MARKDOWN.sub(r"\\\g<0>", " ".join(text.splitlines()))
