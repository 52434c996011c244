"""Figures from a file: several sources of one system, contradictions, digits, blanks, quotes and collections."""

import pytest

from rankify.catalog.published import published, system
from rankify.errors import BadInput, RankifyError
from rankify.experiment.references import with_reference
from rankify.experiment.reproduction import Reproduction

BM25 = system("beir", "bm25")
SPLADE = system("beir", "splade-v3")
HEAD = "dataset,system,metric,value\n"
MSMARCO = system("msmarco", "bm25")
TWICE = HEAD + "scifact,bm25,nDCG@10,0.67\nscifact,bm25,nDCG@10,0.68\nscifact,bm25,AP,0.6\nnfcorpus,bm25,nDCG@10,0.3\n"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "mine.csv"


def figures(found, ours, collections=("scifact",), measures=""):
    made = Reproduction.of("beir", found, collections, measures)
    return made.figures({one: {found[0].name: ours} for one in collections})


def test_two_sources_of_a_figure_are_a_row_each(file):
    file.write_text(
        HEAD
        + "scifact,a:splade-v3,nDCG@10,0.7140\nscifact,b:splade-v3,nDCG@10,0.7100\nscifact,a:splade-v3,R@100,0.9360\n"
    )
    rows = figures(with_reference("beir", [SPLADE], file), {"nDCG@10": 0.71402, "R@100": 0.936})
    assert [(r.measure, r.source, r.published, r.verdict) for r in rows] == [
        ("nDCG@10", "a:splade-v3", 0.714, "equal"), ("nDCG@10", "b:splade-v3", 0.71, "apart"),
        ("R@100", "a:splade-v3", 0.936, "equal"),
    ]  # fmt: skip


def test_sources_of_different_figures_are_one(file):
    file.write_text(HEAD + "scifact,a:bm25,nDCG@10,0.5\nnfcorpus,b:bm25,nDCG@10,0.25\n")
    [found] = with_reference("beir", [BM25], file)
    assert (found.label, [*found.figures]) == ("", ["scifact", "nfcorpus"])


def test_each_source_has_its_own_averages(file):
    from rankify.evaluation.averages import averages

    names = averages()["beir-8"].of
    file.write_text(HEAD + "".join(f"{c},{s}:bm25,nDCG@10,{v}\n" for s, v in (("a", 0.5), ("b", 0.6)) for c in names))
    rows = figures(with_reference("beir", [BM25], file), {"nDCG@10": 0.5}, collections=names)
    means = [(r.source, r.published, r.verdict) for r in rows if r.collection == "beir-8"]
    assert means == [("a:bm25", 0.5, "equal"), ("b:bm25", pytest.approx(0.6), "apart")]


def test_an_average_stands_there_where_a_figure_of_it_is_not_published(file):
    from rankify.evaluation.averages import averages

    names = averages()["beir-8"].of
    file.write_text(HEAD + "".join(f"{c},{s}:bm25,nDCG@10,0.5\n" for s in "ab" for c in names[s == "a" :]))
    made = Reproduction.of("beir", with_reference("beir", [BM25], file), names, "nDCG@10 AP")
    rows = made.figures({one: {"bm25-flat": {"nDCG@10": 0.5, "AP": 0.25}} for one in names})
    means = [(r.measure, r.source, r.ours, r.published) for r in rows if r.collection == "beir-8"]
    assert means == [("nDCG@10", "b:bm25", 0.5, 0.5), ("AP", "", 0.25, None)]


def test_the_published_figures_of_every_system_can_be_read(shared):
    """Each of BEIR's and of MS MARCO's systems has figures in the references, without an error."""
    for benchmark, name in (("beir", "beir_reference.csv"), ("msmarco", "dl_reference.csv")):
        systems = [*published(benchmark).values()]
        found = with_reference(benchmark, systems, shared.parent / "reference" / name)
        assert {one.name for one in found} == {one.name for one in systems}
    labels = [one.label for one in found if one.label]
    assert labels == []  # Pyserini's names alone
    for one in found:
        for collection, row in one.figures.items():
            for measure, value in row.items():
                known = system("msmarco", one.name).figures[collection]
                same = {"AP(rel=2)": "AP(rel=2)@1000", "MRR@10": "RR@10"}.get(measure, measure)
                assert known.get(same, value) == value


