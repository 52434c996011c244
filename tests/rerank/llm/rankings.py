"""Rankings whose relevance is known: n documents of distinct grades, shuffled."""

import random

from rankify.documents import Document
from rankify.llm.simulated import Simulated
from rankify.types import Query, Ranking, Run

SIZES = [0, 1, 2, 3, 9, 10, 11, 19, 20, 21, 25, 29, 95, 100, 200]


def graded(sizes, seed=0):
    """A run with a query per size, and {query: {document: grade}}; grades are distinct and above 0."""
    rng = random.Random(seed)
    rankings, grades = [], {}
    for number, n in enumerate(sizes):
        query = Query(f"q{number}", f"query number {number}")
        places = rng.sample(range(1, n + 1), n)
        grades[query.id] = {f"d{g}": g for g in places}
        rankings.append(Ranking(query, [Document(f"d{g}", f"text {g}") for g in places], range(n, 0, -1)))
    return Run(rankings), grades


def ideal(ranking, grades, k=10):
    """The best k ids."""
    judged = grades[ranking.query.id]
    return sorted(judged, key=lambda document: -judged[document])[:k]


def simulated(grades, **options):
    return Simulated(grades, **options)
