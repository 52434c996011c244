"""What a run of a submission has to be, checked line by line, with every complaint noted before any is said."""

from __future__ import annotations

import hashlib
import math
import re
import struct
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO

from rankify.errors import BadInput
from rankify.experiment.problems import Problems
from rankify.io.columns import digits, fields

DEPTH = 1000
SHOWN = 5  # complaints about the lines of one run; of more only the number is said
LONGEST = 10_000  # bytes of a line
MARKS = {b"\xef\xbb\xbf": "UTF-8's", b"\xff\xfe": "UTF-16's", b"\xfe\xff": "UTF-16's"}  # byte-order marks
LINE = "query Q0 document rank score tag"
SPREAD = "write 1001 - rank as the score, or rewrite the run: rankify.io.trec.write_run(read_run(FILE), FILE)"
_ENDS = re.compile(
    r"[\x00\x1c-\x1f]"
)  # a text ends at NUL in C; Python parts columns at the others, trec_eval does not


@dataclass(frozen=True, kw_only=True)
class Needed:
    """What a run of a collection is held against.

    Attributes:
        collection: its name.
        split: the one whose queries count.
        queries: the ids that have to be there; None where only their number is known.
        count: how many they are.
        documents: how many documents there are; None where nobody knows.
        ids: their ids; None where they are not at hand.
        empty: the queries that were searched for in vain and have no line; None where any may be such a one.
        bundled: whether the run is in a bundle that was made before.
    """

    collection: str
    split: str = "test"
    queries: Collection[str] | None
    count: int
    documents: int | None = None
    ids: Collection[str] | None = None
    empty: Collection[str] | None = ()
    bundled: bool = False

    @property
    def due(self) -> int:
        """How many documents a ranking should have."""
        return min(DEPTH, self.documents or DEPTH)


@dataclass(kw_only=True)
class Counted:
    """What a run has.

    Attributes:
        queries: those with a line.
        hits: documents of all of them.
        shortest: documents of the shortest ranking; `longest` likewise.
        depth: how many documents a ranking should have, and `shorter`: how many rankings have fewer.
        no_results: the queries that were searched for in vain, sorted; they count 0.
        sha256: of the whole file, unpacked.
    """

    queries: int = 0
    hits: int = 0
    shortest: int = 0
    longest: int = 0
    depth: int = DEPTH
    shorter: int = 0
    no_results: list[str] = field(default_factory=list)
    sha256: str = ""


@dataclass(kw_only=True)
class _Reader:
    """Reads a run's lines one by one, and keeps what was seen."""

    needed: Needed
    counted: Counted = field(default_factory=Counted)
    lengths: dict[str, int] = field(default_factory=dict)
    query: str | None = None
    score: float = math.inf  # as trec_eval reads it, in single precision
    written: str = ""
    found: set[str] = field(default_factory=set)

    def line(self, text: str) -> None:
        """Raises BadInput for what is wrong with a line."""
        query, _, document, _, written, _ = _columns(text)
        score = _single(written)
        if query != self.query:
            self._begin(query)
        self.lengths[query] += 1
        before, self.score, self.written = (self.score, self.written), score, written
        self._refuse(query, document, *before)

    def _begin(self, query: str) -> None:
        again = query in self.lengths
        self.query, self.score, self.found = query, math.inf, set()
        self.lengths.setdefault(query, 0)
        if again:
            raise BadInput(f"query {query!r} comes a second time; all its lines stand together")
        if self.needed.queries is not None and query not in self.needed.queries:
            own = f"{self.needed.collection} has no query {query!r} that counts in {self.needed.split}"
            raise BadInput(f"{own}; leave it out")

    def _refuse(self, query: str, document: str, before: float, written: str) -> None:
        if document in self.found:
            raise BadInput(f"query {query!r} has document {document!r} twice; keep the better one")
        self.found.add(document)
        if document == query:
            raise BadInput(f"document {document!r} is the query itself; drop it (drop_identical_ids: true)")
        if self.needed.ids is not None and document not in self.needed.ids:
            raise BadInput(f"{self.needed.collection} has no document {document!r}; is this the run of another set?")
        if self.lengths[query] > DEPTH:
            raise BadInput(f"query {query!r} has more than {DEPTH:,} documents; keep the best {DEPTH:,}")
        if self.score >= before and float(self.written) < float(written):
            raise BadInput(
                f"query {query!r}: the score {self.written} of {document!r} is {written} in single precision, as "
                f"trec_eval reads both; {SPREAD}"
            )
        if self.score >= before:
            way = SPREAD if float(self.written) == float(written) else "write them falling"
            raise BadInput(f"the score {self.written} of {document!r} is not below {written}; {way}")

    def whole(self) -> Counted:
        """What the run has. Raises BadInput where queries are missing or the rankings are cut too early."""
        lengths, needed = self.lengths, self.needed
        self.counted = counted = Counted(
            queries=len(lengths), hits=sum(lengths.values()), shortest=min(lengths.values(), default=0),
            longest=max(lengths.values(), default=0), depth=needed.due,
            shorter=sum(length < needed.due for length in lengths.values()), no_results=self._in_vain(),
        )  # fmt: skip
        found = counted.queries + len(counted.no_results)
        if needed.queries is None and found != needed.count:
            own = f"{needed.collection} has {needed.count:,} that count in {needed.split}"
            raise BadInput(f"has {found:,} queries; {own}")
        if counted.longest < needed.due - 1:  # one may have been the query itself
            raise BadInput(
                f"no ranking has more than {counted.longest:,} documents; {needed.due:,} are due: search deeper"
            )
        return counted

    def _in_vain(self) -> list[str]:
        """The queries that were searched for in vain. Raises BadInput where others have no line, or one of them has."""
        needed, said = self.needed, {*(self.needed.empty or ())}
        if wrong := sorted(said & {*self.lengths}):
            raise BadInput(f"has lines of query {wrong[0]!r}, which is said to have no results; make the bundle again")
        if needed.queries is None:
            return sorted(said)
        if wrong := sorted(said - {*needed.queries}):
            raise BadInput(f"{needed.collection} has no query {wrong[0]!r}, which is said to have no results")
        lacking = {*needed.queries} - {*self.lengths}
        missing = [] if needed.empty is None else sorted(lacking - said)
        if missing:
            way = (
                "the side-car names those without results under no_results; make the bundle again"
                if needed.bundled
                else "search them, or --allow-empty where nothing was found for them"
            )
            raise BadInput(f"lacks {len(missing):,} of {needed.count:,} queries, e.g. {missing[0]!r}; {way}")
        return sorted(lacking)


