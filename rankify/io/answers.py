"""Answers in files, in two forms.

- `answers`: an object for each answer, with the texts of what it cites and the ids of all that it was read from.
- `dpr`: the JSON of DPR and of the earlier Rankify, each question with its gold answers and its passages as `ctxs`; the
  answer stands beside them as `prediction`. Nothing of an answer is lost.

What a form is called by: a name in .jsonl is the first, a name in .json the second, unless a form is named.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rankify.documents import Document
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.io.dpr import read_dpr, write_dpr
from rankify.io.files import Name
from rankify.io.jsonl import Record, records, write_records
from rankify.io.tables import id_of
from rankify.types import Answer, Query, Ranking, Run

FORMS = ("answers", "dpr")
_PREDICTION = "prediction"
_GIVEN = "as_given"  # how `read_dpr` keeps a record that is spelled otherwise; what is written here never is


def form_of(path: Name, form: str | None = None) -> str:
    """The form to write a file of answers in: the one that is named, or else what the file's name says.

    >>> form_of("a.jsonl.gz"), form_of("a.json"), form_of("a.json", "answers")
    ('answers', 'dpr', 'answers')

    Raises:
        UnknownName: there is no such form.
        Misuse: none is named, and the file's name says nothing.
    """
    if form is not None:
        if form not in FORMS:
            raise UnknownName.among("form of answers", form, FORMS)
        return form
    name = Path(path).name.removesuffix(".gz")
    if name.endswith(".jsonl"):
        return "answers"
    if name.endswith(".json"):
        return "dpr"
    raise Misuse(
        f"{path}: in which form? a name in .jsonl is an answer a line, one in .json is DPR's; or name the form: "
        f"{' or '.join(FORMS)}"
    )


def write_answers(answers: Iterable[Answer], path: Name, *, form: str | None = None) -> None:
    """Writes answers: an array when the name ends in .json, else one a line.

    Args:
        form: one of `FORMS`; what the file's name says if not given.

    Raises:
        UnknownName, Misuse: as `form_of`.
        BadInput: two answers are to one question, in DPR's form.
    """
    if form_of(path, form) == "answers":
        write_records(map(as_record, answers), path)
    else:
        write_dpr(Run(map(_as_ranking, answers)), path)


def as_record(answer: Answer) -> Record:
    """An answer as the form `answers` has it; the gold answers are there where the question knows them."""
    cited = [c for c in answer.contexts if c.id in answer.citations]
    gold = {"gold": answer.query.metadata["answers"]} if "answers" in answer.query.metadata else {}
    return {
        "id": answer.query.id, "question": answer.query.text, "answer": answer.text, **gold,
        "citations": [{"id": c.id, "title": c.title, "text": c.text} for c in cited],
        "contexts": [c.id for c in answer.contexts],
        "confidence": _finite(answer.confidence), "reasoning": answer.reasoning, "usage": dict(answer.usage),
    }  # fmt: skip


def _finite(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None


def _as_ranking(answer: Answer) -> Ranking:
    """The contexts as a ranking, whose scores say no more than their order does; the answer is in the metadata."""
    prediction = {
        "text": answer.text, "citations": list(answer.citations), "reasoning": answer.reasoning,
        "confidence": _finite(answer.confidence), "usage": dict(answer.usage),
    }  # fmt: skip
    query = answer.query
    kept = {name: value for name, value in query.metadata.items() if name != _GIVEN}
    asked = Query(query.id, query.text, {**kept, _PREDICTION: prediction})
    return Ranking(asked, answer.contexts, np.arange(len(answer.contexts), 0, -1))


def read_answers(path: Name) -> list[Answer]:
    """The answers of a file, in either form; which one, its first object says.

    In the form `answers` the contexts that are not cited have ids alone. Gold answers are in
    `query.metadata["answers"]`. An answer in DPR's form may also be a plain text, under `prediction` or FlashRAG's
    `pred`.

    Raises:
        BadInput: the file is empty, malformed, or holds no answers, with file and line.
    """
    line, first = next(iter(records(path)), (0, {}))
    if not line:
        raise BadInput(f"{path} has no answers")
    if {"answer", "contexts", "citations"} <= first.keys() and not _predicted(first):
        return [_answer(found, f"{path}:{number}") for number, found in records(path)]
    if _predicted(first):
        return [_from_ranking(ranking, path) for ranking in read_dpr(path)]
    raise BadInput(
        f"{path}:{line}: the first object is no answer of a system: neither 'answer', 'contexts' and 'citations', nor "
        f"{_PREDICTION!r} beside a question as in DPR's form; it has {', '.join(map(repr, first)) or 'nothing'}"
    )


def _predicted(found: Mapping[str, Any]) -> str:
    """Under what a question of DPR's form has its answer; empty where it has none."""
    return next((key for key in (_PREDICTION, "pred") if key in found), "")


def _answer(found: Record, where: str) -> Answer:
    text, contexts, cited = found.get("answer"), found.get("contexts"), found.get("citations", [])
    if not isinstance(text, str) or not isinstance(contexts, list) or not isinstance(cited, list) or "id" not in found:
        raise BadInput(f"{where}: an answer has an 'id', a text as 'answer', and lists as 'contexts' and 'citations'")
    known = {}
    for one in cited:
        if not isinstance(one, dict) or "id" not in one:
            raise BadInput(f"{where}: a citation is {one!r:.60} instead of an object with an 'id'")
        known[id_of(one["id"], where)] = Document(
            id_of(one["id"], where), str(one.get("text") or ""), str(one.get("title") or "")
        )
    ids = [id_of(one, where) for one in contexts]
    gold = {"answers": found["gold"]} if "gold" in found else {}
    return Answer(
        query=Query(id_of(found["id"], where), str(found.get("question") or ""), gold), text=text,
        citations=tuple(id for id in ids if id in known), contexts=tuple(known.get(id, Document(id, "")) for id in ids),
        reasoning=str(found.get("reasoning") or ""), confidence=found.get("confidence"), usage=found.get("usage") or {},
    )  # fmt: skip


def _from_ranking(ranking: Ranking, path: Name) -> Answer:
    metadata = dict(ranking.query.metadata)
    where = f"{path}: question {ranking.query.id!r}"
    key = _predicted(metadata)
    if not key:
        raise BadInput(f"{where} has no {_PREDICTION!r}")
    said = metadata.pop(key)
    metadata.pop(_GIVEN, None)
    said = {"text": said} if isinstance(said, str) else said
    if not isinstance(said, dict) or not isinstance(said.get("text"), str):
        raise BadInput(f"{where}: its {key!r} is {said!r:.60} instead of a text, or an object with one as 'text'")
    return Answer(
        query=Query(ranking.query.id, ranking.query.text, metadata), text=said["text"],
        citations=tuple(map(str, said.get("citations") or ())), contexts=tuple(ranking.documents),
        reasoning=str(said.get("reasoning") or ""), confidence=said.get("confidence"), usage=said.get("usage") or {},
    )  # fmt: skip
