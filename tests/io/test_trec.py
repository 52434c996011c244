"""TREC run files: trec_eval's order in, strictly decreasing scores out, any id."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankify.corpus import Corpus
from rankify.documents import Document, Documents
from rankify.errors import BadInput
from rankify.io.trec import read_run, strictly_decreasing, write_run
from rankify.types import Query, Ranking, Run


def ids(*, but="\t\n\r"):
    return st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters=but), min_size=1, max_size=8)


def run_of(rows):
    return Run(Ranking(Query(q, ""), [Document(d, "") for d in documents], scores) for q, documents, scores in rows)


def read(tmp_path, text, **options):
    (tmp_path / "run.trec").write_text(text, encoding="utf-8")
    return read_run(tmp_path / "run.trec", **options)


def test_order_is_trec_evals_score_descending_then_id_descending(tmp_path):
    run = read(tmp_path, "q Q0 a 1 1.0 t\nq Q0 c 2 1.0 t\nq Q0 b 3 1.0 t\nq Q0 z 4 2e0 t\nq Q0 y 0 -1 t\n")
    assert run["q"].ids == ["z", "c", "b", "a", "y"]


def test_ids_are_compared_as_bytes(tmp_path):
    run = read(tmp_path, "q Q0 10 1 1 t\nq Q0 9 2 1 t\nq Q0 é 3 1 t\nq Q0 Z 4 1 t\n")
    assert run["q"].ids == ["é", "Z", "9", "10"]


def test_queries_keep_the_order_of_the_file_even_in_pieces(tmp_path):
    run = read(tmp_path, "b Q0 x 1 1 t\na Q0 x 1 1 t\nb Q0 y 2 3 t\n")
    assert [(r.query.id, r.ids) for r in run] == [("b", ["y", "x"]), ("a", ["x"])]


def test_queries_given_decide_which_and_in_what_order(tmp_path):
    asked = [Query("none", "no hits"), Query("b", "bee")]
    run = read(tmp_path, "a Q0 x 1 1 t\nb Q0 x 1 1 t\n", queries=asked)
    assert [(r.query, r.ids) for r in run] == [(asked[0], []), (asked[1], ["x"])]


def test_a_run_of_other_queries_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"none of its queries .*'a'.* is among the 1 asked"):
        read(tmp_path, "a Q0 x 1 1 t\n", queries=[Query("1", "")])


def test_documents_come_from_the_corpus(tmp_path):
    corpus = Corpus([Document("x", "the text"), Document("y", "")])
    [ranking] = read(tmp_path, "a Q0 x 1 1 t\n", corpus=corpus)
    assert ranking.documents[0] is corpus[0]


def test_without_a_corpus_texts_are_empty(tmp_path):
    [ranking] = read(tmp_path, "a Q0 x 1 1 t\n")
    assert list(ranking.documents) == [Document("x", "")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q Q0 a 1 1.0 t\nq Q0 a 2 0.5 t\n", r"run\.trec:2: document 'a' was already ranked .* in line 1"),
        ("q Q0 a 1 nan t\n", r"run\.trec:1: the score is NaN"),
        ("q Q0 a 1 2 t\nq Q0 b 2 -inf t\n", r"run\.trec:2: the score is infinite"),
        ("q Q0 a 1 1e999 t\n", r"run\.trec:1: the score is infinite"),
        ("q Q0 a 1 1_0 t\n", r"run\.trec:1: the score '1_0' is not a number"),
        ("q Q0 a 1 high t\n", r"run\.trec:1: the score 'high' is not a number"),
        ("q Q0 a 1 1.0\n", r"run\.trec:1: 5 columns in 'q Q0 a 1 1\.0'; a line is query Q0 document rank score tag"),
        ("q Q0 a b 1 1.0 t\n", r"run\.trec:1: 7 columns"),
        ("q Q0 a 1 1 t\n\nq Q0 b 2 1 t\n", r"run\.trec:2: an empty line"),
        ("q\tQ0\t\t1\t1\tt\n", r"run\.trec:1: an empty column"),
    ],
)
def test_malformed_runs_are_refused_with_the_line(tmp_path, text, message):
    with pytest.raises(BadInput, match=message):
        read(tmp_path, text)


def test_a_document_outside_the_corpus_is_refused_with_the_line(tmp_path):
    with pytest.raises(BadInput, match=r"run\.trec:1: no document 'x' among the 1 .*is this the corpus"):
        read(tmp_path, "a Q0 x 1 1 t\n", corpus=Corpus([Document("y", "")]))


def test_comments_are_skipped(tmp_path):
    assert read(tmp_path, "# q Q0 a 1 t\nq Q0 a 1 1 t\n")["q"].ids == ["a"]


def test_an_empty_run_is_a_run(tmp_path):
    assert len(read(tmp_path, "")) == 0
    write_run(Run([Ranking(Query("q", ""))]), tmp_path / "empty.trec")
    assert (tmp_path / "empty.trec").read_text() == ""


@pytest.mark.parametrize("name", ["results.test", "results.trunc", "results.comment.test"])
def test_trec_evals_own_runs_are_read_whole(shared, name):
    path = shared / "trec_eval" / name
    expected = sum(line.strip() != "" for line in path.read_text().splitlines())
    assert sum(map(len, read_run(path))) == expected


@pytest.mark.parametrize("name", ["run.trec", "run.trec.gz"])
def test_a_written_run_reads_back(tmp_path, name):
    run = run_of([("007", ["null", "NaN"], [2.5, 2.5]), ("a b", ["c d"], [1e-30])])
    write_run(run, tmp_path / name)
    assert [(r.query.id, r.ids) for r in read_run(tmp_path / name)] == [("007", ["null", "NaN"]), ("a b", ["c d"])]


def test_columns_are_separated_by_a_blank_unless_an_id_has_one(tmp_path):
    write_run(run_of([("q", ["d"], [1.5])]), tmp_path / "plain", tag="mine")
    write_run(run_of([("q", ["a d"], [1.5])]), tmp_path / "tabs", tag="100%")
    assert (tmp_path / "plain").read_text() == "q Q0 d 1 1.5 mine\n"
    assert (tmp_path / "tabs").read_text() == "q\tQ0\ta d\t1\t1.5\t100%\n"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(st.tuples(ids(), st.lists(ids(), unique=True, max_size=5)), unique_by=lambda row: row[0], max_size=4))
def test_any_id_of_any_script_survives(tmp_path, rows):
    run = run_of([(q, documents, [1.0] * len(documents)) for q, documents in rows])
    write_run(run, tmp_path / "run.trec")
    back = read_run(tmp_path / "run.trec", queries=run)
    assert [(r.query.id, r.ids) for r in back] == [(r.query.id, r.ids) for r in run]


@pytest.mark.parametrize("bad", ["a\tb", "a\nb", "a\rb", ""])
def test_ids_that_no_line_can_hold_are_refused(tmp_path, bad):
    with pytest.raises(BadInput, match="cannot stand in a TREC file"):
        write_run(run_of([("q", [bad], [1.0])]), tmp_path / "run.trec")
    assert not (tmp_path / "run.trec").exists()


@pytest.mark.parametrize("tag", ["", "two words", "tab\t"])
def test_a_tag_is_one_word(tmp_path, tag):
    with pytest.raises(BadInput, match="the tag"):
        write_run(run_of([("q", ["d"], [1.0])]), tmp_path / "run.trec", tag=tag)


@pytest.mark.parametrize("score", [float("inf"), float("-inf")])
def test_a_score_that_is_not_finite_is_not_written(tmp_path, score):
    with pytest.raises(BadInput, match=r"query 'q': the score -?inf cannot be written"):
        write_run(run_of([("q", ["d"], [score])]), tmp_path / "run.trec")
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=40))
def test_written_scores_strictly_decrease_in_single_precision(scores):
    apart = strictly_decreasing(np.sort(np.array(scores, dtype=np.float64))[::-1])
    written = [f"{score:.9g}" for score in apart.tolist()]
    assert np.isfinite(apart).all()
    for precision in (np.float32, np.float64):
        read_back = np.array(written, dtype=precision)
        assert (read_back[1:] < read_back[:-1]).all()
    assert np.array_equal(np.array(written, dtype=np.float32), apart)


@given(st.lists(st.floats(-1e6, 1e6, width=32), unique=True, max_size=40))
def test_scores_that_already_decrease_are_written_as_they_are(scores):
    given_scores = np.sort(np.array(scores, dtype=np.float64))[::-1]
    normal = np.abs(given_scores) >= np.finfo(np.float32).tiny
    if normal.all():
        assert np.array_equal(strictly_decreasing(given_scores), given_scores.astype(np.float32))


@pytest.mark.parametrize("score", [0.0, -0.0, 1e-45, 1e300, -1e300, 3.4e38, -3.4028234663852886e38])
def test_a_thousand_equal_scores_are_set_apart_without_subnormal_numbers(score):
    apart = strictly_decreasing(np.full(1000, score))
    assert (apart[1:] < apart[:-1]).all()
    assert np.isfinite(apart).all()
    assert (np.abs(apart[apart != 0]) >= np.finfo(np.float32).tiny).all()


@pytest.mark.parametrize("score", [1.0, 1010.0, 1e-7, -3.0])
def test_an_evaluator_sees_the_rankings_own_order_after_ties(tmp_path, score):
    corpus = Corpus(Document(str(i), "") for i in range(50))
    ranking = Ranking(Query("q", ""), Documents(corpus, range(50)), np.repeat([score, score - 0.5], 25))
    write_run(Run([ranking]), tmp_path / "run.trec")
    back = read_run(tmp_path / "run.trec")["q"]
    assert back.ids == ranking.ids
    assert (back.scores[1:] < back.scores[:-1]).all()


@pytest.mark.parametrize("id", ["#", "# no comment", "#1", "a\u3000b", "a\x1cb", " padded ", "100%s"])
def test_ids_that_could_be_taken_for_something_else(tmp_path, id):
    write_run(run_of([(id, [id], [1.0])]), tmp_path / "run.trec")
    assert [(r.query.id, r.ids) for r in read_run(tmp_path / "run.trec")] == [(id, [id])]


def test_a_wide_space_in_somebodys_file_is_part_of_the_id(tmp_path):
    assert read(tmp_path, "q Q0 a\u3000b 1 1 t\n")["q"].ids == ["a\u3000b"]
