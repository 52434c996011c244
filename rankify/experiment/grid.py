"""A table of results, written as text, as Markdown, as LaTeX and for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unicodedata import normalize

if TYPE_CHECKING:
    from rich.console import Group

_LATEX = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
        "<": r"$<$",
        ">": r"$>$",
        "±": r"$\pm$",
        "†": r"$^{\dagger}$",
        "‡": r"$^{\ddagger}$",
    }
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of a table: whether it is the best of its column, its mark of significance, whether it is second."""

    text: str
    best: bool = False
    mark: str = ""
    second: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """A table: the first column names the rows, the others hold values.

    Args:
        title: what stands above it.
        columns: the names of all columns.
        rows: a name and its values.
        note: what stands below it.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Entry]]]
    note: str = ""

    def text(self) -> str:
        """Aligned with blanks; the best of a column is not marked."""
        lines = [list(self.columns), *([name, *(_aligned(e, e.text) for e in row)] for name, row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        aligned = [
            "  ".join([line[0].ljust(widths[0]), *(v.rjust(w) for v, w in zip(line[1:], widths[1:], strict=True))])
            for line in lines
        ]
        return "\n".join([self.title, "", aligned[0].rstrip(), "-" * len(aligned[0]), *map(str.rstrip, aligned[1:]),
                          *(["", self.note] if self.note else [])]) + "\n"  # fmt: skip

    def markdown(self) -> str:
        """As a Markdown table; the best of a column is bold, the second underlined."""
        rows = [[name, *(_set(e, e.text, "**{}**", "<u>{}</u>") + e.mark for e in row)] for name, row in self.rows]
        rule = ["---", *["---:"] * (len(self.columns) - 1)]
        body = [
            "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in [self.columns, rule, *rows]
        ]
        return "\n".join([f"### {self.title}", "", *body, *(["", self.note] if self.note else [])]) + "\n"

    def latex(self) -> str:
        """As a LaTeX table in booktabs' style; the best of a column is bold, the second underlined."""
        rows = [[escaped(name), *map(_latex, row)] for name, row in self.rows]
        lines = [" & ".join(row) + r" \\" for row in ([escaped(c) for c in self.columns], *rows)]
        note = f" {escaped(self.note)}" if self.note else ""
        caption = f"{escaped(self.title)}.{note}"
        return "\n".join([
            r"\begin{table}", r"\centering", rf"\caption{{{caption}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(self.columns) - 1)}}}", r"\toprule", lines[0], r"\midrule", *lines[1:],
            r"\bottomrule", r"\end{tabular}", r"\end{table}",
        ]) + "\n"  # fmt: skip

    def rich(self) -> Group:
        """For a terminal."""
        from rich import box
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        made.add_column(self.columns[0], overflow="fold")
        for column in self.columns[1:]:
            made.add_column(f"{column} ", justify="right", no_wrap=True)
        for name, row in self.rows:
            made.add_row(Text(name), *(Text(_aligned(e, e.text), style=_set(e, "", "bold", "underline")) for e in row))
        note = [Text(self.note, style="dim")] if self.note else []
        return Group(Text(self.title, style="bold"), made, *note, Text(""))


def _set(entry: Entry, text: str, best: str, second: str) -> str:
    """A text in one of two frames, or as it is."""
    return best.format(text) if entry.best else second.format(text) if entry.second else text


def _aligned(entry: Entry, text: str) -> str:
    """With room for the mark where there is none, so that digits stand below digits."""
    return text + (entry.mark or " ")


def _latex(entry: Entry) -> str:
    return _set(entry, escaped(entry.text), r"\textbf{{{}}}", r"\underline{{{}}}") + _superscript(entry.mark)


def _superscript(mark: str) -> str:
    """A mark; small raised letters, which LaTeX's fonts may lack, as letters that are raised."""
    plain = normalize("NFKC", mark)
    raised = plain.strip().replace(" ", "~")
    return rf"$^{{\mathrm{{{raised}}}}}$" if plain != mark else escaped(mark)


def escaped(text: str) -> str:
    """A text that LaTeX prints as it is.

    >>> escaped("rrf_60 & 5%")
    'rrf\\\\_60 \\\\& 5\\\\%'
    """
    return text.translate(_LATEX).replace("$<$=", r"$\leq$")
