"""Replies in a file: an SQLite database that processes and threads write at once and that survives being killed."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rankify.errors import BadInput, RankifyError
from rankify.llm.protocol import Reply

OURS = 0x52414E4B  # "RANK", the database's application id
HEADER = b"SQLite format 3\0"
PATIENCE = 60.0  # seconds for another process to finish writing
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
        self.path = path
        self._lock = threading.Lock()
        self._pid = 0
        self._db: sqlite3.Connection | None = None
        with self._open():
            pass

    def recall(self, keys: Sequence[str]) -> dict[str, Reply[Any]]:
        """The replies that are there, marked as remembered; values as JSON has them, tuples as lists."""
        found: dict[str, Reply[Any]] = {}
        distinct = list(dict.fromkeys(keys))
        for start in range(0, len(distinct), AT_ONCE):
            part = distinct[start : start + AT_ONCE]
            marks = ",".join("?" * len(part))
            with self._open() as db:
                rows = db.execute(f"SELECT * FROM replies WHERE key IN ({marks})", part).fetchall()  # noqa: S608 - question marks
                for key, value, asked, said, finished in rows:
                    found[key] = Reply(json.loads(value), asked, said, bool(finished), cached=True)
        return found

    def keep(self, replies: Mapping[str, Reply[Any]]) -> None:
        """Writes replies, all or none; those that are there already stay."""
        rows = [
            (key, json.dumps(reply.value), reply.prompt_tokens, reply.generated_tokens, reply.finished)
            for key, reply in replies.items()
        ]
        with self._open() as db, db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT OR IGNORE INTO replies VALUES (?, ?, ?, ?, ?)", rows)

    def close(self) -> None:
        """Closes the file; it is opened again when it is needed."""
        with self._lock:
            if self._db is not None and self._pid == os.getpid():
                self._db.close()
            self._db = None

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one thread at a time; a forked process opens its own."""
        with self._lock, self._complaints():
            if self._db is None or self._pid != os.getpid():
                self._pid, self._db = os.getpid(), self._connected()
            yield self._db

    def _connected(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.is_file() and self._header() not in (b"", HEADER):
            raise sqlite3.DatabaseError("file is not a database")  # one too short for a header is new to SQLite
        db = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        weakref.finalize(self, db.close)
        if _number(db, "PRAGMA application_id") != OURS:
            _found(db, self.path)
        with suppress(sqlite3.OperationalError):  # another process is switching or reading; it works without, too
            db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing, a power cut the last seconds
        return db

    def _header(self) -> bytes:
        with self.path.open("rb") as file:
            return file.read(len(HEADER))

    @contextmanager
    def _complaints(self) -> Iterator[None]:
        """What SQLite and the disk refuse, as one line with the way out."""
        way_out = f"delete {self.path}, or name another folder="
        try:
            yield
        except sqlite3.OperationalError as error:
            why = "wait for the process that writes it" if "locked" in str(error) else way_out
            raise RankifyError(f"cannot use the remembered replies in {self.path}: {error}; {why}") from None
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            if isinstance(error, RankifyError):
                raise
            raise BadInput(f"{self.path} holds no remembered replies, or is damaged ({error}): {way_out}") from None
        except OSError as error:
            raise RankifyError(f"cannot write {self.path}: {error.strerror or error}; name another folder=") from error


def _found(db: sqlite3.Connection, path: Path) -> None:
    """Makes a new file ours; several processes may try at once.

    Raises:
        BadInput: it is not new.
    """
    db.execute("BEGIN IMMEDIATE")
    if _number(db, "PRAGMA application_id") != OURS:
        if _number(db, "SELECT count(*) FROM sqlite_master"):
            db.execute("ROLLBACK")
            raise BadInput(f"{path} is another program's database: name another folder=")
        db.execute(TABLE)
        db.execute(f"PRAGMA application_id = {OURS}")
    db.execute("COMMIT")


def _number(db: sqlite3.Connection, question: str) -> Any:
    return db.execute(question).fetchone()[0]