@pytest.mark.parametrize("measures", ["", "nDCG@10", "nDCG@10 AP"])
def test_a_contradiction_of_one_source_is_an_error_where_it_is_asked_for(file, measures):
    file.write_text(TWICE)
    for collections in ([], ["scifact"], ["SciFact", "nfcorpus"]):
        with pytest.raises(BadInput) as refused:
            with_reference("beir", [BM25], file, collections=collections, measures=measures)
        assert str(refused.value) == (
            f"{file}:3: a second nDCG@10 of bm25 on scifact: 0.68; keep one, or call the system of the other "
            "otherwise, e.g. mine:bm25-flat"
        )


@pytest.mark.parametrize(("collections", "measures"), [(["nfcorpus"], ""), (["scifact"], "AP")])
def test_a_contradiction_that_nobody_asks_for_is_none(file, collections, measures):
    file.write_text(TWICE)
    [found] = with_reference("beir", [BM25], file, collections=collections, measures=measures)
    assert found.figures["nfcorpus"] == {"nDCG@10": 0.3}


def test_a_contradiction_of_deep_learning_is_found_by_either_name(file):
    file.write_text(HEAD + "dl19,bm25,R@100,0.4\ndl19,bm25,R@100,0.5\n")
    for measures in ("R@100", "R(rel=2)@100"):
        with pytest.raises(BadInput, match=r":3: a second R@100 of bm25 on dl19: 0.5"):
            with_reference("msmarco", [system("msmarco", "bm25")], file, collections=["dl19"], measures=measures)


def test_blanks_around_values_count_nothing(file):
    file.write_text(" dataset ,system, metric,value\nscifact ,\tbm25, nDCG@10 ,0.5 \n")
    [found] = with_reference("beir", [BM25], file)
    assert found.figures == {"scifact": {"nDCG@10": 0.5}}


def test_collections_that_nobody_knows_are_named(file):
    unknown = [f"x{i}" for i in range(7)]
    rows = "".join(f"{name},bm25,AP,0.5\n" for name in ["scifct", "scifct", *unknown, "scifact"])
    file.write_text(HEAD + rows + "other,minilm,AP,0.5\n")
    said = []
    [found] = with_reference("beir", [BM25], file, say=said.append)
    assert [*found.figures] == ["scifact"]
    assert said == [
        f"{file}: left out, since no collection of beir is called so: 'scifct', 'x0', 'x1', 'x2', 'x3' and 3 more"
    ]


def test_where_nothing_is_left_the_reason_is_in_the_error(file):
    file.write_text(HEAD + "mine,bm25,AP,0.5\n")
    said = []
    with pytest.raises(BadInput) as refused:
        with_reference("beir", [BM25], file, say=said.append)
    assert str(refused.value) == f"{file} has no figure of bm25-flat; no collection of beir is called so: 'mine'"
    assert said == []


def test_a_measure_that_nobody_knows_is_an_error_only_of_what_is_asked_for(file):
    file.write_text(HEAD + "scifact,bm25,nDCG@10,0.5\nscifact,bm25,nDGC@10,0.5\nnfcorpus,bm25,AP,0.5\nquora,bm25,x,1\n")
    [found] = with_reference("beir", [BM25], file, collections=["nfcorpus"])
    assert found.figures == {"scifact": {"nDCG@10": 0.5}, "nfcorpus": {"AP": 0.5}}
    assert with_reference("beir", [BM25], file, collections=["scifact"], measures="nDCG@10") == [found]
    for collections, line in ([], 3), (["scifact"], 3), (["quora"], 5):
        with pytest.raises(BadInput, match=rf"mine\.csv:{line}: no measure"):
            with_reference("beir", [BM25], file, collections=collections)


AVERAGES = {"beir-13": "AVG13(public,no cqadupstack)", "beir-14": "AVG14(public incl cqadupstack macro)",
            "beir-18": "AVG18(leaderboard,cqadupstack macro)", "beir-29": "AVG29(all 29 topics)"}  # fmt: skip


