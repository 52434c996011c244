"""Replies in a file, by what was asked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rankify.io.sqlite import Database
from rankify.llm.protocol import Logprobs, Reply

OURS = 0x52414E4B  # "RANK"
AT_ONCE = 500  # keys in one question; SQLite allows 999 variables in old versions
TABLE = """CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, value TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, generated_tokens INTEGER NOT NULL, finished INTEGER NOT NULL) WITHOUT ROWID"""


class Memory:
    """Replies by key, in one file.

    Raises:
        BadInput: there is another kind of file, or a damaged one.
        RankifyError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path, TABLE, ours=OURS, holds="remembered replies")
        with self._database.opened():
            pass

    def recall(self, keys: Sequence[str]) -> dict[str, Reply[Any]]:
        """The replies that are there, marked as remembered; values as JSON has them, tuples as lists."""
        found: dict[str, Reply[Any]] = {}
        distinct = list(dict.fromkeys(keys))
        for start in range(0, len(distinct), AT_ONCE):
            part = distinct[start : start + AT_ONCE]
            marks = ",".join("?" * len(part))
            with self._database.opened() as db:
                rows = db.execute(f"SELECT * FROM replies WHERE key IN ({marks})", part).fetchall()  # noqa: S608 - question marks
                for key, kept, asked, said, finished in rows:
                    value, logprobs = _read(kept)
                    found[key] = Reply(value, asked, said, bool(finished), cached=True, logprobs=logprobs)
        return found

    def keep(self, replies: Mapping[str, Reply[Any]]) -> None:
        """Writes replies, all or none; those that are there already stay."""
        rows = [
            (key, _kept(reply), reply.prompt_tokens, reply.generated_tokens, reply.finished)
            for key, reply in replies.items()
        ]
        with self._database.opened() as db, db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?, ?)", rows)

    def close(self) -> None:
        """Closes the file; it is opened again when it is needed."""
        self._database.close()


def _kept(reply: Reply[Any]) -> str:
    """The value as JSON; an object only where it comes with log-probabilities, since no value is one."""
    return json.dumps({"value": reply.value, "logprobs": reply.logprobs} if reply.logprobs else reply.value)


def _read(kept: str) -> tuple[Any, Logprobs]:
    found = json.loads(kept)
    if not isinstance(found, dict):
        return found, ()
    return found["value"], tuple((text, logprob) for text, logprob in found["logprobs"])
