"""Systems over several collections: means, votes, the consensus, and how far any of it can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from math import isnan
from typing import Any

from rankify.errors import BadInput, UnknownName
from rankify.evaluation import votes
from rankify.evaluation.agreement import LeftOut, agreement, leave_one_out, places_without
from rankify.evaluation.averages import Table, averages, canonical, over, parts
from rankify.evaluation.kemeny import Consensus, kemeny
from rankify.evaluation.printed import table as printed

PerQuery = Mapping[str, Mapping[str, Mapping[str, float]]]  # collection -> system -> query -> value

ORDERS: Mapping[str, Callable[[Table], tuple[str, ...]]] = {
    "mean": lambda table: votes.ordered(votes.mean(table)),
    "borda": lambda table: votes.ordered(votes.borda(table)),
    "kemeny": lambda table: kemeny(table).order,
}


@dataclass(frozen=True, kw_only=True)
class Aggregation:
    """Systems over collections; prints as a table.

    Attributes:
        table: what was aggregated: system -> collection -> value.
        average: the named set of collections, or "" for all that were given.
        order: the systems, best first, by what was asked for: the mean, Borda's count or Kemeny's consensus.
        by: which of these.
        mean: each system's mean; `borda` is its count, `kemeny` the consensus.
        borda_two_level: its count over queries and then collections; None where no queries were given.
        agreement: Kendall's tau-b between collections.
        left_out: the order without each collection in turn; empty where there is only one.
        condorcet_winner: the system that beats each other one on more collections than not, or None.
    """

    table: Table
    average: str
    by: str
    order: tuple[str, ...]
    mean: Mapping[str, float]
    borda: Mapping[str, float]
    borda_two_level: Mapping[str, float] | None
    kemeny: Consensus
    agreement: Mapping[str, Mapping[str, float]]
    left_out: tuple[LeftOut, ...]
    condorcet_winner: str | None

    @property
    def collections(self) -> list[str]:
        """The names of the collections."""
        return list(next(iter(self.table.values())))

    @property
    def span(self) -> Mapping[str, tuple[int, int]]:
        """The best and the worst place of each system without one collection or another."""
        return places_without(self.left_out)

    def columns(self) -> dict[str, dict[str, str]]:
        """The aggregates as text: column -> system -> cell."""
        levels = {"Borda": self.borda, "Borda (queries)": self.borda_two_level}
        span = {s: f"{low}" if low == high else f"{low} to {high}" for s, (low, high) in self.span.items()}
        return {
            self.average or "mean": {s: f"{self.mean[s]:.4f}" for s in self.order},
            **{name: {s: f"{found[s]:g}" for s in self.order} for name, found in levels.items() if found},
            "Kemeny": {s: str(self.kemeny.places[s]) for s in self.order},
            **({"place without one": span} if span else {}),
        }

    def __str__(self) -> str:
        columns = self.columns()
        rows = [[system, *(column[system] for column in columns.values())] for system in self.order]
        return f"{printed(['system', *columns], rows)}\n{self.note()}"

    def note(self) -> str:
        """What was aggregated, and how sure the consensus is."""
        said = [f"{len(self.collections)} collection{'s' * (len(self.collections) != 1)}, ordered by {_SAID[self.by]}"]
        one = self.kemeny
        pairs = f"{one.cost:g} pair{'s' * (one.cost != 1)} against"
        if not one.exact:
            said.append(f"Kemeny's order by local search: {pairs} it, no order has below {one.bound:g}")
        elif one.optima and one.optima > 1:
            said.append(f"{one.optima:,} orders are as good as Kemeny's, with {pairs} each")
        else:
            said.append(f"Kemeny's order has {pairs} it, the fewest there can be")
        said.append(f"Condorcet winner: {self.condorcet_winner or 'none'}")
        return "\n".join(f"{sentence}." for sentence in said)

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON has it; agreement with a collection that ties all systems becomes None."""
        found = {name: getattr(self, name) for name in ("average", "by", "order", "condorcet_winner")}
        rows = {system: dict(row) for system, row in self.table.items()}
        return {
            **found,
            "table": rows,
            "mean": dict(self.mean),
            "borda": dict(self.borda),
            "borda_two_level": self.borda_two_level,
            "kemeny": asdict(self.kemeny),
            "agreement": {c: {o: None if isnan(t) else t for o, t in row.items()} for c, row in self.agreement.items()},
            "left_out": [asdict(one) for one in self.left_out],
        }


_SAID = {"mean": "the mean", "borda": "Borda's count", "kemeny": "Kemeny's consensus"}


def aggregate(
    table: Table,
    *,
    average: str = "",
    by: str = "mean",
    per_query: PerQuery | None = None,
) -> Aggregation:
    """Systems over several collections: mean, Borda's count, Kemeny's consensus, agreement and robustness.

    A mean weighs a collection by how far values spread there; votes count the orders alone. Colombo et al.,
    arXiv:2202.03799. Agreement is Kendall's tau-b between collections.

    Args:
        table: system -> collection -> value, higher is better.
        average: a named set, e.g. "beir-14": then only its collections count, and every one must be there.
        by: what orders the systems: "mean", "borda" or "kemeny".
        per_query: collection -> system -> query -> value, for Borda's count over queries; of the same collections and
            systems. Of a named set its collections count; each forum of CQADupStack votes by itself.

    Raises:
        BadInput: a system lacks a collection, or a query; the queries are of other collections or systems; there are
            fewer than two systems; or a value is no number.
        UnknownName: there is no such average or order.
    """
    if by not in ORDERS:
        raise UnknownName.among("order of systems", by, ORDERS)
    if average:
        table, per_query = over(table, average), _of(average, per_query)
    agree = agreement(table)
    _same(table, average, per_query)
    return Aggregation(
        table=table,
        average=average,
        by=by,
        order=ORDERS[by](table),
        mean=votes.mean(table),
        borda=votes.borda(table),
        borda_two_level=votes.borda_two_level(per_query) if per_query else None,
        kemeny=kemeny(table),
        agreement=agree,
        left_out=leave_one_out(table, ORDERS[by]) if len(agree) > 1 else (),
        condorcet_winner=votes.condorcet_winner(table),
    )


def _of(average: str, per_query: PerQuery | None) -> PerQuery | None:
    """The collections of a named set, or their parts."""
    members = {name for member in averages()[average].of for name in (member, *parts().get(member, ()))}
    return per_query and {name: rows for name, rows in per_query.items() if canonical(name) in members}


def _same(table: Table, average: str, per_query: PerQuery | None) -> None:
    """Raises where queries are not of the collections and systems of the table: a vote of fewer would not compare."""
    if per_query is None:
        return
    if average:
        over({"the values by query": dict.fromkeys(per_query, 0.0)}, average)
    elif apart := {*per_query} ^ {c for row in table.values() for c in row}:
        raise BadInput(f"the values by query and the table are of different collections, e.g. {min(apart)!r}")
    for collection, rows in per_query.items():
        if apart := {*rows} ^ {*table}:
            raise BadInput(f"the values by query of {collection!r} are of other systems, e.g. {min(apart)!r}")