def test_ours_is_held_against_the_averages_of_a_reference(file):
    from rankify.evaluation.averages import averages

    names = averages()["beir-13"].of
    rows = "".join(f"{name},bm25,nDCG@10,0.5000\n" for name in names)
    file.write_text(HEAD + rows + "".join(f'"{one}",bm25,nDCG@10,0.505\n' for one in AVERAGES.values()))
    said = []
    [found] = with_reference("beir", [BM25], file, collections=names, say=said.append)
    assert said == []
    assert {*AVERAGES} <= {*found.figures}
    made = Reproduction.of("beir", [found])
    assert made.collections == [*names]
    rows = made.figures({name: {"bm25-flat": {"nDCG@10": 0.5}} for name in names})
    means = [(r.collection, r.published, r.written(r.ours), r.verdict) for r in rows if r.collection in averages()]
    assert means == [("beir-13", 0.505, "0.500", "apart")]  # and none of a set that is not there as a whole


@pytest.mark.parametrize("name", ["cqadupstack(macro12)", "cqadupstack(mteb-task)"])
def test_cqadupstacks_mean_is_compared_though_its_forums_are_not_published(file, name):
    from rankify.evaluation.averages import parts

    file.write_text(HEAD + f"{name},bm25,nDCG@10,0.2500\n")
    made = Reproduction.of("beir", with_reference("beir", [BM25], file))
    assert made.collections == [*parts()["cqadupstack"]]
    rows = made.figures({one: {"bm25-flat": {"nDCG@10": 0.25}} for one in made.collections})
    assert [(r.collection, r.published, r.verdict) for r in rows[-2:]] == [
        ("cqadupstack-wordpress", None, "not published"), ("cqadupstack", 0.25, "equal"),
    ]  # fmt: skip


def test_a_second_value_of_an_average_is_an_error_where_its_collections_are_asked_for(file):
    file.write_text(HEAD + "scifact,bm25,AP,0.5\nbeir-8,bm25,AP,0.5\nAVG8,bm25,AP,0.6\n")
    with_reference("beir", [BM25], file, collections=["scifact"])
    from rankify.evaluation.averages import averages

    rows = "".join(f"{name},bm25,AP,0.5\n" for name in averages()["beir-8"].of)
    file.write_text(HEAD + rows + "beir-8,bm25,AP,0.5\nAVG8,bm25,AP,0.6\n")
    with pytest.raises(BadInput, match=r":11: a second AP of bm25 on AVG8: 0.6; keep one"):
        with_reference("beir", [BM25], file, collections=["beir-8"])


def test_quotes_may_stand_behind_blanks(file):
    file.write_text(HEAD + 'scifact, "bm25", AP, "0.5"\n')
    [found] = with_reference("beir", [BM25], file)
    assert found.figures == {"scifact": {"AP": 0.5}}


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ('scifact,"bm25,AP,0.5\nnfcorpus,bm25,AP,0.5\n', 2),
        ('scifact,bm25,AP,0.5\nnfcorpus,"bm25"x,AP,0.5\n', 3),
        ('"sci\nfact",bm25,AP,0.5\nnfcorpus,bm25,AP,"0.5\n\n', 4),
    ],
)
def test_an_unclosed_quote_swallows_nothing(file, rows, line):
    file.write_text(HEAD + rows)
    with pytest.raises(BadInput, match=rf"mine\.csv:{line}: not CSV: .*; close every quote, and write one inside a"):
        with_reference("beir", [BM25], file)


@pytest.mark.parametrize(
    ("written", "ours", "verdict", "shown"),
    [
        ("0.679", 0.6789, "equal", "0.679"), ("0.679", 0.6781, "apart", "0.678"),
        ("0.6790", 0.6789, "within", "0.6789"),
        ("0.5", 0.4996, "equal", "0.500"), ("0.8", 0.75, "apart", "0.750"), ("6.79e-1", 0.6789, "equal", "0.679"),
        ("0.67890123", 0.6789, "equal", "0.6789"), ("1", 0.75, "apart", "0.750"),
    ],
)  # fmt: skip
def test_a_figure_is_held_against_a_reference_with_its_digits(file, written, ours, verdict, shown):
    file.write_text(HEAD + f"scifact,bm25,nDCG@10,{written}\n")
    [row] = figures(with_reference("beir", [BM25], file), {"nDCG@10": ours})
    assert (row.verdict, row.written(row.ours)) == (verdict, shown)


