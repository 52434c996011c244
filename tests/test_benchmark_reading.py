"""The benchmark of readers counts calls and what is asked twice, and knows its bars. Nothing is timed here."""

import pytest

from benchmarks import reading


@pytest.mark.parametrize("name", reading.READERS)
def test_a_start_after_a_kill_asks_nothing_twice(name):
    row = reading.row(name, reading.ranked(150, words=5), 0.0, 1)
    prompts = 150 * reading.READERS[name].get("samples", 1)
    kept = -(-prompts // 64)
    assert row["alone calls"] == 1
    assert row["kept calls"] == kept
    assert 0 < row["taken up calls"] < kept
    assert row["repeated"] == 0


def test_what_is_asked_twice_is_counted(monkeypatch):
    monkeypatch.setattr(reading.Slow, "identity", property(lambda self: str(id(self))))
    assert reading.row("basic", reading.ranked(150, words=5), 0.0, 1)["repeated"] == 64


@pytest.mark.slow
@pytest.mark.parametrize("name", reading.BARS)
def test_a_thousand_questions_keep_to_their_bar(name):
    assert reading.misses([reading.row(name, reading.ranked(1000), 0.05, 1)]) == []


def test_bars_are_those_of_readers_that_are_timed():
    assert set(reading.BARS) <= set(reading.READERS)
    fine = {f"{way} s": 0.1 for way in reading.WAYS} | {f"{way} calls": 1 for way in reading.WAYS} | {"repeated": 0}
    assert reading.misses([{"reader": name, **fine} for name in reading.READERS]) == []
    assert reading.misses([{"reader": "basic", **fine, "kept s": 3.0}]) == ["basic, kept: 3.00 s, the bar is 3"]
    assert reading.misses([{"reader": "cite", **fine, "repeated": 2}]) == ["cite: 2 prompts asked twice"]


def test_the_table_has_a_row_for_each_reader(capsys):
    row = {f"{way} s": 0.1 for way in reading.WAYS} | {f"{way} calls": 1 for way in reading.WAYS} | {"repeated": 0}
    options = type("Options", (), {"questions": 1000, "pause": 0.05})
    reading.shown([{"reader": name, **row} for name in reading.READERS], options)
    table = capsys.readouterr().out
    assert all(name in table for name in reading.READERS)
