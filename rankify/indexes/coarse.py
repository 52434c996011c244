"""Compiled loops of the quantised index: sums of coarse weights over all postings, exact scores of the best of them."""

from __future__ import annotations

import numpy as np

from rankify.indexes.kernels import compiled
from rankify.indexes.maxscore import INFINITY, _select

BLOCK = 16384  # documents whose sums are kept at a time: 32 KiB of uint16
MOST = 65535  # a uint16's greatest number, which no sum exceeds
TOGETHER = 16  # rows that are brought from memory at once
LEVELS = 255  # of a weight, from 1 to its term's greatest


@compiled
def quantise(offsets, documents, weights, bounds, places, codes, begins):
    """Writes each posting's place in its block, its weight as a number from 1 to 255, and where blocks begin.

    Args:
        bounds: the greatest weight of each term.
        places, codes: filled, shape (postings,).
        begins: filled: where each block of each term begins, shape (terms, blocks + 1).
    """
    for term in range(len(offsets) - 1):
        block = 0
        begins[term, 0] = offsets[term]
        for i in range(offsets[term], offsets[term + 1]):
            while documents[i] >= (block + 1) * BLOCK:
                block += 1
                begins[term, block] = i
            places[i] = documents[i] - block * BLOCK
            codes[i] = max(1, int(weights[i] / bounds[term] * LEVELS + 0.5))
        begins[term, block + 1 :] = offsets[term + 1]


@compiled
def _tables(reach):
    """What each level of each term adds to a sum, if a term can add `reach` and all together no more than `MOST`."""
    unit = (MOST - len(reach)) / max(reach.sum(), 1e-30)
    tables = np.empty((len(reach), LEVELS + 1), dtype=np.uint16)
    for t in range(len(reach)):
        for level in range(LEVELS + 1):
            tables[t, level] = max(int(reach[t] * unit * level / LEVELS + 0.5), min(level, 1))
    return tables


@compiled
def _coarse(postings, documents, terms, tables, most, keys, sums, guessing):
    """Fills keys with the documents that have the greatest coarse sums; returns how many, and the floor guessed last.

    Args:
        tables: what each level of each term adds to a sum, shape (terms, 256).
        guessing: whether the part of the documents seen so far says, on the safe side, what sums the best will have.
    """
    begins, places, codes = postings
    kept, floor, guess = 0, 1, 0
    for block in range(begins.shape[1] - 1):
        first = block * BLOCK
        size = min(BLOCK, documents - first)
        for j in range(len(terms)):
            table = tables[j]
            for i in range(begins[terms[j], block], begins[terms[j], block + 1]):
                sums[places[i]] += table[codes[i]]
        for start in range(0, size, 32):
            near = 0
            for d in range(start, start + 32):
                near += sums[d] >= floor
            if near:
                for d in range(start, min(start + 32, size)):
                    if sums[d] >= floor:
                        keys[kept] = (np.int64(MOST - sums[d]) << 32) | (first + d)
                        kept += 1
        sums[:size] = 0
        expected = most * (first + size) / documents
        place = int(expected + 4 * np.sqrt(expected)) + 1
        if guessing and place < min(kept, most) and (block < 4 or kept >= 2 * most):
            _select(keys, kept, place)
            guess = max(guess, MOST - (keys[:place].max() >> 32))
            floor = max(floor, guess)
        elif kept >= 2 * most:
            _select(keys, kept, most)
            kept = most
            floor = max(floor, MOST - (keys[:most].max() >> 32))
        if kept >= 2 * most:
            _select(keys, kept, most)
            kept = most
    if kept > most:
        _select(keys, kept, most)
        kept = most
    return kept, guess


@compiled
def pack(offsets, terms, weights, numbers, values):
    """Writes each row's terms and, right behind them, its weights, so that a row is one piece of memory.

    Args:
        numbers, values: the same memory as int32 and as float32, filled, shape (2 * terms of all rows,).
    """
    for row in range(len(offsets) - 1):
        first, size = offsets[row], offsets[row + 1] - offsets[row]
        for i in range(size):
            numbers[2 * first + i] = terms[first + i]
            values[2 * first + size + i] = weights[first + i]


@compiled
def _touched(rows, found):
    """Reads a number of every 64 bytes of some rows: many reads are under way at once, so that later ones wait less."""
    offsets, numbers, _ = rows
    total = 0
    for j in range(len(found)):
        for i in range(2 * offsets[found[j]], 2 * offsets[found[j] + 1], 16):
            total += numbers[i]
    return total


@compiled
def _product(rows, document, asked):
    """The inner product of a document's row with weights that stand at the places of their terms."""
    offsets, numbers, values = rows
    size, first = offsets[document + 1] - offsets[document], 2 * offsets[document]
    even, odd = 0.0, 0.0
    for i in range(first, first + size - 1, 2):
        even += asked[numbers[i]] * values[i + size]
        odd += asked[numbers[i + 1]] * values[i + 1 + size]
    if size % 2:
        even += asked[numbers[first + size - 1]] * values[first + 2 * size - 1]
    return even + odd


@compiled
def search(postings, bounds, rows, ranks, queries, first, last, k, most, best, counts):
    """The best documents of queries first..last-1 by exact score, among those with the greatest coarse sums.

    Args:
        postings: (begins, places, codes) as `quantise` fills them.
        bounds: the greatest weight of each term.
        rows: (offsets, numbers, values): each document's weighted terms as `pack` writes them.
        ranks: each document's place in the order of ids.
        queries: (offsets, terms, weights).
        k: the most documents of a query.
        most: how many documents have their exact score computed.
        best, counts: filled as by `maxscore.search`.
    """
    offsets, terms, weights = queries
    keys, sums = np.empty(2 * most + BLOCK, dtype=np.int64), np.zeros(BLOCK + 32, dtype=np.uint16)
    asked = np.zeros(len(bounds), dtype=np.float32)
    bits = np.empty(1, dtype=np.int32)
    score = bits.view(np.float32)
    at, touched = 0, 0
    for query in range(first, last):
        own, values = terms[offsets[query] : offsets[query + 1]], weights[offsets[query] : offsets[query + 1]]
        tables = _tables(bounds[own].astype(np.float64) * values)
        for guessing in (True, False):
            kept, guess = _coarse(postings, len(ranks), own, tables, most, keys, sums, guessing)
            if guess == 0 or (kept == most and MOST - (keys[:kept].max() >> 32) >= guess):
                break
        asked[own] = values
        found = np.sort(keys[:kept] & 0x7FFFFFFF)  # ascending, as they lie in memory
        for start in range(0, kept, TOGETHER):
            stop = min(start + TOGETHER, kept)
            touched += _touched(rows, found[start:stop])
            for j in range(start, stop):
                score[0] = _product(rows, found[j], asked)
                keys[j] = (np.int64(INFINITY - bits[0]) << 32) | ranks[found[j]]
        asked[own] = 0.0
        if kept > k:
            _select(keys, kept, k)
            kept = k
        best[at : at + kept] = keys[:kept]
        counts[query - first] = kept
        at += kept
    return touched  # so that the reads are not left out
