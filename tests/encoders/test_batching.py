"""The scheduler of batches, with a fake in place of a model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankify.encoders.batching import Scheduler, batches, out_of_memory
from rankify.errors import BadInput, RankifyError

LENGTHS = st.lists(st.integers(0, 50), max_size=60)


class Model:
    """Returns ten times each input's place; has room for so many padded tokens, and remembers its batches."""

    def __init__(self, lengths, room=10**9, error=None):
        self.lengths, self.room, self.seen = lengths, room, []
        self.error = error or RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ...")

    def __call__(self, positions):
        if max(self.lengths[p] for p in positions) * len(positions) > self.room:
            raise self.error
        self.seen.append(positions.tolist())
        return positions * 10


@given(LENGTHS, st.integers(1, 120))
def test_every_input_is_in_one_batch_within_the_budget_longest_first(lengths, budget):
    found = [b.tolist() for b in batches(lengths, budget)]
    assert sorted(p for b in found for p in b) == list(range(len(lengths)))
    assert all(len(b) == 1 or lengths[b[0]] * len(b) <= budget for b in found)
    flat = [lengths[p] for b in found for p in b]
    assert flat == sorted(lengths, reverse=True)


@given(LENGTHS, st.integers(1, 120), st.integers(50, 200))
def test_results_come_in_the_callers_order_whatever_the_memory(lengths, budget, room):
    model = Model(lengths, room)
    assert Scheduler(budget).run(lengths, model).tolist() == [10 * i for i in range(len(lengths))]
    assert sorted(p for b in model.seen for p in b) == list(range(len(lengths)))


def test_rows_may_be_vectors():
    found = Scheduler(4).run([1, 3, 2], lambda positions: np.stack([positions, positions + 0.5], axis=1))
    assert found.tolist() == [[0, 0.5], [1, 1.5], [2, 2.5]]
    assert found.dtype == np.float32


def test_a_batch_that_does_not_fit_is_halved_and_later_ones_start_small():
    model, scheduler = Model([10] * 8 + [2] * 4, room=25), Scheduler(80)
    scheduler.run(model.lengths, model)
    assert [len(b) for b in model.seen] == [2, 2, 2, 2, 4]
    assert scheduler.counted == {"tokens": 88, "padding": 0, "passes": 5, "halved": 2}


def test_padding_is_counted():
    scheduler = Scheduler(100)
    scheduler.run([5, 3, 1], Model([5, 3, 1]))
    assert scheduler.counted == {"tokens": 9, "padding": 6, "passes": 1, "halved": 0}


def test_one_input_that_does_not_fit_is_an_error_that_says_so():
    with pytest.raises(RankifyError, match="out of memory with one text of 30 tokens; lower max_length"):
        Scheduler(60).run([30, 4], Model([30, 4], room=20))


def test_other_errors_are_not_swallowed():
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        Scheduler(60).run([30], Model([30], room=1, error=RuntimeError("mat1 and mat2 shapes cannot be multiplied")))


class OutOfMemoryError(RuntimeError):
    """Named as torch's class is."""


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (OutOfMemoryError("HIP ..."), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 17179869184 bytes."), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] can't allocate memory"), True),
        (MemoryError(), True),
        (RuntimeError("CUDA error: device-side assert triggered"), False),
    ],
)
def test_what_counts_as_out_of_memory(error, is_memory):
    assert out_of_memory(error) is is_memory


@pytest.mark.parametrize("budget", [0, -1, 1.5, "8192", True])
def test_a_budget_is_a_whole_number_from_one_up(budget):
    with pytest.raises(BadInput, match="batch_tokens"):
        Scheduler(budget)


def test_nothing_to_do_is_no_pass():
    scheduler = Scheduler(10)
    assert scheduler.run([], Model([])).shape == (0,)
    assert scheduler.counted["passes"] == 0
