"""Judges of what follows from what: models of natural language inference, for citations and claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rankify import registry
from rankify.encoders.hub import located
from rankify.encoders.pairs import PairScorer
from rankify.encoders.saved import read
from rankify.errors import BadInput, Misuse
from rankify.llm.protocol import LLM, Prompt
from rankify.spec import Spec

CLASSIFIER = "cross-encoder"
WRITTEN, YES, MOST = "premise: {} hypothesis: {}", "1", 10  # TRUE, arXiv:2204.04991, as ALCE asks it


class Inference:
    """Whether premises entail hypotheses; asked about all pairs at once, and about equal ones once."""

    def __init__(self, judge: Writer | Classifier) -> None:
        self.judge = judge

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        distinct = list(dict.fromkeys(pairs))
        found = dict(zip(distinct, self.judge(distinct), strict=True)) if distinct else {}
        return [found[pair] for pair in pairs]


def inference(spec: str, **options: Any) -> Inference:
    """A model of natural language inference, by its spec.

    - `hf:google/t5_xxl_true_nli_mixture`: a language model that writes "1" where the hypothesis follows. This one is
      ALCE's own; others give other figures.
    - `cross-encoder:cross-encoder/nli-deberta-v3-base`: a classifier. It is not ALCE's model, and runs on a processor.

    Args:
        spec: a backend and a model, or `cross-encoder` and a model, with options as `?max_length=512`.
        options: of the backend, or of `Classifier`.

    Raises:
        Misuse: the spec is neither.
    """
    found = parsed(spec)
    if found.name == CLASSIFIER:
        return Inference(Classifier(found.model, **{**found.options, **options}))
    return Inference(Writer(registry.load("llm", found, **options)))


def parsed(spec: str) -> Spec:
    """The spec of a model of inference.

    Raises:
        Misuse: it is none.
    """
    found = Spec.parse(spec)
    if not found.model or found.name not in (CLASSIFIER, *registry.names("llm")):
        raise Misuse(f"{spec!r} is no model of inference; write hf:MODEL or {CLASSIFIER}:MODEL")
    return found


class Writer:
    """A language model that writes "1" where the hypothesis follows from the premise, as T5 was trained for TRUE.

    Args:
        llm: the backend; it reads texts as they stand.

    Raises:
        Misuse: it takes conversations only, or writes nothing.
    """

    def __init__(self, llm: LLM) -> None:
        if llm.chats or "generate" not in llm.offers:
            raise Misuse(f"{llm!r} goes on with no text as it stands, which this asks for; use hf: or vllm:")
        self.llm = llm

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        prompts = [Prompt(text=WRITTEN.format(premise, hypothesis)) for premise, hypothesis in pairs]
        return [reply.value.strip() == YES for reply in self.llm.generate(prompts, max_tokens=MOST)]


class Classifier:
    """A cross-encoder with a class for entailment: what follows is what has it with more than some probability.

    Args:
        model: a folder or a hub id.
        label: the class; the one whose name begins with "entail" if not given.
        threshold: the probability that is not enough.
        options: of a cross-encoder: max_length, device, dtype, revision, ...

    Raises:
        BadInput: no class is called so, or the model has one class alone.
        Misuse: the threshold is no probability.
    """

    def __init__(self, model: str, *, label: str | None = None, threshold: float = 0.5, **options: Any) -> None:
        if not 0 <= threshold < 1:
            raise Misuse(f"threshold={threshold}: it is a probability below 1")
        self.threshold = threshold
        known = _labels(read(located(model, options.get("revision")) / "config.json"))
        entails = label or next((name for name in known if name.lower().startswith("entail")), None)
        if entails is None or len(known) < 2:
            raise BadInput(
                f"model {model!r} has the classes {', '.join(known) or 'of no name'}, of which none begins with "
                "'entail'; give label=, or another model"
            )
        self.scorer = PairScorer(model, label=entails, activation="softmax", **options)

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        premises, hypotheses = (list(dict.fromkeys(side)) for side in zip(*pairs, strict=True))
        left, right = ({text: place for place, text in enumerate(side)} for side in (premises, hypotheses))
        places = np.array([(left[premise], right[hypothesis]) for premise, hypothesis in pairs], dtype=np.int64)
        found: list[bool] = (self.scorer.scores(premises, hypotheses, places) > self.threshold).tolist()
        return found


def _labels(config: Mapping[str, Any]) -> list[str]:
    """The names of a model's classes, in order."""
    named = config.get("id2label") or {}
    return [str(named[number]) for number in sorted(named, key=int)]
