"""Further fields of a request, which an option gives as JSON."""

from __future__ import annotations

import json
from typing import Any

from rankify.errors import Misuse
from rankify.remote.patience import SECRET_FORMS


def fields_of(extra: str) -> dict[str, Any]:
    """The fields that `extra=` names; none where it is empty.

    Raises:
        Misuse: it is no JSON object, or there is a key in it, which would stand in specs and reports.

    >>> fields_of('{"truncate": true}'), fields_of("")
    ({'truncate': True}, {})
    """
    if SECRET_FORMS.search(extra):
        raise Misuse("extra= has a key in it; put it into an environment variable, key=")
    try:
        found = json.loads(extra or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Misuse(f"extra={extra!r} is no JSON object")
    return found
