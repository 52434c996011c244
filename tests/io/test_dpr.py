"""DPR JSON: read tolerantly, written back without loss."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankify.documents import Document
from rankify.errors import BadInput
from rankify.io.dpr import read_dpr, write_dpr
from rankify.types import Query, Ranking, Run

HAMLET = {
    "question": "Vitamin D prevents flu.",
    "answers": ["Shakespeare", "Bard"],
    "query_id": "007",
    "level": "easy",
    "ctxs": [
        {"id": 123, "score": 17.3, "has_answer": True, "title": "Hamlet", "text": "A play.", "lang": "en"},
        {"id": "null", "score": 17.3, "has_answer": False, "title": "", "text": ""},
    ],
}


def read(tmp_path, *records, name="q.jsonl", **options):
    content = "".join(json.dumps(r) + "\n" for r in records) if name.endswith("l") else json.dumps(records)
    (tmp_path / name).write_text(content)
    return read_dpr(tmp_path / name, **options)


def written(tmp_path, run, name="out.jsonl", **options):
    write_dpr(run, tmp_path / name, **options)
    text = (tmp_path / name).read_text()
    return json.loads(text) if name.endswith(".json") else [json.loads(line) for line in text.split("\n")[:-1]]


def test_the_question_is_the_query_untouched(tmp_path):
    [ranking] = read(tmp_path, HAMLET)
    assert ranking.query == Query(
        "007",
        "Vitamin D prevents flu.",
        {"answers": ["Shakespeare", "Bard"], "query_id": "007", "level": "easy"},
    )


def test_passages_are_the_ranking_with_ids_as_strings(tmp_path):
    [ranking] = read(tmp_path, HAMLET)
    assert (ranking.ids, ranking.scores.tolist()) == (["123", "null"], [17.3, 17.3])
    assert ranking.documents[0] == Document("123", "A play.", "Hamlet", {"id": 123, "has_answer": True, "lang": "en"})


@pytest.mark.parametrize("name", ["q.json", "q.jsonl"])
def test_a_file_is_written_back_as_it_was(tmp_path, name):
    assert written(tmp_path, read(tmp_path, HAMLET, name=name), name) == [HAMLET]


def test_reranked_passages_go_round(tmp_path):
    run = read(tmp_path, HAMLET)
    reranked = Run([run[0].reordered([1, 0])])
    [record] = written(tmp_path, run, reranked=reranked)
    assert [c["id"] for c in record["reranked_ctxs"]] == ["null", 123]
    assert {k: v for k, v in record.items() if k != "reranked_ctxs"} == HAMLET
    first, again = read_dpr(tmp_path / "out.jsonl"), read_dpr(tmp_path / "out.jsonl", reranked=True)
    assert list(first[0]) == list(run[0])
    assert list(again[0]) == list(reranked[0])
    assert written(tmp_path, first) == [record]
    assert written(tmp_path, first, reranked=again) == [record]
    assert written(tmp_path, first, reranked=run)[0]["reranked_ctxs"] == HAMLET["ctxs"]


def test_questions_without_reranked_passages_have_empty_rankings(tmp_path):
    records = [HAMLET | {"reranked_ctxs": HAMLET["ctxs"][1:]}, {"question": "q?", "ctxs": HAMLET["ctxs"]}]
    again = read(tmp_path, *records, reranked=True)
    assert [ranking.ids for ranking in again] == [["null"], []]
    assert written(tmp_path, read(tmp_path, *records), reranked=again) == records


@pytest.mark.parametrize("key", ["answers", "answer", "golden_answers"])
@pytest.mark.parametrize("value", ["Paris", ["Paris"]])
def test_answers_under_any_key_are_a_list(tmp_path, key, value):
    [ranking] = read(tmp_path, {"question": "q?", key: value})
    assert ranking.query.metadata["answers"] == ["Paris"]


@pytest.mark.parametrize("key", ["ctxs", "contexts"])
def test_passages_under_any_key(tmp_path, key):
    [ranking] = read(tmp_path, {"question": "q?", key: [{"id": 1, "text": "x"}]})
    assert ranking.ids == ["1"]
    assert key not in ranking.query.metadata


def test_questions_without_passages_are_queries(tmp_path):
    record = {"question": "q?", "id": 5, "answer": 42}
    run = read(tmp_path, record)
    assert (run[0].query.id, run[0].query.metadata["answers"], len(run[0])) == ("5", [42], 0)
    assert written(tmp_path, run) == [record]


def test_questions_without_ids_are_numbered(tmp_path):
    assert [q.id for q in read(tmp_path, {"question": "a"}, {"question": "b"}).queries] == ["1", "2"]


def test_passages_without_ids_are_known_by_their_content(tmp_path):
    one, other = {"title": "T", "text": "x"}, {"title": "T", "text": "y"}
    first, second = read(tmp_path, {"question": "a", "ctxs": [one, other, one]}, {"question": "b", "ctxs": [other]})
    assert first.ids[1] == second.ids[0] != first.ids[0]
    assert first.ids[2] == f"{first.ids[0]}-2"


@pytest.mark.parametrize("scores", [[1.0, 2.0], [2.0, None], [None, None]])
def test_without_usable_scores_the_order_is_the_truth(tmp_path, scores):
    contexts = [{"id": i, "text": "x"} | ({} if s is None else {"score": s}) for i, s in enumerate(scores)]
    [ranking] = read(tmp_path, {"question": "q", "ctxs": contexts})
    assert (ranking.ids, ranking.scores.tolist()) == (["0", "1"], [2.0, 1.0])
    assert [d.metadata.get("given_score") for d in ranking.documents] == scores


def test_scores_written_as_text_are_numbers(tmp_path):
    [ranking] = read(tmp_path, {"question": "q", "ctxs": [{"id": 1, "text": "", "score": "82.5"}]})
    assert ranking.scores.tolist() == [82.5]


def test_a_score_of_null_is_no_score(tmp_path):
    [ranking] = read(tmp_path, {"question": "q", "ctxs": [{"id": 1, "text": "", "score": None}]})
    assert ranking.scores.tolist() == [1.0]


def test_files_of_ids_and_scores_only_stay_that(tmp_path):
    light = {"question": "q", "answers": [], "id": "1", "ctxs": [{"id": 1, "score": 2.0, "has_answer": False}]}
    assert written(tmp_path, read(tmp_path, light)) == [light]


def test_any_run_can_be_written(tmp_path):
    run = Run([Ranking(Query("q1", "what?"), [Document("d", "text")], [0.5]), Ranking(Query("q2", "no hits"))])
    write_dpr(run, tmp_path / "out.json")
    back = read_dpr(tmp_path / "out.json")
    assert [(r.query.id, r.query.text, r.ids, r.scores.tolist()) for r in back] == [
        ("q1", "what?", ["d"], [0.5]),
        ("q2", "no hits", [], []),
    ]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"answers": ["x"]}, r"q\.jsonl:2: no text under 'question'"),
        ({"question": "  "}, r"q\.jsonl:2: no text under 'question'"),
        ({"question": "q", "id": "1"}, r"q\.jsonl:2: question '1' was already in line 1"),
        ({"question": "q", "ctxs": [{"id": 1}, {"id": "1"}]}, r"q\.jsonl:2: passage '1' stands twice"),
        ({"question": "q", "ctxs": [{"id": 1, "score": "high"}]}, r"q\.jsonl:2: the score 'high' of a passage"),
        ({"question": "q", "ctxs": [{"id": 1, "score": "1"}, {"id": 2, "score": "x"}]}, "the score 'x' of a passage"),
        ({"question": "q", "ctxs": [{"id": 1, "score": [1]}]}, r"q\.jsonl:2: the score \[1\] of a passage"),
        ({"question": "q", "ctxs": ["text"]}, r"q\.jsonl:2: a passage is a str instead of an object"),
        ({"question": "q", "ctxs": {"id": 1}}, r"q\.jsonl:2: 'ctxs' is a dict instead of a list"),
        ({"question": "q", "ctxs": [{"id": 1.5}]}, r"q\.jsonl:2: the id 1\.5 is no id"),
    ],
)
def test_malformed_questions_are_refused_with_the_line(tmp_path, record, message):
    with pytest.raises(BadInput, match=message):
        read(tmp_path, {"question": "first", "id": 1}, record)


def test_nothing_reranked_is_an_error_and_no_fallback(tmp_path):
    with pytest.raises(BadInput, match=r"q\.jsonl: no question has 'reranked_ctxs'"):
        read(tmp_path, HAMLET, reranked=True)


@pytest.mark.parametrize(("name", "text"), [("q.jsonl", ""), ("q.jsonl", "\n"), ("q.json", "[]")])
def test_a_file_without_questions_is_refused(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(BadInput, match=rf"{name} has no questions"):
        read_dpr(tmp_path / name)


def test_nq_open_with_gold_passages(shared, tmp_path):
    path = shared / "nq-open-oracle" / "nq-open-oracle.jsonl"
    run = read_dpr(path)
    assert (len(run), run[0].query.id, run[0].query.text) == (2655, "1", "who got the first nobel prize in physics")
    assert run[0].query.metadata["answers"] == ["Wilhelm Conrad Röntgen"]
    assert run[0].documents[0].metadata.items() >= {"hasanswer": True, "isgold": True}.items()
    assert written(tmp_path, run) == [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_hotpotqas_pairs_of_titles_and_sentences(shared, tmp_path):
    path = shared / "hotpotqa-100" / "hotpotqa_train.json"
    run = read_dpr(path)
    assert written(tmp_path, run, "out.json") == json.loads(path.read_text("utf-8"))
    assert (len(run), run[0].query.id) == (100, "5a77ec115542992a6e59dff7")
    assert run[0].query.metadata["answers"] == ["a spirit"]
    assert [d.title for d in run[0].documents if d.metadata["supporting"]] == ["Lilu (mythology)", "Alû"]
    assert run[0].documents[0].text == "".join(run[0].documents[0].metadata["sentences"])


def optional(**values):
    return st.fixed_dictionaries({}, optional=values)


TEXTS = st.sampled_from(["", "x", "\u2028é", "Paris"])
SCORES = st.one_of(st.integers(-3, 3), st.floats(-3, 3), st.sampled_from(["1.5", "2", None]))
PASSAGES = st.lists(
    optional(
        id=st.integers(0, 99), docid=TEXTS.filter(bool), score=SCORES, has_answer=st.booleans(), lang=TEXTS,
        title=st.none() | TEXTS, text=st.none() | TEXTS,
    ),
    max_size=3, unique_by=lambda passage: str(passage.get("id", passage.get("docid"))),
)  # fmt: skip
ANSWERS = st.one_of(TEXTS, st.none(), st.lists(TEXTS, max_size=2))
QUESTIONS = st.builds(
    lambda question, rest: {"question": question, **rest},
    st.sampled_from(["who?", " Vitamin D. "]),
    optional(
        answers=ANSWERS, answer=ANSWERS, golden_answers=ANSWERS, level=TEXTS, ctxs=st.none() | PASSAGES,
        contexts=PASSAGES, reranked_ctxs=st.none() | PASSAGES, query_id=st.none(),
    ),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(st.lists(QUESTIONS, min_size=1, max_size=3), st.booleans())
def test_what_was_read_is_written_back_as_it_was(tmp_path, questions, with_ids):
    records = [q | {"id": i} for i, q in enumerate(questions)] if with_ids else questions
    run = read(tmp_path, *records)
    assert written(tmp_path, run) == records
    if any("reranked_ctxs" in each for each in records):
        assert written(tmp_path, run, reranked=read_dpr(tmp_path / "q.jsonl", reranked=True)) == records


def test_a_changed_ranking_is_written_as_it_is_now_without_what_its_file_lacked(tmp_path):
    contexts = [{"docid": "a", "score": "2.5", "text": "x"}, {"docid": "b", "score": "1.5", "text": "y"}]
    [ranking] = read(tmp_path, {"question": "q?", "contexts": contexts})
    [record] = written(tmp_path, Run([ranking.reordered([1, 0])]))
    assert record == {
        "question": "q?",
        "contexts": [
            {"id": "b", "score": 2.0, "docid": "b", "text": "y"},
            {"id": "a", "score": 1.0, "docid": "a", "text": "x"},
        ],
    }
    assert read(tmp_path, record)[0].ids == ["b", "a"]


def test_a_question_under_another_id_is_written_with_it(tmp_path):
    run = read(tmp_path, {"question": "a", "answer": "x"}, {"question": "b", "answer": "y"})
    assert [r["query_id"] for r in written(tmp_path, run[1:])] == ["2"]


def test_whole_scores_stay_whole(tmp_path):
    contexts = [{"id": "a", "score": 3, "text": "x"}, {"id": "b", "score": 2.0, "text": "y"}]
    (tmp_path / "in.json").write_text(json.dumps([{"question": "q", "query_id": "1", "answers": [], "ctxs": contexts}]))
    write_dpr(read_dpr(tmp_path / "in.json"), tmp_path / "out.json")
    [found] = json.loads((tmp_path / "out.json").read_text())
    assert [(c["score"], type(c["score"])) for c in found["ctxs"]] == [(3, int), (2.0, float)]
