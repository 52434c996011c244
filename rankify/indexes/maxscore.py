"""Compiled exact top-k search over weighted postings, a block of documents at a time.

MaxScore (Turtle and Flood, "Query evaluation: strategies and optimizations", 1995): terms whose greatest values
together cannot lift a document over a threshold are weak. Their postings are not walked through; they are only looked
up for the documents that the strong terms brought near it. The threshold is the k-th best score so far, or a guess: the
part of the documents seen so far says what the k-th best of all will be. A guess that fewer than k documents reach in
the end was wrong, and the query is searched again without guessing, so results are exact either way.
"""

from __future__ import annotations

import numpy as np

from rankify.indexes.kernels import compiled

BLOCK = 16384  # documents whose sums are kept at a time: 128 KiB of float64, which stay in a core's cache
SPARSE = 2  # fewer postings than a block's documents by this factor: remember the touched documents, scan nothing
FARTHER = 8  # a look-up costs about as much as walking this many postings
SAMPLE = 16  # of the k best, how many must be expected among the documents seen before a guess is made
BELOW = 1 - 1e-6  # a sum below this part of a score cannot be rounded up to it
INFINITY = 0x7F800000  # the bits of the greatest float32; positive floats are ordered as their bits are


@compiled
def _value(weight, stored, saturating):
    """What a posting adds to a document's score, in float32 as Lucene computes it."""
    return weight - weight / stored if saturating else weight * stored


@compiled
def _select(keys, n, k):
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


@compiled
def _place(documents, low, high, document):
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


@compiled
def _add_all(documents, stored, at, stop, weight, saturating, first, sums):
    """Adds postings to the sums of their documents."""
    for i in range(at, stop):
        sums[documents[i] - first] += _value(weight, stored[i], saturating)


@compiled
def _add_touching(documents, stored, at, stop, weight, saturating, first, sums, touched, n):
    """Adds postings to the sums of their documents and remembers which these are."""
    for i in range(at, stop):
        d, value = documents[i] - first, _value(weight, stored[i], saturating)
        if sums[d] == 0.0 and value > 0.0:
            touched[n] = d
            n += 1
        sums[d] += value
    return n


@compiled
def _scan(sums, size, floor, touched):
    """The documents with a sum of at least the floor, and above zero, ascending, eight at a time."""
    n, floor = 0, max(floor, 1e-38)
    for start in range(0, size, 8):
        near = 0
        for d in range(start, start + 8):
            near += sums[d] >= floor
        if near:
            for d in range(start, start + 8):
                if sums[d] >= floor:
                    touched[n] = d
                    n += 1
    return n


@compiled
def _above(sums, found, n, floor):
    """Keeps those of found[:n] whose sum is at least the floor."""
    left = 0
    for j in range(n):
        if sums[found[j]] >= floor:
            found[left] = found[j]
            left += 1
    return left


@compiled
def _add_to(documents, stored, at, stop, weight, saturating, first, sums, found, n):
    """Adds the postings of documents[at:stop] to those of the n found documents that have one."""
    if stop - at < FARTHER * n:
        for i in range(at, stop):
            d = documents[i] - first
            if sums[d] > 0.0:
                sums[d] += _value(weight, stored[i], saturating)
        return
    begin, last = at, -1
    for j in range(n):
        d = found[j]
        if d < last:  # touched documents come in ascending runs, one a term
            at = begin
        last = d
        at = _place(documents, at, stop, first + d)
        if at < stop and documents[at] == first + d:
            sums[d] += _value(weight, stored[at], saturating)


@compiled
def _add_row(row, weight, saturating, first, sums, found, n):
    """Adds a frequent term, whose numbers stand in a row with a place for every document, to n found documents."""
    for j in range(n):
        sums[found[j]] += _value(weight, row[first + found[j]], saturating)


@compiled
def _collect(sums, found, n, threshold, ranks, first, keys, kept):
    """Appends a key for each found document that reaches the threshold: the better, the smaller; then by rank."""
    score = np.empty(1, dtype=np.float32)
    bits = score.view(np.int32)
    for j in range(n):
        if sums[found[j]] >= threshold:
            score[0] = sums[found[j]]
            keys[kept] = (np.int64(INFINITY - bits[0]) << 32) | ranks[first + found[j]]
            kept += 1
    return kept


@compiled
def _score_of(key):
    bits = np.empty(1, dtype=np.int32)
    bits[0] = INFINITY - (key >> 32)
    return bits.view(np.float32)[0]


@compiled
def _guess(keys, kept, k, seen, documents):
    """A score that k of all documents probably reach, from the best of those seen; 0 when too few are known.

    Of the k best, k * seen / documents are expected among those seen, give or take the root of it; three times that
    are allowed for.
    """
    expected = k * seen / documents
    place = int(expected + 3 * np.sqrt(expected)) + 1
    if expected < SAMPLE or place >= min(kept, k):
        return 0.0
    _select(keys, kept, place)
    return _score_of(keys[:place].max()) * BELOW


