"""The table of what each LLM reranker takes has a row for every one of them."""

import pytest

from benchmarks.rerank_table import Perfect, row
from benchmarks.systems import systems
from rankify.llm.simulated import Simulated
from tests.rerank.llm.rankings import graded


@pytest.mark.parametrize("spec", systems())
def test_a_row_says_what_a_query_takes(spec):
    run, grades = graded([6])
    found = row(spec, Simulated(grades), run, grades, limit=1000)
    assert found["algorithm"] == spec
    assert found["calls"] > 0
    assert found["prompt tokens"] > 0
    assert not found["scaled"]


def test_tokens_are_counted_as_the_model_counts_them():
    run, grades = graded([6])

    class Letters(Simulated):
        def prompt_tokens(self, prompts):
            return [len(prompt.plain) for prompt in prompts]

    words, letters = (row("first", llm(grades), run, grades, limit=1000) for llm in (Simulated, Letters))
    assert Perfect(grades, Letters(grades)).prompt_tokens([]) == []
    assert letters["prompt tokens"] > 3 * words["prompt tokens"]


def test_parts_that_are_read_apart_count_each():
    run, grades = graded([6])

    class Longest(Simulated):
        """Says of parts how long the longest is, as what limits them."""

        def prompt_tokens(self, prompts):
            return [max(len(part.split()) for part in prompt.parts or (prompt.plain,)) for prompt in prompts]

    one, each = (row("listt5", llm(grades), run, grades, limit=1000) for llm in (Longest, Simulated))
    assert one["prompt tokens"] == each["prompt tokens"] >= 5 * one["calls"]
