"""A table of results, written as text, as Markdown, as LaTeX and for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unicodedata import normalize

from rankify.experiment.escaping import in_latex, in_markdown

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, Group
    from rich.table import Table

_LONG = 40  # letters; longer words are broken into lines in LaTeX
_PAGE = 40  # rows; longer tables of LaTeX go on on the next page
_LEAST = 24  # columns of a terminal that words have at least, unless they are shorter


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of a table: whether it is the best of its column, its mark of significance, whether it is second."""

    text: str
    best: bool = False
    mark: str = ""
    second: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """A table: the first column names the rows, the others hold values, or words, which stand to the left.

    Args:
        title: what stands above it.
        columns: the names of all columns.
        rows: a name and its values.
        note: what stands below it.
        words: the names of the columns that hold words.

    Raises:
        ValueError: there is no such column.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Entry]]]
    note: str = ""
    words: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name in self.words:
            if name not in self.columns[1:]:
                raise ValueError(f"no column {name!r} of {[*self.columns[1:]]}")

    def text(self) -> str:
        """Aligned with blanks; the best of a column is not marked."""
        lines = [list(self.columns), *([name, *self._cells(row)] for name, row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        aligned = [
            "  ".join(
                value.ljust(width) if left else value.rjust(width)
                for value, width, left in zip(line, widths, self._left(), strict=True)
            )
            for line in lines
        ]
        return "\n".join([self.title, "", aligned[0].rstrip(), "-" * len(aligned[0]), *map(str.rstrip, aligned[1:]),
                          *(["", self.note] if self.note else [])]) + "\n"  # fmt: skip

    def markdown(self) -> str:
        """As a Markdown table; the best of a column is bold, the second underlined, and texts stand as they are."""
        rows = [[in_markdown(name), *map(_markdown, row)] for name, row in self.rows]
        rule = ["---" if left else "---:" for left in self._left()]
        body = [f"| {' | '.join(row)} |" for row in [map(in_markdown, self.columns), rule, *rows]]
        note = ["", in_markdown(self.note)] if self.note else []
        return "\n".join([f"### {in_markdown(self.title)}", "", *body, *note]) + "\n"

    def latex(self) -> str:
        """As a LaTeX table in booktabs' style; the best of a column is bold, the second underlined.

        One of more than 40 rows is a longtable, which goes on on the next page below its columns' names.
        """
        head, *rows = [_row(row) for row in (map(in_latex, self.columns), *map(_cells, self.rows))]
        note = f" {in_latex(' '.join(self.note.split()))}" if self.note else ""
        caption, places = rf"\caption{{{in_latex(self.title)}.{note}}}", f"{{{self._places()}}}"
        names = [r"\toprule", head, r"\midrule"]
        if self.is_long():
            begun = [rf"\begin{{longtable}}{places}", rf"{caption} \\", *names, r"\endfirsthead", *names, r"\endhead"]
            ends = [r"\midrule", r"\endfoot", r"\bottomrule", r"\endlastfoot"]
            return "\n".join([*begun, *ends, *rows, r"\end{longtable}"]) + "\n"
        begun = [r"\begin{table}", r"\centering", caption, rf"\begin{{tabular}}{places}", *names]
        return "\n".join([*begun, *rows, r"\bottomrule", r"\end{tabular}", r"\end{table}"]) + "\n"

    def is_long(self) -> bool:
        """Whether it has more rows than a page of LaTeX."""
        return len(self.rows) > _PAGE

    def rich(self) -> Group:
        """For a terminal: no value is cut off; columns that have no room stand below, the names of rows before them."""
        from rich.console import Group
        from rich.text import Text

        note = [Text(self.note, style="dim")] if self.note else []
        return Group(Text(self.title, style="bold"), _Fitted(self), *note, Text(""))

    def _left(self) -> list[bool]:
        """Of each column whether it stands to the left."""
        return [True, *(column in self.words for column in self.columns[1:])]

    def _cells(self, row: Sequence[Entry]) -> list[str]:
        """The values of a row: numbers have room for a mark where there is none, so that digits stand below digits."""
        return [e.text + (e.mark or " " * (not left)) for e, left in zip(row, self._left()[1:], strict=True)]

    def _titles(self) -> list[str]:
        """The columns' names as they stand above such values."""
        return [name + " " * (not left) for name, left in zip(self.columns, self._left(), strict=True)]

    def _places(self) -> str:
        """The columns as LaTeX sets them: words that are long in lines, which share not quite half of the width."""
        long = [left and self._widest(place) > _LONG for place, left in enumerate(self._left()) if place]
        share = f"p{{{0.5 / max(1, sum(long)):.2f}\\linewidth}}"
        return "l" + "".join(share if one else "rl"[left] for one, left in zip(long, self._left()[1:], strict=True))

    def _widest(self, place: int) -> int:
        """How wide a column is, in letters of a terminal."""
        from rich.cells import cell_len

        cells = [[name, *self._cells(row)][place] for name, row in self.rows]
        return max(map(cell_len, [self._titles()[place], *cells]))


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A table as wide as the terminal that it is written on, in as many parts as that takes."""

    grid: Grid

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        for places in self._parts(options.max_width):
            yield self._table(places)

    def _parts(self, width: int) -> list[list[int]]:
        """The columns of each part; names have a third of the width at least, unless they are shorter."""
        left, parts = self.grid._left(), [[]]  # type: list[bool], list[list[int]]
        first = min(self.grid._widest(0), width // 3)
        used = first
        for place in range(1, len(left)):
            needed = self.grid._widest(place)
            needed = 3 + (min(needed, _LEAST) if left[place] else needed)
            if parts[-1] and used + needed > width - 2:
                parts.append([])
                used = first
            parts[-1].append(place)
            used += needed
        return parts

    def _table(self, places: Sequence[int]) -> Table:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        grid, made = self.grid, Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for place in (0, *places):
            left = grid._left()[place]
            title = Text(grid._titles()[place])
            made.add_column(title, justify="left" if left else "right", no_wrap=not left, overflow="fold")
        for name, row in grid.rows:
            styles, cells = [_set(entry, "", "bold", "underline") for entry in row], grid._cells(row)
            made.add_row(Text(name), *(Text(cells[place - 1], style=styles[place - 1]) for place in places))
        return made


def latex_file(grids: Iterable[Grid]) -> str:
    """Tables as a file of LaTeX, which begins with the packages that they need."""
    made = [*grids]
    packages = "booktabs,longtable" if any(grid.is_long() for grid in made) else "booktabs"
    return "\n".join([rf"% needs \usepackage{{{packages}}}", "\n".join(grid.latex() for grid in made)])


def _set(entry: Entry, text: str, best: str, second: str) -> str:
    """A text in one of two frames, or as it is."""
    return best.format(text) if entry.best else second.format(text) if entry.second else text


def _markdown(entry: Entry) -> str:
    return _set(entry, in_markdown(entry.text), "**{}**", "<u>{}</u>") + entry.mark


def _cells(row: tuple[str, Sequence[Entry]]) -> list[str]:
    name, entries = row
    return [in_latex(name), *map(_latex, entries)]


def _row(cells: Iterable[str]) -> str:
    r"""A row of LaTeX. A bracket or a star at its beginning would be an option of the rule or the row before it."""
    written = " & ".join(cells)
    return ("{}" if written.lstrip()[:1] in ("[", "*") else "") + written + r" \\"


def _latex(entry: Entry) -> str:
    return _set(entry, in_latex(entry.text), r"\textbf{{{}}}", r"\underline{{{}}}") + _superscript(entry.mark)


def _superscript(mark: str) -> str:
    """A mark; small raised letters, which LaTeX's fonts may lack, as letters that are raised."""
    plain = normalize("NFKC", mark)
    raised = plain.strip().replace(" ", "~")
    return rf"$^{{\mathrm{{{raised}}}}}$" if plain != mark else in_latex(mark)