@compiled
def _best(postings, ranks, terms, weights, k, keys, sums, touched, found, guessing):
    """Fills keys with the best documents of one query; returns how many they are and the last guess, or 0."""
    offsets, documents, stored, bounds, saturating, row_of, rows = postings
    m = len(terms)
    tops = np.empty(m, dtype=np.float64)
    for i in range(m):
        tops[i] = _value(weights[i], bounds[terms[i]], saturating)
    order = np.argsort(tops)  # from here on, term i is the i-th weakest
    weights, terms = weights[order], terms[order]
    at, end = offsets[terms], offsets[terms + 1]
    reach = np.zeros(m + 1, dtype=np.float64)  # reach[i]: the most that the i weakest terms add together
    for i in range(m):
        reach[i + 1] = reach[i] + tops[order[i]]
    stop = np.empty(m, dtype=np.int64)
    kept, weak, threshold, guess, again = 0, 0, 0.0, 0.0, BLOCK
    for first in range(0, len(ranks), BLOCK):
        size = min(BLOCK, len(ranks) - first)
        while weak < m and reach[weak + 1] < threshold:
            weak += 1
        walked = 0
        for i in range(weak, m):
            at[i] = _place(documents, at[i], end[i], first)
            stop[i] = _place(documents, at[i], end[i], first + size)
            walked += stop[i] - at[i]
        n, sparse = 0, walked * SPARSE < size
        for i in range(weak, m):
            weight = weights[i]
            if sparse:
                n = _add_touching(documents, stored, at[i], stop[i], weight, saturating, first, sums, touched, n)
            else:
                _add_all(documents, stored, at[i], stop[i], weight, saturating, first, sums)
        if not sparse:
            n = _scan(sums, size, threshold - reach[weak], touched)
        found[:n] = touched[:n]
        near = n
        for i in range(weak - 1, -1, -1):
            near = _above(sums, found, near, threshold - reach[i + 1])
            if near == 0:
                break
            if row_of[terms[i]] >= 0:
                _add_row(rows[row_of[terms[i]]], weights[i], saturating, first, sums, found, near)
                continue
            at[i] = _place(documents, at[i], end[i], first)
            stop[i] = _place(documents, at[i], end[i], first + size)
            _add_to(documents, stored, at[i], stop[i], weights[i], saturating, first, sums, found, near)
        kept = _collect(sums, found, near, threshold, ranks, first, keys, kept)
        if sparse:
            for j in range(n):
                sums[touched[j]] = 0.0
        else:
            sums[:size] = 0.0
        if kept >= 2 * k:
            _select(keys, kept, k)
            kept = k
            threshold = max(threshold, _score_of(keys[:k].max()) * BELOW)
        if guessing and first + size >= again and first + size < len(ranks):
            guess = max(guess, _guess(keys, kept, k, first + size, len(ranks)))
            threshold, again = max(threshold, guess), 2 * (first + size)
    return kept, guess


@compiled
def search(postings, ranks, queries, first, last, k, best, counts):
    """The best documents of queries first..last-1, exactly, as keys, the smaller the better.

    A key is (INFINITY - bits of the float32 score) << 32 | rank, so equal scores are ordered by rank.

    Args:
        postings: (offsets, documents, stored, bounds, saturating, row_of, rows): each term's documents, ascending, with
            a number each; the greatest number of each term; whether a posting adds weight - weight / stored, or
            weight * stored; and for frequent terms the row that holds its numbers for all documents, -1 for others.
        ranks: each document's place in the order of ids.
        queries: (offsets, terms, weights): each query's distinct terms and their weights, all positive.
        k: the most documents of a query.
        best: filled with the keys of one query behind the other's, in no order within a query; room for all of them.
        counts: filled with the number of each query's documents, shape (last - first,).
    """
    offsets, terms, weights = queries
    keys = np.empty(2 * k + BLOCK, dtype=np.int64)
    sums = np.zeros(BLOCK, dtype=np.float64)
    room = np.empty((2, BLOCK), dtype=np.int32)
    at = 0
    for query in range(first, last):
        span = slice(offsets[query], offsets[query + 1])
        for guessing in (True, False):
            kept, guess = _best(postings, ranks, terms[span], weights[span], k, keys, sums, room[0], room[1], guessing)
            if kept > k:
                _select(keys, kept, k)
                kept = k
            if guess == 0.0 or (kept == k and _score_of(keys[:k].max()) >= guess):
                break
        best[at : at + kept] = keys[:kept]
        counts[query - first] = kept
        at += kept


@compiled
def unpack(keys, by_rank, documents, scores):
    """The documents and scores in keys.

    Args:
        by_rank: the document at each place in the order of ids.
        documents, scores: filled, shape (keys,).
    """
    bits = np.empty(1, dtype=np.int32)
    score = bits.view(np.float32)
    for i in range(len(keys)):
        documents[i] = by_rank[keys[i] & 0x7FFFFFFF]
        bits[0] = INFINITY - (keys[i] >> 32)
        scores[i] = score[0]
