"""Questions with answers and passages, in the JSON of DPR and of Rankify's predecessor.

    [{"question": ..., "answers": [...], "query_id": ..., "ctxs": [{"id", "score", "has_answer", "title", "text"}]}]

Read tolerantly (an array or a line each; `answer`, `golden_answers`, `contexts`; HotpotQA's `context`), and without
loss: what a file says besides is metadata of the query or the document, and is written back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from rankify.documents import Document
from rankify.errors import BadInput
from rankify.io.files import Name
from rankify.io.jsonl import Record, records, write_records
from rankify.io.tables import id_of
from rankify.types import Query, Ranking, Run, Scores

_IDS = ("query_id", "id", "_id", "qid")
_ANSWERS = ("answers", "answer", "golden_answers")
_CONTEXTS = ("ctxs", "contexts", "context")
_RERANKED = "reranked_ctxs"
_CONTEXT_IDS = ("id", "docid", "_id")


def read_dpr(path: Name, *, reranked: bool = False) -> Run:
    """The questions of a file with their passages as rankings, best first.

    Query ids are the file's (`query_id` or `id`), else the number of the question in the file. Gold answers are in
    `query.metadata["answers"]`, a list. Passages without an id get one made of their content. Scores are the file's
    when every passage has one and they never increase; otherwise the order is the truth, scores are n, ..., 1, and a
    passage keeps what the file said under `given_score`.

    Args:
        path: the file.
        reranked: the rankings under `reranked_ctxs` instead of `ctxs`.

    Raises:
        BadInput: no question, a score that is no number, a passage or a question twice, nothing reranked where that
            is asked for, malformed JSON; the message has file and line.
    """
    seen: dict[str, int] = {}
    rankings = []
    for place, (number, found) in enumerate(records(path), 1):
        ranking = _ranking(found, place, f"{path}:{number}", reranked)
        if ranking.query.id in seen:
            raise BadInput(
                f"{path}:{number}: question {ranking.query.id!r} was already in line {seen[ranking.query.id]}"
            )
        seen[ranking.query.id] = number
        rankings.append(ranking)
    return Run(rankings)


def has_reranked(path: Name) -> bool:
    """Whether a file's first question comes with reranked passages."""
    return next((_RERANKED in found for _, found in records(path)), False)


def _ranking(found: Record, place: int, where: str, reranked: bool) -> Ranking:
    rest = dict(found)
    query = _query(rest, place, where)
    if reranked and _RERANKED not in found:
        raise BadInput(f"{where}: question {query.id!r} has no {_RERANKED!r}; read it without reranked=True")
    key = _RERANKED if reranked else next((key for key in _CONTEXTS if key in found), "")
    contexts = found.get(key) or []
    if not isinstance(contexts, list):
        raise BadInput(f"{where}: {key!r} is a {type(contexts).__name__} instead of a list of passages")
    supporting = _supporting(found)
    passages = [_context(each, supporting, where) for each in contexts]
    ids = _ids(passages, where)
    scores, as_given = _scores(passages, where)
    return Ranking(query, list(map(_document, ids, passages, repeat(as_given))), scores)


def _query(rest: Record, place: int, where: str) -> Query:
    """The query; `rest` keeps the id as the file wrote it and everything that is no passage."""
    text = rest.pop("question", None)
    if not isinstance(text, str) or not text.strip():
        raise BadInput(f"{where}: no text under 'question'; a question is an object with one")
    key = next((key for key in _IDS if rest.get(key) is not None), None)
    id = str(place) if key is None else id_of(rest[key], where)
    answers = next((rest.pop(key) for key in _ANSWERS if key in rest), None)
    for name in (*_CONTEXTS[: 2 + _is_pairs(rest.get("context"))], _RERANKED):
        rest.pop(name, None)
    return Query(id, text, {"answers": _listed(answers), **rest} if answers is not None else rest)


def _listed(answers: Any) -> list[Any]:
    return list(answers) if isinstance(answers, list) else [answers]


def _is_pairs(contexts: Any) -> bool:
    """Whether these are HotpotQA's passages: pairs of a title and sentences."""
    return isinstance(contexts, list) and all(isinstance(c, list) and len(c) == 2 for c in contexts)


