"""What the web said, kept in a file and used again until it is too old."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from rankify.io.sqlite import Database

OURS = 0x52574542  # "RWEB"
DAY = 86_400.0  # seconds
TABLE = "CREATE TABLE IF NOT EXISTS said (key TEXT PRIMARY KEY, value TEXT NOT NULL, at REAL NOT NULL) WITHOUT ROWID"


class WebMemory:
    """Search results and pages by what was asked, in `web.sqlite` in a folder; several processes may use it at once.

    Args:
        folder: where the file is.
        age: days after which something is asked for anew; None: never.

    Raises:
        BadInput: there is another kind of file, or a damaged one.
    """

    def __init__(self, folder: Path, age: float | None) -> None:
        self.age = age
        self._database = Database(folder / "web.sqlite", TABLE, ours=OURS, holds="remembered pages")
        with self._database.opened():
            pass

    def recall(self, key: str) -> Any:
        """What was said and is young enough, as JSON has it; None where there is nothing."""
        oldest = 0.0 if self.age is None else time.time() - self.age * DAY
        with self._database.opened() as db:
            row = db.execute("SELECT value FROM said WHERE key = ? AND at >= ?", (key, oldest)).fetchone()
            return json.loads(row[0]) if row else None

    def keep(self, key: str, value: Any) -> None:
        """Writes what was said, over anything older."""
        row = key, json.dumps(value), time.time()
        with self._database.opened() as db:
            db.execute("INSERT OR REPLACE INTO said VALUES (?, ?, ?)", row)
