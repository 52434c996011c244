"""The benchmark of fusion compares ways to the same rankings. Nothing is timed here."""

import pytest

from benchmarks import fid
from benchmarks.fid_model import made
from tests.rerank.llm.test_fusion import candidates

TINY = {"vocab_size": 4000, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4}


@pytest.mark.parametrize("name", fid.SYSTEMS)
def test_all_ways_rank_alike_and_by_what_they_read(name, tmp_path):
    run = candidates([12, 7, 20, 12])
    passages = [document.text for ranking in run for document in ranking.documents]
    made(str(tmp_path), "bare" if "listt5" in name else "brackets", passages=passages, **TINY)
    row = fid.compared(name, str(tmp_path), run, repeats=1)
    assert row["same"]
    assert row["moved"] > 0
    assert set(fid.BARS) <= set(fid.SYSTEMS)


def test_the_table_has_a_row_for_each_reranker(capsys):
    row = dict.fromkeys((f"{way}_documents_per_s" for way in ("together", "alone", "published")), 8.0)
    fid.shown([{"reranker": name, **row, "times_alone": 2.0, "times_published": 3.0} for name in fid.SYSTEMS])
    table = capsys.readouterr().out
    assert all(name in table for name in fid.SYSTEMS)
