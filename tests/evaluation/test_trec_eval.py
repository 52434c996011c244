"""trec_eval's own expected outputs, from its test folder, against `evaluate`.

Each line of an expected output that ir-measures has a measure for is one fact; UNKNOWN names what it has none for.
"""

import re

import pytest

from rankify.evaluation import evaluate
from rankify.io.trec import read_qrels, read_run
from rankify.types import Run

FAMILIES = {
    "P": "P@{}", "recall": "R@{}", "ndcg_cut": "nDCG@{}", "map_cut": "AP@{}", "success": "Success@{}",
    "iprec_at_recall": "IPrec@{}",
}  # fmt: skip
SINGLE = {
    "num_q": "NumQ", "num_ret": "NumRet", "num_rel": "NumRel", "num_rel_ret": "NumRelRet", "map": "AP",
    "Rprec": "Rprec", "bpref": "Bpref", "recip_rank": "RR", "infAP": "infAP", "ndcg": "nDCG", "set_P": "SetP",
    "set_relative_P": "SetRelP", "set_recall": "SetR", "set_map": "SetAP", "set_F": "SetF",
}  # fmt: skip
UNKNOWN = re.compile(
    r"""runid | gm_map | gm_bpref | Rprec_mult_.* | utility.* | 11pt_avg.* | binG | G | ndcg_rel | Rndcg | relative_P_.*
    | num_nonrel_judged_ret | rbp | rbp_resid | unj_.* | relstring.* | ndcg_1=3,2=9,4=4.5""",
    re.VERBOSE,
)


def measure(written):
    """A measure of trec_eval as ir-measures calls it, or None."""
    family, _, parameter = written.rpartition("_")
    if family in FAMILIES:
        return FAMILIES[family].format(parameter.lstrip("0") if parameter == "0" else parameter)
    return SINGLE.get(written)


def expected(path):
    """Name, query and value of each line."""
    return [line.split() for line in path.read_text("utf-8").splitlines()]


CASES = [
    ("out.test", "qrels.test", "results.test", 1, None),
    ("out.test.a", "qrels.test", "results.test", 1, None),
    ("out.test.aq", "qrels.test", "results.test", 1, None),
    ("out.test.aqc", "qrels.test", "results.trunc", 1, None),
    ("out.test.aqcM", "qrels.test", "results.trunc", 1, 100),
    ("out.test.aql", "qrels.rel_level", "results.test", 2, None),
    ("out.test.meas_params", "qrels.test", "results.test", 1, None),
    ("out.comment.test", "qrels.comment.test", "results.comment.test", 1, None),
]


@pytest.mark.parametrize(("output", "qrels", "results", "rel", "depth"), CASES, ids=[c[0] for c in CASES])
def test_trec_evals_expected_output_is_reproduced(shared, output, qrels, results, rel, depth):
    folder = shared / "trec_eval"
    run = read_run(folder / results)
    run = run if depth is None else Run(r.head(depth) for r in run)
    lines = expected(folder / output)
    names = {m for written, _, _ in lines if (m := measure(written))}
    judged = read_qrels(folder / qrels)
    scores = evaluate(run, judged, sorted(names), rel=rel)
    wrong = []
    for written, query, value in lines:
        if name := measure(written):
            ours = scores[name] if query == "all" else scores.per_query[name][query]
            if f"{ours:.4f}" != f"{float(value):.4f}":
                wrong.append((written, query, value, f"{ours:.4f}"))
        elif not UNKNOWN.fullmatch(written):
            wrong.append(written)
    assert not wrong
