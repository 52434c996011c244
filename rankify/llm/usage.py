"""What a reply of a server took: as the server counts it, or estimated where it does not say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Count = Callable[[Sequence[str]], list[int]]


def took(usage: Mapping[str, Any] | None, body: Mapping[str, Any], value: object, count: Count) -> dict[str, Any]:
    """The token counts of a reply, as `Reply` takes them.

    Limits of tokens and dollars hold for servers that count nothing, too, and a report says that it estimates.

    Args:
        usage: what the server said.
        body: what it was asked, with messages or a prompt.
        value: what was read; what is no text came from a single token.
        count: how many tokens texts probably are.

    >>> took({"prompt_tokens": 7, "completion_tokens": 0}, {"prompt": "a"}, "", lambda texts: [9 for _ in texts])
    {'prompt_tokens': 7, 'generated_tokens': 0, 'estimated': False}
    >>> took(None, {"messages": [{"content": "a"}, {"content": "b"}]}, (0.5, 0.5), lambda texts: [9 for _ in texts])
    {'prompt_tokens': 18, 'generated_tokens': 1, 'estimated': True}
    """
    asked, said = ((usage or {}).get(name) for name in ("prompt_tokens", "completion_tokens"))
    estimated = asked is None or said is None
    if asked is None:
        texts = [str(m["content"]) for m in body["messages"]] if "messages" in body else [str(body["prompt"])]
        asked = sum(count(texts))
    if said is None:
        said = count([value])[0] if isinstance(value, str) else 1
    return {"prompt_tokens": int(asked), "generated_tokens": int(said), "estimated": estimated}
