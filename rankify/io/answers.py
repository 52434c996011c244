"""Answers in files, in two forms.

- `answers`: an object for each answer, with the ids of all that it was read from; the texts of what it cites stand in
  `citations`, those of the others in `uncited`.
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
_FINITE = "it is a finite number, on the reader's own scale, the larger the surer"
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
        BadInput: two answers are to one question, in DPR's form; or a confidence is no finite number.
    """
    if form_of(path, form) == "answers":
        write_records(map(as_record, answers), path)
    else:
        write_dpr(Run(map(_as_ranking, answers)), path)


def as_record(answer: Answer) -> Record:
    """An answer as the form `answers` has it; the gold answers are there where the question knows them.

    What it cites without having been shown it is among the citations by its id alone.

    Raises:
        BadInput: its confidence is no finite number.
    """
    shown = {context.id: context for context in answer.contexts}
    gold = {"gold": answer.query.metadata["answers"]} if "answers" in answer.query.metadata else {}
    return {
        "id": answer.query.id, "question": answer.query.text, "answer": answer.text, **gold,
        "citations": [
            {"id": id, "title": shown[id].title, "text": shown[id].text} if id in shown else {"id": id}
            for id in answer.citations
        ],
        "contexts": [c.id for c in answer.contexts],
        "uncited": [
            {"id": id, "title": one.title, "text": one.text}
            for id, one in shown.items()
            if id not in answer.citations and (one.title or one.text)
        ],
        "confidence": _confidence(answer), "reasoning": answer.reasoning, "usage": dict(answer.usage),
    }  # fmt: skip


def _confidence(answer: Answer) -> float | None:
    """The confidence, which JSON can hold."""
    value = answer.confidence
    if value is None or math.isfinite(value):
        return value
    raise BadInput(f"the answer to question {answer.query.id!r} has the confidence {value}: {_FINITE}, or none")


def _as_ranking(answer: Answer) -> Ranking:
    """The contexts as a ranking, whose scores say no more than their order does; the answer is in the metadata."""
    prediction = {
        "text": answer.text, "citations": list(answer.citations), "reasoning": answer.reasoning,
        "confidence": _confidence(answer), "usage": dict(answer.usage),
    }  # fmt: skip
    query = answer.query
    kept = {name: value for name, value in query.metadata.items() if name != _GIVEN}
    asked = Query(query.id, query.text, {**kept, _PREDICTION: prediction})
    return Ranking(asked, answer.contexts, np.arange(len(answer.contexts), 0, -1))


def read_answers(path: Name) -> list[Answer]:
    """The answers of a file, in either form; which one, its first object says.

    In the form `answers` a context has its id alone where its text was not written. Gold answers are in
    `query.metadata["answers"]`. An answer in DPR's form may also be a plain text, under `prediction` or FlashRAG's
    `pred`. What an answer cites need not be among its contexts: one that was not shown is counted by the report.

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
    text, contexts = found.get("answer"), found.get("contexts")
    cited, uncited = found.get("citations", []), found.get("uncited", [])
    lists = isinstance(cited, list) and isinstance(uncited, list)
    if not isinstance(text, str) or not isinstance(contexts, list) or not lists or "id" not in found:
        raise BadInput(
            f"{where}: an answer has an 'id', a text as 'answer', lists as 'contexts', 'citations', 'uncited'"
        )
    citations = _documents(cited, "a citation", where)
    known = {**_documents(uncited, "what is not cited", where), **citations}
    ids = [id_of(one, where) for one in contexts]
    gold = {"answers": found["gold"]} if "gold" in found else {}
    return Answer(
        query=Query(id_of(found["id"], where), str(found.get("question") or ""), gold), text=text,
        citations=tuple(citations), contexts=tuple(known.get(id, Document(id, "")) for id in ids),
        **_beside(found, where),
    )  # fmt: skip


def _documents(written: list[Any], what: str, where: str) -> dict[str, Document]:
    """Documents by their ids, in their order."""
    known = {}
    for one in written:
        if not isinstance(one, dict) or "id" not in one:
            raise BadInput(f"{where}: {what} is {one!r:.60} instead of an object with an 'id'")
        id = id_of(one["id"], where)
        known[id] = Document(id, str(one.get("text") or ""), str(one.get("title") or ""))
    return known


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
    cited = said.get("citations") or []
    if not isinstance(cited, list):
        raise BadInput(f"{where}: its citations are {cited!r:.60} instead of a list of ids")
    return Answer(
        query=Query(ranking.query.id, ranking.query.text, metadata), text=said["text"],
        citations=tuple(id_of(one, where) for one in cited), contexts=tuple(ranking.documents), **_beside(said, where),
    )  # fmt: skip


def _beside(found: Record, where: str) -> dict[str, Any]:
    """What an answer has besides its text and its documents."""
    confidence, usage, reasoning = found.get("confidence"), found.get("usage") or {}, found.get("reasoning") or ""
    if confidence is not None and not _is_number(confidence):
        raise BadInput(f"{where}: the confidence is {confidence!r:.60}: {_FINITE}; leave it out where there is none")
    if not isinstance(usage, dict):
        raise BadInput(f"{where}: the usage is {usage!r:.60}: it is an object of finite numbers")
    for name, value in usage.items():
        if not _is_number(value):
            raise BadInput(f"{where}: the usage {name!r} is {value!r:.60}: it is a finite number")
    if not isinstance(reasoning, str):
        raise BadInput(f"{where}: the reasoning is {reasoning!r:.60}: it is a text")
    return {"confidence": confidence, "usage": usage, "reasoning": reasoning}


def _is_number(value: Any) -> bool:
    """Whether a value is a finite number; a whole one beyond the largest float is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
