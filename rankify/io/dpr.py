"""Questions with answers and passages, in the JSON of DPR and of the earlier Rankify.

    [{"question": ..., "answers": [...], "query_id": ..., "ctxs": [{"id", "score", "has_answer", "title", "text"}]}]

Read tolerantly (an array or a line each; `answer`, `golden_answers`, `contexts`; HotpotQA's `context`), and without
loss: what a file says besides is metadata of the query or the document, and is written back. Where a question or a
passage is spelled otherwise than `write_dpr` would (another key for its answers, no title, a score as text), its
record stays in the metadata as `as_given`, and is written again for as long as nothing about it was changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count, repeat
from typing import Any

import numpy as np

from rankify.documents import Document
from rankify.errors import BadInput, UnknownName
from rankify.io.files import Name
from rankify.io.jsonl import Record, records, write_records
from rankify.io.light import texted, textless
from rankify.io.tables import id_of
from rankify.io.trec import Placed
from rankify.types import Query, Ranking, Run, Scores

_IDS = ("query_id", "id", "_id", "qid")
_ANSWERS = ("answers", "answer", "golden_answers")
_CONTEXTS = ("ctxs", "contexts", "context")
_RERANKED = "reranked_ctxs"
_CONTEXT_IDS = ("id", "docid", "_id")
_GIVEN = "as_given"


def read_dpr(path: Name, *, reranked: bool = False, corpus: Placed | None = None) -> Run:
    """The questions of a file with their passages as rankings, best first.

    Query ids are the file's (`query_id` or `id`), else the number of the question in the file. Gold answers are in
    `query.metadata["answers"]`, a list. Passages without an id get one made of their content. Scores are the file's
    when every passage has one and they never increase; otherwise the order is the truth, scores are n, ..., 1, and a
    passage keeps what the file said under `given_score`.

    Args:
        path: the file.
        reranked: the rankings under `reranked_ctxs` instead of `ctxs`; those of questions without any are empty.
        corpus: where titles and texts are, by id, of passages that have neither in the file, as the earlier Rankify's
            light files have not. They stay there until a passage is looked at.

    Raises:
        BadInput: no question, a score that is no number, a passage or a question twice, a passage that is not in the
            corpus, malformed JSON, each with file and line; or no question has anything reranked where that is asked
            for.
    """
    seen: dict[str, int] = {}
    rankings = []
    if reranked and not has_reranked(path):
        raise BadInput(f"{path}: no question has {_RERANKED!r}; read it without reranked=True")
    for place, (number, found) in enumerate(records(path), 1):
        ranking = _texted(_ranking(found, place, f"{path}:{number}", reranked), corpus, f"{path}:{number}")
        if ranking.query.id in seen:
            raise BadInput(
                f"{path}:{number}: question {ranking.query.id!r} was already in line {seen[ranking.query.id]}"
            )
        seen[ranking.query.id] = number
        rankings.append(ranking)
    if not rankings:
        raise BadInput(f"{path} has no questions; a line is an object with a 'question'")
    return Run(rankings)


def has_reranked(path: Name) -> bool:
    """Whether a question of a file comes with reranked passages."""
    return any(_RERANKED in found for _, found in records(path))


def _ranking(found: Record, place: int, where: str, reranked: bool) -> Ranking:
    key = _contexts_key(found)
    contexts = found.get(_RERANKED if reranked else key) or []
    if not isinstance(contexts, list):
        raise BadInput(f"{where}: {key!r} is a {type(contexts).__name__} instead of a list of passages")
    emptied = {name: [] if name == key and value else value for name, value in found.items()}
    query = _query(emptied, place, where)
    if _standard_question(query) != emptied:
        query = replace(query, metadata={**query.metadata, _GIVEN: emptied})
    documents, scores = _ranked(contexts, _supporting(found), where)
    standard = _standard_passages(documents, scores.tolist())
    kept = [
        d if given == written and type(given["score"]) is float else replace(d, metadata={**d.metadata, _GIVEN: given})
        for d, given, written in zip(documents, contexts, standard, strict=True)
    ]
    return Ranking(query, kept, scores)


def _texted(ranking: Ranking, corpus: Placed | None, where: str) -> Ranking:
    """The ranking with the corpus's titles and texts where its passages have none."""
    if corpus is None:
        return ranking
    try:
        return Ranking(ranking.query, texted(list(ranking.documents), corpus), ranking.scores)
    except UnknownName as error:
        raise BadInput(f"{where}: {error}; is this the corpus that was searched?") from None


def _contexts_key(found: Record) -> str:
    """Under what a question has its passages; empty when it has none."""
    return next((key for key in _CONTEXTS if key in found), "")


