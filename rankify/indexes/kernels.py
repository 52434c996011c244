"""Compiled loops over postings. Nothing here knows texts, terms or formulas: numbers in, numbers out.

The functions hold no lock while they run (`nogil`), so several queries search at once in ordinary threads, and their
machine code is cached on disk.
"""

from __future__ import annotations

import numpy as np
from numba import njit

BLOCK = 16384  # documents whose sums are kept at a time: 128 KiB of float64, which stay in a core's cache


@njit(cache=True, nogil=True)
def count_postings(tokens, offsets, terms):  # type: ignore[no-untyped-def]
    """How many documents each term occurs in.

    Args:
        tokens: term numbers of all documents, one after the other.
        offsets: where each document begins in `tokens`, shape (documents + 1,).
        terms: how many terms there are.
    """
    last = np.full(terms, -1, dtype=np.int32)
    counts = np.zeros(terms, dtype=np.int64)
    for document in range(len(offsets) - 1):
        for i in range(offsets[document], offsets[document + 1]):
            term = tokens[i]
            if last[term] != document:
                last[term] = document
                counts[term] += 1
    return counts


@njit(cache=True, nogil=True)
def fill_postings(tokens, offsets, starts, first, documents, frequencies):  # type: ignore[no-untyped-def]
    """Writes each term's documents, ascending, and how often it occurs in each.

    Args:
        starts: where the next posting of each term goes; moved on.
        first: the number of the first document.
        documents, frequencies: filled.
    """
    last = np.full(len(starts), -1, dtype=np.int32)
    for document in range(len(offsets) - 1):
        for i in range(offsets[document], offsets[document + 1]):
            term = tokens[i]
            if last[term] != document:
                last[term] = document
                documents[starts[term]] = first + document
                frequencies[starts[term]] = 1
                starts[term] += 1
            else:
                frequencies[starts[term] - 1] += 1


@njit(cache=True, nogil=True)
def move_postings(old_offsets, old_documents, old_frequencies, starts, documents, frequencies):  # type: ignore[no-untyped-def]
    """Writes the present postings where each term's places begin now; `starts` moves on behind them."""
    for term in range(len(old_offsets) - 1):
        at = starts[term]
        for i in range(old_offsets[term], old_offsets[term + 1]):
            documents[at] = old_documents[i]
            frequencies[at] = old_frequencies[i]
            at += 1
        starts[term] = at


@njit(cache=True, nogil=True)
def maxima(offsets, weights):  # type: ignore[no-untyped-def]
    """The greatest weight in each term's postings."""
    found = np.zeros(len(offsets) - 1, dtype=np.float32)
    for term in range(len(found)):
        for i in range(offsets[term], offsets[term + 1]):
            found[term] = max(found[term], weights[i])
    return found


@njit(cache=True, nogil=True, inline="always")
def _value(weight, stored, saturating):  # type: ignore[no-untyped-def]
    """What a posting adds to a document's score, in float32 as Lucene computes it."""
    return weight - weight / stored if saturating else weight * stored