def _supporting(found: Record) -> set[str]:
    """HotpotQA's titles of the passages that a question needs."""
    facts: Any = found.get("supporting_facts")
    return {fact[0] for fact in facts} if _is_pairs(facts) else set()


def _context(context: Any, supporting: set[str], where: str) -> Record:
    if isinstance(context, dict):
        return context
    if _is_pairs([context]) and isinstance(context[1], list):
        title, sentences = context
        return {"title": title, "text": "".join(sentences), "sentences": sentences, "supporting": title in supporting}
    raise BadInput(f"{where}: a passage is a {type(context).__name__} instead of an object {{...}}")


def _ids(passages: Sequence[Record], where: str) -> list[str]:
    """The passages' ids; one without any is known by its content, and by its place among equal ones."""
    seen: set[str] = set()
    ids = []
    for passage in passages:
        key = next((key for key in _CONTEXT_IDS if passage.get(key) is not None), None)
        id = _content_id(passage, seen) if key is None else id_of(passage[key], where)
        if id in seen:
            raise BadInput(f"{where}: passage {id!r} stands twice in the same ranking")
        seen.add(id)
        ids.append(id)
    return ids


def _content_id(passage: Record, seen: set[str]) -> str:
    content = f"{passage.get('title') or ''}\n{passage.get('text') or ''}".encode("utf-8", "surrogatepass")
    id = stem = hashlib.sha256(content).hexdigest()[:16]
    place = 1
    while id in seen:
        place += 1
        id = f"{stem}-{place}"
    return id


def _scores(passages: Sequence[Record], where: str) -> tuple[Scores, bool]:
    """The scores to rank by, and whether they are the file's own."""
    given = np.array([_score(p.get("score"), where) for p in passages], dtype=np.float64)
    usable = not np.isnan(given).any() and not (given[1:] > given[:-1]).any()
    return (given, True) if usable else (np.arange(len(given), 0.0, -1.0), False)


def _score(written: Any, where: str) -> float:
    try:
        return float("nan") if written is None else float(written)
    except (TypeError, ValueError):
        raise BadInput(f"{where}: the score {written!r} of a passage is not a number") from None


def _document(id: str, passage: Record, as_given: bool) -> Document:
    rest = dict(passage)
    if "score" in rest:
        score = rest.pop("score")
        rest |= {} if as_given else {"given_score": score}
    text, title = rest.pop("text", None) or "", rest.pop("title", None) or ""
    if rest.get("id") == id:
        rest.pop("id")  # a number stays, so that it is written as a number again
    return Document(id, str(text), str(title), rest)


def write_dpr(run: Run, path: Name, *, reranked: Run | None = None) -> None:
    """Writes rankings as questions with passages: an array when the name ends in .json, else one a line.

    Args:
        run: the rankings for `ctxs`, with what `read_dpr` put into the metadata.
        path: the file.
        reranked: the rankings for `reranked_ctxs`, for the same queries.

    Raises:
        UnknownName: `reranked` lacks a query of the run.
    """
    write_records((_question(r, reranked[r.query.id] if reranked is not None else None) for r in run), path)


def _question(ranking: Ranking, reranked: Ranking | None) -> Record:
    query = ranking.query
    found: Record = {"question": query.text, **query.metadata}
    key = next((key for key in _IDS if found.get(key) is not None), "query_id")
    if str(found.get(key)) != query.id:
        found[key] = query.id
    found["ctxs"] = list(_contexts(ranking))
    if reranked is not None:
        found[_RERANKED] = list(_contexts(reranked))
    return found


def _contexts(ranking: Ranking) -> Iterator[Mapping[str, Any]]:
    """The passages as objects. Where none has a text, only ids were known, and none is written."""
    documents = list(ranking.documents)
    known = any(d.text or d.title for d in documents)
    for document, score in zip(documents, ranking.scores.tolist(), strict=True):
        texts = {"title": document.title, "text": document.text} if known else {}
        yield {"id": document.id, "score": score, **texts, **document.metadata}
