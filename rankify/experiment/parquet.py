"""Every query's values as Parquet, for whoever analyses them with pandas, Polars, DuckDB or R."""

from __future__ import annotations

from math import isnan, nan
from pathlib import Path

from rankify.errors import needs
from rankify.experiment.results import Results
from rankify.io.files import writing

NAMES = ("system", "query")


def refuse_absent() -> None:
    """Raises MissingExtra where Parquet cannot be written."""
    needs("pyarrow.parquet", "parquet")


def parquet_file(folder: Path, dataset: str) -> Path:
    """Where the values of every query are as Parquet."""
    return folder / "per-query" / f"{dataset}.parquet"


def write_parquet(results: Results, dataset: str) -> None:
    """Writes what `per-query/DATASET.csv` holds: system, query, and a column of doubles for each measure.

    A value that a query has not is null.
    """
    import pyarrow as pa
    from pyarrow import parquet

    scores = results.scores[dataset]
    rows = [(system, query) for system, found in scores.items() for query in found.queries]
    columns = {
        "system": pa.array([s for s, _ in rows], pa.string()),
        "query": pa.array([q for _, q in rows], pa.string()),
    }
    for measure in dict.fromkeys(measure for found in scores.values() for measure in found):
        values = [scores[s].per_query[measure][q] if measure in scores[s] else nan for s, q in rows]
        columns[measure] = pa.array([None if isnan(value) else float(value) for value in values], pa.float64())
    with writing(parquet_file(results.folder, dataset), binary=True) as file:
        parquet.write_table(pa.table(columns), file)
