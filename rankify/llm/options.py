"""The options of what is built on a backend: a function's own, others that all of its kind have, and the backend's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from rankify.llm.protocol import LLM


def signature(*functions: Callable[..., Any]) -> inspect.Signature:
    """(model, the keyword options of these functions, what is passed on to the backend)."""
    parameters = [p for f in functions for p in inspect.signature(f, eval_str=True).parameters.values()]
    model = inspect.Parameter("model", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=str | LLM)
    options = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    return inspect.Signature([model, *options, inspect.Parameter("passed", inspect.Parameter.VAR_KEYWORD)])


def taken_by(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a function takes, of those that are given."""
    return {name: given[name] for name in inspect.signature(function).parameters if name in given}
