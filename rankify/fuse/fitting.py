"""Fusions whose options are chosen: by hand, by learning from judged queries, or by trying."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, overload

from rankify.errors import BadInput, Misuse, UnknownName
from rankify.fuse.figures import line, save
from rankify.fuse.fusion import Fuser, Fusion
from rankify.fuse.judged import Judged
from rankify.fuse.method import declared
from rankify.fuse.trained import Trained
from rankify.stages import Stage
from rankify.types import Qrels, Run


class Preset:
    """A fusion with its options: called with runs or stages, it fuses them.

    Args:
        fuser: which fusion.
        options: by name; what is not named has its default.
    """

    def __init__(self, fuser: Fuser, options: Mapping[str, Any]) -> None:
        self.fuser, self.options = fuser, dict(options)
        self.method = fuser.built(**options)

    @overload
    def __call__(self, *parts: Run) -> Run: ...
    @overload
    def __call__(self, *parts: Stage) -> Fusion: ...
    def __call__(self, *parts: Any) -> Any:
        return self.fuser(*parts, **self.options)

    def written(self, *parts: str) -> str:
        """The fusion of pipelines as text, which `rankify.pipeline` reads."""
        return f"{self.fuser.name}({', '.join([*parts, *self.method.options])})"

    def __repr__(self) -> str:
        return self.written("...")


def fitted(
    fusion: Fuser, *runs: Run, qrels: Qrels | Mapping[str, Mapping[str, int]], file: str = "", rel: int = 1,
    **options: Any,
) -> Preset:  # fmt: skip
    """A trained fusion that has learnt from the runs of judged queries what their ranks are worth.

        fused = rankify.fuse.fitted(rankify.fuse.mapfuse, bm25_run, dense_run, qrels=train.qrels)
        fused(bm25 % 1000, dense % 1000)  # a stage; its text has what was learnt

    Args:
        fusion: one of bayesfuse, mapfuse, probfuse, segfuse, slidefuse and posfuse.
        runs: one of each part, in the order in which the parts will be fused, and to the same depth.
        qrels: judgments; each judged query counts, also one that a run misses.
        file: a .json file for what was learnt, for which a line can be long (posfuse, slidefuse); on a line if not
            given.
        rel: the least grade that counts as relevant.
        options: of the fusion (norm, window, depth), or of the learning: `segments` of probfuse, 25 if not given.

    Raises:
        Misuse: the fusion learns nothing, or nothing is to be learnt from.
        BadInput: no judged query is in any run.
    """
    if not isinstance(fusion, Fuser) or not issubclass(fusion.method, Trained):
        raise Misuse(f"{fusion!r} has nothing to learn; its options are chosen by hand or by rankify.tune")
    if not runs:
        raise Misuse(f"{fusion.name} has nothing to learn from; give a run of each part")
    if not any(query in run for query in qrels for run in runs):
        raise BadInput(f"none of the {len(qrels)} judged queries is in a run, so {fusion.name} has nothing to learn")
    own, learning = _split(fusion, options)
    figures = [fusion.method.learn(Judged.of(run, qrels, rel), **learning) for run in runs]
    if file:
        save(fusion.name, figures, file)
    return Preset(fusion, {**own, "learnt": file or line(figures)})


def _split(fusion: Fuser, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options of a fusion, and those of its learning."""
    assert issubclass(fusion.method, Trained)  # noqa: S101 - its caller has looked
    parameters = inspect.signature(fusion.method.learn).parameters.values()
    learning = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    known = [option.name for option in declared(fusion.method) if option.name != "learnt"]
    if unknown := options.keys() - {*learning, *known}:
        raise UnknownName.among(f"option of fusion {fusion.name!r}", min(unknown), [*known, *learning])
    if not isinstance(segments := options.get("segments", 1), int) or segments < 1:
        raise Misuse(f"{fusion.name} cuts a list into 1 segment or more, not {segments!r}")
    return ({name: v for name, v in options.items() if name in known},
            {name: v for name, v in options.items() if name in learning})  # fmt: skip