def _columns(text: str) -> list[str]:
    """The six columns of a line. Raises BadInput where trec_eval would read others, or none."""
    if wrong := _ENDS.search(text):
        raise BadInput(f"the character {wrong[0]!r} in {text[:60]!r}, which programs read differently; leave it out")
    columns = fields(text)
    tabbed = text.split("\t")
    if len(tabbed) == 6 and (unlike := [one for one in tabbed if len(fields(one)) != 1]):
        what = f"a blank in {unlike[0][:60]!r}" if unlike[0].strip() else f"an empty column in {text[:60]!r}"
        raise BadInput(f"{what}: trec_eval parts columns at blanks, too; a line is {LINE}, none empty or with a blank")
    if len(columns) != 6:
        raise BadInput(f"{len(columns)} columns in {text[:60]!r}; a line is {LINE}")
    return columns


def _single(text: str) -> float:
    """A score as trec_eval reads it, rounded to single precision."""
    try:
        value = float(digits(text)) if text.isascii() else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadInput(f"the score {text!r} is no finite number" + ("" if text.isascii() else " in digits from 0 to 9"))
    try:
        [rounded] = struct.unpack("<f", struct.pack("<f", value))
    except OverflowError:
        raise BadInput(f"the score {text} is infinite in single precision, as trec_eval reads it; {SPREAD}") from None
    return float(rounded)


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file, one that never ends in pieces, so that none fills the memory."""
    while piece := file.readline(LONGEST + 1):
        yield piece


def checked(lines: Iterable[bytes], needed: Needed, problems: Problems, name: str) -> Counted:
    """What a run has; what is wrong with it is noted with its name, the line and the way out.

    Per query: no document twice, none that is the query, none that the collection lacks, scores finite and strictly
    falling in single precision, 1,000 documents at most. All queries that count but those that are said to have been
    searched for in vain, and no others. The longest ranking has 1,000 documents, or
    as many as there are; others may be shorter, since a search of words finds what shares one. A file of another
    encoding, or with a line that does not end, is no run, and is read no further.
    """
    reader, digest, wrong = _Reader(needed=needed), hashlib.sha256(), 0
    for number, line in enumerate(lines, 1):
        digest.update(line)
        if said := _no_run(line):
            problems.note(BadInput(said), f"{name}:{number}")
            return reader.counted
        try:
            reader.line(line.decode("utf-8").rstrip("\r\n"))
        except (BadInput, UnicodeDecodeError) as error:
            wrong += 1
            said = str(error) if isinstance(error, BadInput) else "is not UTF-8; convert the file to UTF-8"
            if wrong <= SHOWN:
                problems.note(BadInput(said), f"{name}:{number}")
    if wrong > SHOWN:
        problems.note(BadInput(f"{wrong - SHOWN:,} more lines are wrong"), name)
    if reader.lengths or not wrong:  # where no line could be read, that is all there is to say
        with problems.at(name):
            reader.whole()
    reader.counted.sha256 = digest.hexdigest()
    return reader.counted


def _no_run(line: bytes) -> str:
    """Why a line shows that this is no run at all, or nothing."""
    if len(line) > LONGEST:
        return f"is longer than {LONGEST:,} bytes; a line is {LINE}"
    mark = next((whose for mark, whose in MARKS.items() if line.startswith(mark)), "")
    return f"starts with {mark} byte-order mark; write the file as UTF-8 without one" if mark else ""