def test_what_is_no_benchmarks_collection_is_still_refused_by_name(file):
    file.write_text(HEAD + "scifact,bm25,AP,0.5\n")
    with pytest.raises(RankifyError, match="no collection of beir with published figures 'nfcorpus'"):
        with_reference("beir", [BM25], file, collections=["nfcorpus"])


def test_a_reference_of_ones_own_takes_the_place_of_the_catalogues(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text(
        "dataset,system,metric,value,source\nSciFact,pyserini:bm25-flat,nDCG@10,0.5,x\n"
        "beir/nfcorpus,bm25,R@100,0.25,x\nnfcorpus,other,R@100,0.9,x\n"
    )
    [found] = with_reference("beir", [BM25], file)
    assert found.figures == {"scifact": {"nDCG@10": 0.5}, "nfcorpus": {"R@100": 0.25}}
    assert (found.pipeline, found.source) == (BM25.pipeline, str(file))


def test_a_reference_names_deep_learning_and_its_measures_as_pyserini_does(tmp_path):
    file = tmp_path / "dl.csv"
    file.write_text(
        "dataset,system,metric,value\ndl19-passage,pyserini:bm25-default,R@1K,0.7501\n"
        "dl19-passage,pyserini:bm25-default,nDCG@10,0.5058\nmsmarco-v1-passage.dev,pyserini:bm25-default,R@1K,0.8526\n"
    )
    [found] = with_reference("msmarco", [MSMARCO], file)
    assert found.figures == {
        "trec-dl-2019": {"R(rel=2)@1000": 0.7501, "nDCG@10": 0.5058}, "msmarco/dev": {"R@1000": 0.8526},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dataset,system,metric,value\nscifact,bm25,nDGC@10,0.5\n", r":2: .*did you mean 'nDCG'"),
        ("dataset,system,metric,value\nscifact,bm25,nDCG@10,nan\n", r":2: the value 'nan' is no number from 0 to 1"),
        ("dataset,system,metric,value\nscifact,bm25,nDCG@10,inf\n", r":2: the value 'inf' is no number from 0 to 1"),
        ("dataset,system,metric,value\nscifact,bm25,nDCG@10,0_1\n", r":2: the value '0_1' is no number from 0 to 1"),
        ("dataset,system,metric,value\nscifact,bm25,nDCG@10,-0.1\n", r":2: the value '-0.1' is no number from 0 to 1"),
        ("dataset,system,metric,value\nscifact,bm25,AP,67.89\n", r":2: the value '67.89' .*; divide percents by 100"),
        (
            "dataset,system,metric,value\nscifact,bm25,nDCG@10,0,5\n",
            r":2: 5 values for 4 columns; write 0.5 with a point",
        ),
        ("dataset,system,metric,value,value\nscifact,bm25,AP,0.5,0.6\n", r":1: two columns are called 'value'"),
        ("dataset;system;metric;value\nscifact;bm25;AP;0.5\n", r":1: no column 'dataset'; .*, with commas between"),
        ("dataset,system,metric\na,b,c\n", r":1: no column 'value'"),
        ("dataset,system,metric,value\nscifact,bm25,nDCG@10,x\n", r":2: the value 'x' is no number from 0 to 1"),
        ("dataset,system,metric,value\nscifact,bm25\n", r":2: too few values"),
        (
            "dataset,system,metric,value\nscifact,bm25-flat,AP,0.1\nscifact,bm25-flat,AP,0.2\n",
            r":3: a second AP of bm25-flat",
        ),
        ("dataset,system,metric,value\nscifact,other,AP,0.1\n", "has no figure of bm25-flat"),
    ],
)
def test_a_reference_that_cannot_be_used_is_refused(tmp_path, text, message):
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(BadInput, match=message):
        with_reference("beir", [BM25], tmp_path / "mine.csv")
