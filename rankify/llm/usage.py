"""What a reply of a server took: as the server counts it, or estimated where it does not say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Count = Callable[[Sequence[str]], list[int]]


def took(
    usage: Mapping[str, Any] | None, body: Mapping[str, Any], choice: Mapping[str, Any], value: object, count: Count
) -> dict[str, Any]:
    """The token counts of a reply, as `Reply` takes them.

    Limits of tokens and dollars hold for servers that count nothing, too, and a report says that it estimates.

    Args:
        usage: what the server said.
        body: what it was asked, with messages or a prompt.
        choice: what it answered; what it thought may stand apart from the text.
        value: what was read; what is no text came from a single token.
        count: how many tokens texts probably are.

    >>> nine = lambda texts: [9 for _ in texts]
    >>> took({"prompt_tokens": 7, "completion_tokens": 0}, {"prompt": "a"}, {}, "", nine)
    {'prompt_tokens': 7, 'generated_tokens': 0, 'reasoning_tokens': 0, 'estimated': False}
    >>> took(None, {"messages": [{"content": "a"}, {"content": "b"}]}, {}, (0.5, 0.5), nine)
    {'prompt_tokens': 18, 'generated_tokens': 1, 'reasoning_tokens': 0, 'estimated': True}
    >>> took(None, {"prompt": "a"}, {"message": {"reasoning_content": "hm"}}, "[1]", nine)
    {'prompt_tokens': 9, 'generated_tokens': 18, 'reasoning_tokens': 9, 'estimated': True}
    """
    asked, said = ((usage or {}).get(name) for name in ("prompt_tokens", "completion_tokens"))
    estimated = asked is None or said is None
    if asked is None:
        texts = [str(m["content"]) for m in body["messages"]] if "messages" in body else [str(body["prompt"])]
        asked = sum(count(texts))
    thought = _thought(usage or {}, choice, count)
    if said is None:
        said = count([value])[0] + thought if isinstance(value, str) else 1
    counts = {"prompt_tokens": int(asked), "generated_tokens": int(said), "reasoning_tokens": min(thought, int(said))}
    return {**counts, "estimated": estimated}


def _thought(usage: Mapping[str, Any], choice: Mapping[str, Any], count: Count) -> int:
    """The tokens of what stands apart as thought: `reasoning` to vLLM, `reasoning_content` to DeepSeek and others."""
    counted = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens")
    if counted is not None:
        return int(counted)
    message = choice.get("message") or {}
    text = message.get("reasoning") or message.get("reasoning_content") or ""
    return count([text])[0] if isinstance(text, str) and text else 0
