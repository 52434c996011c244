"""An SQLite file that processes and threads write at once and that survives being killed."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rankify.errors import BadInput, RankifyError

HEADER = b"SQLite format 3\0"
PATIENCE = 60.0  # seconds for another process to finish writing


class Database:
    """A file with one table of ours.

    Args:
        path: where it is; made when it is first opened.
        table: the statement that makes the table.
        ours: the number by which our files of this kind are told from others: the database's application id.
        holds: what is in it, for messages.
    """

    def __init__(self, path: Path, table: str, *, ours: int, holds: str) -> None:
        self.path, self.table, self.ours, self.holds = path, table, ours, holds
        self._lock = threading.Lock()
        self._pid = 0
        self._db: sqlite3.Connection | None = None

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """The connection, for one thread at a time; a forked process opens its own.

        Raises:
            BadInput: there is another kind of file, or a damaged one.
            RankifyError: the file cannot be written.
        """
        with self._lock, self._complaints():
            if self._db is None or self._pid != os.getpid():
                self._pid, self._db = os.getpid(), self._connected()
            yield self._db

    def close(self) -> None:
        """Closes the file; it is opened again when it is needed."""
        with self._lock:
            if self._db is not None and self._pid == os.getpid():
                self._db.close()
            self._db = None

    def _connected(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.is_file() and self._header() not in (b"", HEADER):
            raise sqlite3.DatabaseError("file is not a database")  # one too short for a header is new to SQLite
        db = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        weakref.finalize(self, db.close)
        if _number(db, "PRAGMA application_id") != self.ours:
            self._found(db)
        with suppress(sqlite3.OperationalError):  # another process is switching or reading; it works without, too
            db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing, a power cut the last seconds
        return db

    def _header(self) -> bytes:
        with self.path.open("rb") as file:
            return file.read(len(HEADER))

    def _found(self, db: sqlite3.Connection) -> None:
        """Makes a new file ours; several processes may try at once.

        Raises:
            BadInput: it is not new.
        """
        db.execute("BEGIN IMMEDIATE")
        if _number(db, "PRAGMA application_id") != self.ours:
            if _number(db, "SELECT count(*) FROM sqlite_master"):
                db.execute("ROLLBACK")
                raise BadInput(f"{self.path} is another program's database: name another folder=")
            db.execute(self.table)
            db.execute(f"PRAGMA application_id = {self.ours}")
        db.execute("COMMIT")

    @contextmanager
    def _complaints(self) -> Iterator[None]:
        """What SQLite and the disk refuse, as one line with the way out."""
        way_out = f"delete {self.path}, or name another folder="
        try:
            yield
        except sqlite3.OperationalError as error:
            why = "wait for the process that writes it" if "locked" in str(error) else way_out
            raise RankifyError(f"cannot use the {self.holds} in {self.path}: {error}; {why}") from None
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            if isinstance(error, RankifyError):
                raise
            raise BadInput(f"{self.path} holds no {self.holds}, or is damaged ({error}): {way_out}") from None
        except OSError as error:
            raise RankifyError(f"cannot write {self.path}: {error.strerror or error}; name another folder=") from error


def _number(db: sqlite3.Connection, question: str) -> Any:
    return db.execute(question).fetchone()[0]