def _query(found: Record, place: int, where: str) -> Query:
    """The query; its metadata keep the id as the file wrote it and everything that is no passage of the ranking."""
    rest = dict(found)
    text = rest.pop("question", None)
    if not isinstance(text, str) or not text.strip():
        raise BadInput(f"{where}: no text under 'question'; a question is an object with one")
    key = next((key for key in _IDS if rest.get(key) is not None), None)
    id = str(place) if key is None else id_of(rest[key], where)
    answers = next((rest.pop(key) for key in _ANSWERS if key in rest), None)
    rest.pop(_contexts_key(found), None)
    return Query(id, text, {"answers": _listed(answers), **rest} if answers is not None else rest)


def _ranked(contexts: Sequence[Any], supporting: set[str], where: str) -> tuple[list[Document], Scores]:
    """The passages as documents with their scores, as they stand in a file."""
    passages = [_context(each, supporting, where) for each in contexts]
    ids = _ids(passages, where)
    scores, as_given = _scores(passages, where)
    return list(map(_document, ids, passages, repeat(as_given))), scores


def _listed(answers: Any) -> list[Any]:
    return list(answers) if isinstance(answers, list) else [answers]


def _is_pairs(contexts: Any) -> bool:
    """Whether these are HotpotQA's passages: pairs of a title and sentences."""
    return isinstance(contexts, list) and all(isinstance(c, list) and len(c) == 2 for c in contexts)


def _supporting(found: Mapping[str, Any]) -> set[str]:
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


def write_dpr(run: Run, path: Name, *, reranked: Run | None = None, texts: bool = True) -> None:
    """Writes rankings as questions with passages: an array when the name ends in .json, else one a line.

    What `read_dpr` gave is written as it was in the file; of changed rankings only what was changed differs.

    Args:
        run: the rankings for `ctxs`, with what `read_dpr` put into the metadata.
        path: the file.
        reranked: the rankings for `reranked_ctxs`, for the same queries; without it they are what they were in the
            file that was read. Where a question had none, an empty ranking adds none.
        texts: whether titles and texts are written; without them the file is a light one.

    Raises:
        UnknownName: `reranked` lacks a query of the run.
    """
    plain = (lambda ranking: ranking) if texts else _textless
    again = (plain(reranked[r.query.id]) if reranked is not None else None for r in run)
    write_records(map(_question, map(plain, run), again, count(1)), path)


def _textless(ranking: Ranking) -> Ranking:
    return Ranking(ranking.query, textless(ranking.documents), ranking.scores)


def _question(ranking: Ranking, reranked: Ranking | None, place: int) -> Record:
    query = ranking.query
    given, read = query.metadata.get(_GIVEN), replace(query, metadata=_without_given(query.metadata))
    found = dict(given) if given and _query(given, place, query.id) == read else _standard_question(read)
    key = _contexts_key(found)
    if len(ranking) or isinstance(found.get(key), list):
        found[key or "ctxs"] = _passages(ranking)
    if reranked is not None and (len(reranked) or found.get(_RERANKED)):
        found[_RERANKED] = _passages(reranked)
    return found


def _standard_question(query: Query) -> Record:
    """A question without its passages, as this library spells it."""
    found: Record = {"question": query.text, **query.metadata}
    key = next((key for key in _IDS if found.get(key) is not None), "query_id")
    if str(found.get(key)) != query.id:
        found[key] = query.id
    return {**found, "ctxs": []}


def _passages(ranking: Ranking) -> list[Any]:
    """The passages of a ranking: as they were given where reading those gives this ranking, else in our spelling."""
    documents, scores = list(ranking.documents), ranking.scores.tolist()
    standard = _standard_passages(documents, scores)
    given = [d.metadata.get(_GIVEN, written) for d, written in zip(documents, standard, strict=True)]
    if given == standard:  # but for whole numbers among the scores, which stay as they were
        return given
    try:
        read, read_scores = _ranked(given, _supporting(ranking.query.metadata), ranking.query.id)
    except BadInput:  # documents under other ids than they were read with
        return standard
    plain = [replace(d, metadata=_without_given(d.metadata)) for d in documents]
    return given if read == plain and read_scores.tolist() == scores else standard


def _standard_passages(documents: Sequence[Document], scores: Sequence[float]) -> list[Record]:
    """The passages as this library spells them. Where none has a text, only ids were known, and none is written."""
    known = any(d.text or d.title for d in documents)
    return [
        {"id": d.id, "score": score, **(_texts(d) if known else {}), **_without_given(d.metadata)}
        for d, score in zip(documents, scores, strict=True)
    ]


def _texts(document: Document) -> Record:
    """Title and text; an empty one only where the file had it, and as the file had it."""
    given = document.metadata.get(_GIVEN)
    texts = {"title": document.title, "text": document.text}
    if not isinstance(given, dict):
        return texts
    return {key: text or given[key] for key, text in texts.items() if text or key in given}


def _without_given(metadata: Mapping[str, Any]) -> Record:
    return {key: value for key, value in metadata.items() if key != _GIVEN}
