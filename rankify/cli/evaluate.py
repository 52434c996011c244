"""`rankify evaluate`: measures of one run, or of answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import W_OK, access
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rankify.cli.answer import costs
from rankify.cli.collection import collection, is_json, judgments
from rankify.cli.command import MEASURES, Condensed, Relevant, Split, command
from rankify.cli.screen import Screen, table
from rankify.errors import BadInput, Misuse

if TYPE_CHECKING:
    from rankify.evaluation import Evaluation
    from rankify.evaluation.golds import Gold
    from rankify.llm.protocol import LLM
    from rankify.types import Answer, Qrels

RunFile = Annotated[
    Path, typer.Argument(metavar="RUN", show_default=False, help="A TREC run file, or a .json or .jsonl of answers.")
]
Judged = Annotated[
    str | None,
    typer.Argument(
        metavar="QRELS", show_default=False,
        help="A file of judgments, or a collection that has them; for answers, one that has gold answers, where the "
        "file of answers has none.",
    ),
]  # fmt: skip
Measures = Annotated[
    str | None,
    typer.Option(
        "-m", "--measures", metavar="NAMES", show_default=False,
        help=f'Measures with spaces between; see: rankify list measures. "{MEASURES}" if not given, or of answers '
        '"EM F1 contains".',
    ),
]  # fmt: skip
JudgeModel = Annotated[
    str | None,
    typer.Option(
        "--judge", metavar="LLM", show_default=False,
        help="The language model of measures such as faithfulness, e.g. http:gpt-4o-mini.",
    ),
]  # fmt: skip
NLI = Annotated[
    str | None,
    typer.Option(
        "--nli", metavar="MODEL", show_default=False,
        help="The model of inference of citation_recall, citation_precision and claims_nli, e.g. "
        "cross-encoder:cross-encoder/nli-deberta-v3-base.",
    ),
]  # fmt: skip
Encoder = Annotated[
    str | None,
    typer.Option(
        "--encoder", metavar="SPEC", show_default=False,
        help="The encoder of measures such as answer_relevancy, e.g. dense:BAAI/bge-base-en-v1.5.",
    ),
]  # fmt: skip
BERTScore = Annotated[
    str | None,
    typer.Option(
        "--bertscore", metavar="MODEL", show_default=False, help="The encoder of BERTScore, e.g. roberta-large."
    ),
]  # fmt: skip
QA = Annotated[
    str | None,
    typer.Option(
        "--qa", metavar="MODEL", show_default=False,
        help="The reader of spans of qa_em, qa_f1 and qa_hit, e.g. gaotianyu1350/roberta-large-squad, as in ALCE.",
    ),
]  # fmt: skip
Normal = Annotated[
    str,
    typer.Option(
        "--normal", metavar="WAY",
        help="How EM, F1 and contains take texts for the same: squad, as published, or unicode, too.",
    ),
]  # fmt: skip
ANSWERS = "EM F1 contains"
EachQuery = Annotated[bool, typer.Option("--per-query", help="Every query's values, too.")]


def evaluate(
    screen: Screen, run: RunFile, qrels: Judged = None, measures: Measures = None, per_query: EachQuery = False,
    rel: Relevant = None, condensed: Condensed = False, split: Split = None, judge: JudgeModel = None, nli: NLI = None,
    encoder: Encoder = None, bertscore: BERTScore = None, qa: QA = None, normal: Normal = "squad",
) -> None:  # fmt: skip
    """Evaluate a run, or a file of answers.

    As trec_eval does: by score, equal scores by document id; a judged query that the run misses counts 0.

        rankify evaluate bm25.trec ../data/nfcorpus -m "nDCG@10 R@100"
        rankify evaluate bm25.trec qrels.dl19-passage.txt --rel 2 --condensed
        rankify evaluate answers.json -m "EM F1 has_answer@5"
        rankify evaluate answers.json -m "faithfulness context_recall" --judge http:gpt-4o-mini
    """
    if is_json(run):
        if rel is not None:
            raise Misuse(f"--rel {rel}: answers have no grades; leave it out")
        if condensed:
            raise Misuse("--condensed: answers are no rankings; leave it out")
        models = {"llm": judge, "entails": nli, "encoder": encoder, "bertscore": bertscore, "qa": qa}
        scores = of_answers(screen, run, qrels, ANSWERS if measures is None else measures, split, models, normal)
    else:
        judging = {"--judge": judge, "--nli": nli, "--encoder": encoder, "--bertscore": bertscore, "--qa": qa}
        if named := next((f"{option} {model}" for option, model in judging.items() if model is not None), ""):
            raise Misuse(f"{named}: measures of rankings ask no model; leave it out")
        if qrels is None:
            raise Misuse(f"{run} is a run; give the judgments too, e.g.: rankify evaluate {run} qrels.txt")
        wanted = MEASURES if measures is None else measures
        scores = of_run(screen, run, qrels, wanted, rel, split, condensed=condensed)
    parts = []
    if per_query:
        shown = table("query", *(f">{measure}" for measure in scores))
        for query in scores.queries:
            shown.add_row(query, *(f"{scores.per_query[measure][query]:.4f}" for measure in scores))
        parts.append(shown)
    means = table("measure", f">{run.name}")
    for measure, value in scores.items():
        means.add_row(measure, f"{value:.4f}")
    details = {"per_query": scores.per_query} if per_query else {}
    why = {"reasons": scores.reasons} if scores.reasons else {}
    said = [f"{measure} is not known of {len(own)} of them: {next(iter(own.values()))}"
            for measure, own in scores.reasons.items()]  # fmt: skip
    said += uncounted(scores) if is_json(run) else without(scores)
    only = {
        "missing": len(scores.missing),
        "unjudged": len(scores.unjudged),
        **({"condensed": True} if condensed else {}),
    }
    took = {name: value for name, value in scores.counts.items() if value}
    screen.show(
        {
            "run": str(run), "queries": len(scores.queries), **only, "measures": dict(scores), **details, **why,
            **({"took": took} if took else {}),
        },
        *parts, means, *said, *(["only judged documents"] if condensed else []), *([costs(took)] if took else []),
    )  # fmt: skip


def of_run(
    screen: Screen, file: Path, qrels: str, measures: str, rel: int | None, split: str | None, *, condensed: bool
) -> Evaluation:
    """Measures of a run file, or of its judged documents alone."""
    import rankify
    from rankify.evaluation import holes
    from rankify.evaluation.measures import computable
    from rankify.io.trec import read_run

    computable(measures)
    judged, own = judgments(screen, qrels, split)
    run = read_run(file)
    kept = holes.condensed(run, judged) if condensed else run
    return rankify.evaluate(kept, judged, measures, rel=rel or own or 1)


def of_answers(
    screen: Screen, file: Path, data: str | None, measures: str, split: str | None, models: Mapping[str, str | None],
    normal: str,
) -> Evaluation:  # fmt: skip
    """Measures of a file of answers; gold answers, judgments and texts are the collection's where it is named.

    Replies of a language model are kept until all measures are there, for a start after a kill.
    """
    from rankify.evaluation.judged import Judges, evaluate_judged
    from rankify.evaluation.measures import listed
    from rankify.io.files import remove_folder

    names = listed(measures)
    Judges(**models).refuse(names)
    refuse_spare(models, names)
    answers, golds, qrels = read(screen, file, data, split)
    if any(map(looks_at_gold, names)):
        refuse_goldless("evaluate", file, answers, data)
    replies = file.with_name(f".{file.name}.judged")
    llm = models["llm"] and remembering(
        models["llm"], replies if file.is_file() and access(file.parent, W_OK) else None
    )
    judges = Judges(**{**models, "llm": llm})  # type: ignore[arg-type]
    with screen.step(f"Measuring {file.name}"):
        scores = evaluate_judged(answers, golds, measures, judges=judges, qrels=qrels, normal=normal)
    if llm:
        remove_folder(replies)
    return scores


def read(
    screen: Screen, file: Path, data: str | None, split: str | None
) -> tuple[list[Answer], Gold | None, Qrels | None]:
    """The answers of a file; gold answers, judgments and texts are the collection's where it is named."""
    from rankify.experiment.readings import of_dataset
    from rankify.io.answers import read_answers

    answers = read_answers(file)
    if data is None:
        return answers, None, None
    found = collection(screen, data, split)
    if not {query.id for query in found.all_queries.queries} & {one.query.id for one in answers}:
        raise BadInput(
            f"none of the {len(answers):,} answers in {file} is to a question of {data}: the first is to "
            f"{answers[0].query.id!r}"
        )
    known = any(found.answers.values())
    golds = found.answers if known else gold_of(answers)  # else the file's own
    return of_dataset(answers, found), golds, found.qrels