@njit(cache=True, nogil=True)
def _select(keys, n, k):  # type: ignore[no-untyped-def]
    """Moves the k smallest of keys[:n] to its front (Hoare's quickselect, middle of three as pivot)."""
    low, high = 0, n - 1
    while low < high:
        a, b, c = keys[low], keys[(low + high) // 2], keys[high]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high
        while i <= j:
            while keys[i] < pivot:
                i += 1
            while keys[j] > pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                i += 1
                j -= 1
        if k - 1 <= j:
            high = j
        elif k - 1 >= i:
            low = i
        else:
            return


@njit(cache=True, nogil=True)
def _place(documents, low, high, document):  # type: ignore[no-untyped-def]
    """The first place in documents[low:high] that holds at least `document`, found by doubling steps."""
    step = 1
    while low + step < high and documents[low + step] < document:
        low += step
        step *= 2
    high = min(high, low + step + 1)
    while low < high:
        middle = (low + high) // 2
        if documents[middle] < document:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def search(  # type: ignore[no-untyped-def]
    offsets, documents, stored, bounds, saturating, ranks, by_rank, query_offsets, query_terms, query_weights,
    first, last, found, scores, counts,
):  # fmt: skip
    """The best documents of queries first..last-1; equal scores in ascending order of `ranks`.

    Exact. Documents are taken a block at a time. Terms whose greatest values together cannot lift a document over the
    k-th best score so far are not walked through, only looked up for documents that the other terms brought near
    (MaxScore: Turtle and Flood, "Query evaluation: strategies and optimizations", 1995).

    Args:
        offsets, documents, stored: the postings, each term's documents ascending.
        bounds: the greatest stored weight of each term.
        saturating: what a posting adds: weight - weight / stored, else weight * stored.
        ranks, by_rank: each document's place in the order of ids, and the document at each place.
        query_offsets, query_terms, query_weights: the queries' distinct terms and their weights, all positive.
        found, scores, counts: filled; shapes (queries, k), (queries, k), (queries,).
    """
    k = found.shape[1]
    keys = np.empty(2 * k + BLOCK, dtype=np.int64)
    sums = np.zeros(BLOCK, dtype=np.float64)
    near = np.empty(BLOCK, dtype=np.int32)
    score = np.empty(1, dtype=np.float32)
    bits = score.view(np.int32)
    for query in range(first, last):
        m = query_offsets[query + 1] - query_offsets[query]
        terms = query_terms[query_offsets[query] : query_offsets[query + 1]]
        weights = query_weights[query_offsets[query] : query_offsets[query + 1]]
        tops = np.empty(m, dtype=np.float64)
        for i in range(m):
            tops[i] = _value(weights[i], bounds[terms[i]], saturating)
        order = np.argsort(tops)
        starts, ends, reach = np.empty(m, np.int64), np.empty(m, np.int64), np.empty(m + 1, np.float64)
        reach[0] = 0.0
        for i in range(m):  # from here on, term i is the i-th weakest
            starts[i], ends[i] = offsets[terms[order[i]]], offsets[terms[order[i]] + 1]
            reach[i + 1] = reach[i] + tops[order[i]]
        kept, threshold, weak = 0, 0.0, 0
        for low in range(0, len(ranks), BLOCK):
            high = min(low + BLOCK, len(ranks))
            while weak < m and reach[weak + 1] < threshold:
                weak += 1
            if weak == m:
                break
            # the strong terms: every posting of this block adds to its document
            walked = 0
            for i in range(weak, m):
                weight, at, end = weights[order[i]], starts[i], ends[i]
                while at < end and documents[at] < high:
                    sums[documents[at] - low] += _value(weight, stored[at], saturating)
                    at += 1
                walked += at - starts[i]
                starts[i] = at
            if walked == 0:
                continue
            n = 0
            floor = threshold - reach[weak]
            for d in range(high - low):
                if sums[d] > 0.0 and sums[d] >= floor:
                    near[n] = d
                    n += 1
            # the weak terms: looked up for the documents that may still get over the threshold
            for i in range(weak - 1, -1, -1):
                weight, end = weights[order[i]], ends[i]
                at = starts[i]
                left = 0
                floor = threshold - reach[i + 1]
                for j in range(n):
                    d = near[j]
                    if sums[d] < floor:
                        continue
                    at = _place(documents, at, end, low + d)
                    if at < end and documents[at] == low + d:
                        sums[d] += _value(weight, stored[at], saturating)
                    near[left] = d
                    left += 1
                n = left
                starts[i] = at
            for j in range(n):
                if sums[near[j]] < threshold:
                    continue
                score[0] = sums[near[j]]
                keys[kept] = (np.int64(0x7F800000 - bits[0]) << 32) | ranks[low + near[j]]
                kept += 1
            sums[: high - low] = 0.0
            if kept >= 2 * k:
                _select(keys, kept, k)
                kept = k
                worst = keys[0]
                for j in range(1, k):
                    worst = max(worst, keys[j])
                bits[0] = 0x7F800000 - (worst >> 32)
                threshold = score[0] * (1 - 1e-6)  # a sum below it cannot round up to the k-th best score
        best = np.sort(keys[:kept])[:k]
        counts[query] = len(best)
        for j in range(len(best)):
            bits[0] = 0x7F800000 - (best[j] >> 32)
            scores[query, j] = score[0]
            found[query, j] = by_rank[best[j] & 0xFFFFFFFF]
