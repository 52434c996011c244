"""Compiled loops that build postings. Nothing here knows texts or formulas: numbers in, numbers out.

Compiled functions hold no lock while they run (`nogil`), so ordinary threads run them side by side, and their machine
code is cached on disk.
"""

from __future__ import annotations

import numpy as np
from numba import njit

compiled = njit(cache=True, nogil=True, error_model="numpy")  # division as numpy has it: no check a division


@compiled
def count_postings(tokens, offsets, terms):
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


@compiled
def fill_postings(tokens, offsets, starts, first, documents, frequencies):
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


@compiled
def move_postings(old_offsets, old_documents, old_frequencies, starts, documents, frequencies):
    """Writes the present postings where each term's places begin now; `starts` moves on behind them."""
    for term in range(len(old_offsets) - 1):
        at = starts[term]
        for i in range(old_offsets[term], old_offsets[term + 1]):
            documents[at] = old_documents[i]
            frequencies[at] = old_frequencies[i]
            at += 1
        starts[term] = at


@compiled
def move_kept_postings(old_offsets, old_documents, old_frequencies, numbers, starts, documents, frequencies):
    """As `move_postings`, with new numbers that ascend as the old ones do, and without documents whose is negative."""
    for term in range(len(old_offsets) - 1):
        at = starts[term]
        for i in range(old_offsets[term], old_offsets[term + 1]):
            number = numbers[old_documents[i]]
            if number >= 0:
                documents[at] = number
                frequencies[at] = old_frequencies[i]
                at += 1
        starts[term] = at


@compiled
def renumber_postings(old_offsets, old_documents, old_frequencies, numbers, offsets, documents, frequencies):
    """Writes the postings of the documents that have a new number, ascending by it within each term.

    Args:
        numbers: each document's new number, negative for one that is dropped.
        offsets: where each term's postings begin among the new ones, dropped terms having none.
        documents, frequencies: filled.
    """
    for term in range(len(old_offsets) - 1):
        at, last, ascending = offsets[term], -1, True
        for i in range(old_offsets[term], old_offsets[term + 1]):
            number = numbers[old_documents[i]]
            if number >= 0:
                documents[at] = number
                frequencies[at] = old_frequencies[i]
                ascending = ascending and number > last
                last = number
                at += 1
        if not ascending:
            span = slice(offsets[term], at)
            order = np.argsort(documents[span])
            documents[span] = documents[span][order]
            frequencies[span] = frequencies[span][order]


@compiled
def count_kept(offsets, documents, numbers):
    """How many of each term's documents have a new number that is not negative."""
    counts = np.zeros(len(offsets) - 1, dtype=np.int64)
    for term in range(len(counts)):
        for i in range(offsets[term], offsets[term + 1]):
            counts[term] += numbers[documents[i]] >= 0
    return counts


@compiled
def fill_weights(offsets, terms, weights, numbers, first, starts, documents, stored):
    """Writes each term's documents, ascending, and its weight in each.

    Args:
        offsets, terms, weights: documents as weighted terms, one behind the other; no term twice in a document.
        numbers: the number of each of their terms among the postings.
        first: the number of the first document.
        starts: where the next posting of each term goes; moved on.
        documents, stored: filled.
    """
    for document in range(len(offsets) - 1):
        for i in range(offsets[document], offsets[document + 1]):
            term = numbers[terms[i]]
            documents[starts[term]] = first + document
            stored[starts[term]] = weights[i]
            starts[term] += 1


@compiled
def maxima(offsets, weights, none):
    """The greatest weight in each term's postings; `none` where it is in no document."""
    found = np.full(len(offsets) - 1, none, dtype=np.float32)
    for term in range(len(found)):
        for i in range(offsets[term], offsets[term + 1]):
            found[term] = max(found[term], weights[i])
    return found