def refuse_goldless(command: str, file: Path, answers: Sequence[Answer], data: str | None) -> None:
    """Raises BadInput where gold answers are looked at, and neither a file nor a collection has them."""
    if data is None and gold_of(answers) is None:
        raise BadInput(f"{file} has no gold answers; name a collection that has them: rankify {command} {file} DATA")


def looks_at_gold(name: str) -> bool:
    """Whether a measure of answers looks at gold answers; one that is not known is for `evaluate_answers` to say."""
    from rankify.evaluation.answers import BESIDE, OF_ANSWERS, OF_PASSAGES
    from rankify.evaluation.judged import needs_gold, of_judges

    if of_judges(name):
        return needs_gold(name)
    return name not in BESIDE and (name in OF_ANSWERS or name.partition("@")[0] in OF_PASSAGES)


def refuse_spare(models: Mapping[str, str | None], names: Sequence[str]) -> None:
    """Raises Misuse for a model that no measure asks."""
    from rankify.evaluation.judged import ENCODER, NEEDED, needed

    asked = {one.judge for name in names for one in needed(name)}
    option = {one.judge: one.option for one in (*NEEDED.values(), ENCODER)}
    for judge, model in models.items():
        if model is not None and judge not in asked:
            raise Misuse(f"--{option[judge]} {model}: no measure asks this model; leave it out")


