"""The models that an experiment's measures ask: named once, under `judges`, and loaded when a measure needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property, partial
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankify import registry
from rankify.encoders.spans import SpanReader
from rankify.errors import Misuse
from rankify.evaluation import Evaluation
from rankify.evaluation.bertscore import TokenReader
from rankify.evaluation.inference import CLASSIFIER, inference, parsed
from rankify.evaluation.judged import Judges, Lacking, evaluate_judged, needed
from rankify.experiment.available import refuse_absent_model, refuse_absent_part
from rankify.experiment.failures import Failure, caught
from rankify.experiment.problems import Problems
from rankify.experiment.replies import Resumed
from rankify.experiment.revisions import Revisions
from rankify.llm.cached import Cached
from rankify.llm.loading import backend, load
from rankify.llm.protocol import LLM
from rankify.spec import Spec
from rankify.types import Answer

if TYPE_CHECKING:
    from rankify.evaluation.golds import Gold
    from rankify.types import Qrels

_KEY = {"llm": "llm", "entails": "nli", "encoder": "encoder", "bertscore": "bertscore", "qa": "qa"}  # by Judges' field


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """Which models an experiment's file names; "" for none.

    Args:
        llm: a language model's spec, for RAGAS's measures.
        nli: a model of inference, for `citation_recall`, `citation_precision` and `claims_nli`.
        encoder: an encoder's spec, for RAGAS's measures that compare vectors.
        bertscore: the encoder of BERTScore: a folder or a hub id.
        qa: the reader of spans of `qa_em`, `qa_f1` and `qa_hit`: a folder or a hub id.
    """

    llm: str = ""
    nli: str = ""
    encoder: str = ""
    bertscore: str = ""
    qa: str = ""

    @classmethod
    def of(cls, said: Any) -> Named:
        """What the key `judges` says, each model of which can be had here, as far as that can be seen.

        Raises:
            Misuse: it is no mapping, has another key, or a value is no spec.
            UnknownName, BadInput, MissingExtra: a model is not known or lacks something here.
            Several: more than one of these.
        """
        if not isinstance(said, Mapping):
            raise Misuse(f"{said!r} is no mapping; write e.g. {{llm: http:gpt-4o-mini}}")
        problems, known = Problems(""), [field.name for field in fields(cls)]
        problems.unknown(said, known)
        for key, value in said.items():
            with problems.at():
                if not isinstance(value, str) or not value.strip():
                    raise Misuse(f"{key}: {value!r} names no model")
                if key in known:
                    _refuse_absent(key, value)
        problems.refuse()
        return cls(**said)

    def as_dict(self) -> dict[str, str]:
        """As the file says it."""
        return {key: value for key, value in asdict(self).items() if value}

    def parts(self) -> list[tuple[str, Spec]]:
        """The components that these models are; of kind "" those that no component loads, but transformers alone."""
        return [_part(key, value) for key, value in self.as_dict().items()]

    def refuse(self, measures: Iterable[str] | None) -> None:
        """Raises Misuse for a measure whose model is not named, or a model that no measure asks.

        Args:
            measures: those that ask models; None where they are not known.
        """
        if measures is None:
            return
        asked = set[str]()
        for name in measures:
            for one in needed(name):
                key = _KEY[one.judge]
                if not getattr(self, key):
                    raise Misuse(_lacking(name, key, one))
                asked.add(key)
        if spare := [key for key in self.as_dict() if key not in asked]:
            raise Misuse(f"{spare[0]}: no measure asks this model; leave it out, or name a measure that does")

    def behind(self, revisions: Revisions) -> dict[str, str]:
        """The revisions of those models that are here."""
        return revisions.here(self.parts())


def _lacking(name: str, key: str, one: Lacking) -> str:
    return f"{name} needs {one.what}; name it, e.g. judges: {{{key}: {one.example!r}}}"


def _part(key: str, value: str) -> tuple[str, Spec]:
    if key == "llm":
        return "llm", _backend(value)
    if key == "encoder":
        return "encoder", Spec.parse(value)
    if key == "nli":
        spec = parsed(value)
        return ("" if spec.name == CLASSIFIER else "llm"), spec
    return "", Spec(key, value)


def _refuse_absent(key: str, value: str) -> None:
    """Raises where a model cannot be had here, as far as that can be seen without loading it."""
    kind, spec = _part(key, value)
    if kind:
        refuse_absent_part(kind, spec)
    else:
        refuse_absent_model(spec.name, spec.model)


def _backend(value: str) -> Spec:
    """A language model's backend, with the options behind the model's name."""
    name, mark, _ = value.partition("?")
    found = backend(name)
    return Spec(found.name, found.model, Spec.parse(value).options if mark else {})


class Bench:
    """The models that an experiment names, each loaded once, when a measure asks it.

    Args:
        named: them.
        replies: the folder in which replies of the language model are kept, for the next start.

    Attributes:
        failed: by dataset and system, why measures have no value: (measures, reason) of each group that failed.
    """

    def __init__(self, named: Named, replies: Path) -> None:
        self.named, self.replies = named, replies
        self.failed: dict[str, dict[str, list[tuple[str, str]]]] = {}

    def measured(
        self, where: tuple[str, str], answers: Iterable[Answer], gold: Gold, names: Iterable[str], qrels: Qrels | None
    ) -> Evaluation:
        """Measures that share a judge; NaN with the reason where it fails, which ends nothing else.

        Args:
            where: the labels of the dataset and of the system.
        """
        given, wanted = list(answers), list(names)
        run = partial(self._measured, given, gold, wanted, qrels)
        found = caught(run, f"{': '.join(where)}: {', '.join(wanted)}")
        if not isinstance(found, Failure):
            return found
        label, system = where
        self.failed.setdefault(label, {}).setdefault(system, []).append((" ".join(wanted), found.reason))
        queries = tuple(answer.query.id for answer in given)
        return Evaluation(
            means=dict.fromkeys(wanted, nan), per_query={name: dict.fromkeys(queries, nan) for name in wanted},
            queries=queries, reasons={name: dict.fromkeys(queries, found.reason) for name in wanted},
        )  # fmt: skip

    def _measured(
        self, answers: list[Answer], gold: Gold, names: list[str], qrels: Qrels | None
    ) -> Evaluation:  # fmt: skip
        asked = {one.judge for name in names for one in needed(name)}
        judges = Judges(**{judge: getattr(self, f"_{judge}") for judge in sorted(asked)})
        return evaluate_judged(answers, gold, names, judges=judges, qrels=qrels)

    @cached_property
    def _llm(self) -> LLM:
        llm = load(self.named.llm)
        return llm if isinstance(llm, Cached) else Resumed(llm, folder=self.replies)

    @cached_property
    def _entails(self) -> Callable[..., Any]:
        return inference(self.named.nli)

    @cached_property
    def _encoder(self) -> Any:
        return registry.load("encoder", self.named.encoder)

    @cached_property
    def _bertscore(self) -> TokenReader:
        return TokenReader(self.named.bertscore)

    @cached_property
    def _qa(self) -> SpanReader:
        return SpanReader(self.named.qa)