def uncounted(scores: Evaluation) -> list[str]:
    """Which questions have no answer, and which answers do not count."""
    said = []
    if scores.missing:  # by a measure that looks at gold answers; others count who answered
        said.append(f"{len(scores.missing):,} of {len(scores.queries):,} questions have no answer and count 0")
    if scores.unjudged:
        said.append(f"{len(scores.unjudged):,} answers are to questions without gold answers and do not count")
    return said


def gold_of(answers: Sequence[Answer]) -> dict[str, list[str]] | None:
    """The gold answers that a file of answers has itself; None where it has none."""
    from rankify.evaluation.golds import written_answers

    given = {one.query.id: written_answers(one.query.id, one.query.metadata.get("answers")) for one in answers}
    known = {id: own for id, own in given.items() if own is not None}
    return known if any(known.values()) else None


def without(scores: Evaluation) -> list[str]:
    """Which judged queries have no results in a run, and which of its queries do not count."""
    said = []
    if scores.missing:
        said.append(f"{len(scores.missing):,} of {len(scores.queries):,} judged queries have no results and count 0")
    if scores.unjudged:
        said.append(f"{len(scores.unjudged):,} queries of the run have no judgments and do not count")
    return said


def remembering(spec: str, folder: Path | None) -> LLM:
    """The language model of a spec, whose replies are kept in a folder, unless they are kept by the spec itself."""
    from rankify.experiment.replies import Resumed
    from rankify.llm.cached import Cached
    from rankify.llm.loading import load

    llm = load(spec)
    return llm if folder is None or isinstance(llm, Cached) else Resumed(llm, folder=folder)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, evaluate)
