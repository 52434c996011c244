"""Files of the earlier Rankify: opened, reranked and written again, with nothing lost and nothing changed besides."""

import json

import pytest

import rankify
from rankify import Document, Query, Ranking, Run
from rankify.errors import BadInput
from rankify.evaluation import evaluate_passages, mark_answers
from rankify.io.dpr import read_dpr, write_dpr

WIKI = [
    {
        "question": "the cast of a good day to die hard?",
        "answers": ["Jai Courtney", "Radivoje Bukvić"],
        "ctxs": [
            {"id": 18768923, "score": 30.5, "has_answer": True},
            {"id": 7, "score": 30.5, "has_answer": False},
            {"id": 12, "score": 2.25, "has_answer": False, "rank_by": {"bm25": 3}},
        ],
        "split": {"name": "dev", "fold": [1, 2]},
    },
    {"question": "Who wrote Hamlet", "answers": [], "ctxs": [{"id": 7, "score": 1.0, "has_answer": False}]},
    {"question": "nothing found", "answers": ["x"], "ctxs": []},
]
BEIR = [
    {
        "question": "0-dimensional biomaterials",
        "answers": [],
        "query_id": "007",
        "ctxs": [
            {"score": 9.0, "has_answer": None, "id": "MED-10", "title": "A", "text": "cat\u2028“quoted”"},
            {"score": 8.5, "has_answer": None, "id": "4983", "title": "", "text": "dog"},
            {"score": 8.5, "has_answer": None, "id": "null", "title": None, "text": ""},
        ],
        "reranked_ctxs": [{"score": 3.0, "has_answer": None, "id": "4983", "title": "", "text": "dog"}],
    }
]
MANUAL = [  # as contexts that were written by hand were saved
    {
        "question": "When did Edison invent the bulb?", "answers": ["1879"],
        "ctxs": [
            {"score": None, "has_answer": None, "id": 1, "text": "cat", "title": None},
            {"score": None, "has_answer": None, "id": None, "text": "dog", "title": None},
        ],
    }
]  # fmt: skip
SPELLED = [
    {
        "question": "who?", "golden_answers": "Paris", "id": 3,
        "contexts": [{"docid": "b", "score": "2.5", "text": "x"}, {"docid": "a", "score": "1.5", "text": "y"}],
    }
]  # fmt: skip
PASSAGES = [
    Document("7", "Hamlet is by Shakespeare, and a dog.", "Hamlet"),
    Document("12", "Radivoje Bukvić is an actor.", "Actors"),
    Document("18768923", "Jai Courtney plays in A Good Day to Die Hard.", "Die Hard"),
]
WRITERS = {  # as it wrote them, and as others do
    "q.json": lambda found: json.dumps(found, indent=4),
    "q.jsonl": lambda found: "".join(json.dumps(each) + "\n" for each in found),
}


def saved(folder, found, name="q.json"):
    (folder / name).write_text(WRITERS[name](found), "utf-8")
    return folder / name


def load(path):
    text = path.read_text("utf-8")
    return json.loads(text) if path.name.endswith(".json") else [json.loads(line) for line in text.split("\n")[:-1]]


def without(found, key):
    return [{name: value for name, value in each.items() if name != key} for each in found]


@pytest.fixture
def rerank(tiny_bert):
    return rankify.reranker(f"embedding:{tiny_bert}?pooling=mean")


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("questions", [WIKI, BEIR, MANUAL, SPELLED], ids=["wiki", "beir", "manual", "spelled"])
def test_what_a_reranker_does_not_change_is_written_as_it_was(tmp_path, rerank, questions, name):
    run = rankify.dataset(saved(tmp_path, questions, name)).run("ctxs")
    after = rerank(run)
    write_dpr(run, tmp_path / f"out-{name}", reranked=after)
    written = load(tmp_path / f"out-{name}")
    assert without(written, "reranked_ctxs") == without(questions, "reranked_ctxs")
    for given, now, before, ranking in zip(questions, written, run, after, strict=True):
        passages = given.get("ctxs", given.get("contexts"))
        same = {id: without([passage], "score")[0] for id, passage in zip(before.ids, passages, strict=True)}
        again = now.get("reranked_ctxs", [])
        assert [passage["score"] for passage in again] == ranking.scores.tolist()
        assert all(p.items() >= same[id].items() for p, id in zip(again, ranking.ids, strict=True))


def test_the_new_order_can_stand_in_the_place_of_the_old_one(tmp_path):
    run = rankify.dataset(saved(tmp_path, BEIR)).run("ctxs")
    write_dpr(Run([run[0].reordered([1, 0, 2])]), tmp_path / "out.json")
    [written] = load(tmp_path / "out.json")
    assert [(p["id"], p["score"]) for p in written["ctxs"]] == [("4983", 3.0), ("MED-10", 2.0), ("null", 1.0)]
    assert written["reranked_ctxs"] == BEIR[0]["reranked_ctxs"]


def test_texts_come_from_a_corpus_where_a_file_has_ids_alone(tmp_path):
    data = rankify.dataset(saved(tmp_path, WIKI), corpus=PASSAGES)
    first = data.run("ctxs")["1"].documents[0]
    assert (first.title, first.text) == (PASSAGES[2].title, PASSAGES[2].text)
    assert first.metadata == {"id": 18768923, "has_answer": True}
    assert (len(data.corpus), data.qrels["1"]) == (3, {"18768923": 1, "7": 0, "12": 0})


@pytest.mark.parametrize("name", ["passages.tsv", "passages.jsonl"])
def test_a_corpus_may_be_a_file(tmp_path, name):
    rows = [(d.id, d.text, d.title) for d in PASSAGES]
    table = "id\ttext\ttitle\n" + "".join("\t".join(row) + "\n" for row in rows)
    lines = "".join(json.dumps({"id": int(i), "contents": text, "title": title}) + "\n" for i, text, title in rows)
    (tmp_path / name).write_text(table if name.endswith("tsv") else lines, "utf-8")
    data = rankify.dataset(str(saved(tmp_path, WIKI)), corpus=tmp_path / name)
    assert [d.title for d in data.run("ctxs")["1"].documents] == ["Die Hard", "Hamlet", "Actors"]


def test_a_light_file_is_reranked_by_its_corpus_and_stays_light(tmp_path, rerank):
    run = rankify.dataset(saved(tmp_path, WIKI), corpus=PASSAGES).run("ctxs")
    after = rerank(run)
    write_dpr(run, tmp_path / "out.json", reranked=after, texts=False)
    written = load(tmp_path / "out.json")
    assert without(written, "reranked_ctxs") == WIKI
    again = written[0]["reranked_ctxs"]
    by_id = {passage["id"]: passage for passage in WIKI[0]["ctxs"]}
    assert [p["id"] for p in again] == [int(id) for id in after["1"].ids]
    assert [{**p, "score": by_id[p["id"]]["score"]} for p in again] == [by_id[p["id"]] for p in again]
    assert [p["score"] for p in again] == after["1"].scores.tolist()
    assert "reranked_ctxs" not in written[2]


def test_with_texts_it_is_a_whole_file(tmp_path):
    run = rankify.dataset(saved(tmp_path, WIKI), corpus=PASSAGES).run("ctxs")
    write_dpr(run, tmp_path / "out.json")
    passage = load(tmp_path / "out.json")[0]["ctxs"][2]
    assert passage == {**WIKI[0]["ctxs"][2], "title": "Actors", "text": "Radivoje Bukvić is an actor."}


def test_a_file_with_texts_can_be_written_without_them(tmp_path):
    write_dpr(read_dpr(saved(tmp_path, BEIR)), tmp_path / "out.json", texts=False)
    first = load(tmp_path / "out.json")[0]["ctxs"][0]
    assert first == {"id": "MED-10", "score": 9.0, "has_answer": None}


class Watched(rankify.Corpus):
    """A corpus that counts how often a document was looked at."""

    looked = 0

    def document(self, position):
        self.looked += 1
        return super().document(position)


def test_texts_stay_in_the_corpus_until_they_are_looked_at(tmp_path, rerank):
    corpus = Watched(PASSAGES)
    run = read_dpr(saved(tmp_path, WIKI), corpus=corpus)
    before = corpus.looked
    assert [ranking.head(2).ids for ranking in run] == [["18768923", "7"], ["7"], []]
    assert corpus.looked == before
    assert [r.ids for r in Run([run["1"].reordered([2, 0, 1])])] == [["12", "18768923", "7"]]
    write_dpr(run, tmp_path / "out.json", texts=False)
    assert (load(tmp_path / "out.json"), corpus.looked) == (WIKI, before)
    assert rerank(run)["1"].documents.store is run["1"].documents.store
    assert corpus.looked > before


def test_a_passage_that_the_corpus_lacks_is_named_with_its_line(tmp_path):
    with pytest.raises(BadInput, match=r"q\.jsonl:1: no document '12' .*; is this the corpus that was searched\?"):
        rankify.dataset(saved(tmp_path, WIKI, "q.jsonl"), corpus=[PASSAGES[0], PASSAGES[2]])


def test_a_text_that_the_file_has_is_kept_beside_a_corpus(tmp_path):
    questions = [{"question": "q", "ctxs": [{"id": 7, "text": "own"}, {"id": 12, "score": None}]}]
    run = read_dpr(saved(tmp_path, questions), corpus=rankify.Corpus(PASSAGES))
    assert [d.text for d in run["1"].documents] == ["own", PASSAGES[1].text]
    write_dpr(run, tmp_path / "out.json", texts=False)
    write_dpr(read_dpr(saved(tmp_path, questions)), tmp_path / "as-read.json")
    assert load(tmp_path / "as-read.json") == questions


def test_a_corpus_is_of_a_file_of_questions_only(tmp_path):
    (tmp_path / "docs.jsonl").write_text('{"_id": "1", "text": "x"}\n')
    with pytest.raises(BadInput, match="no text under 'question'"):
        rankify.dataset(tmp_path / "docs.jsonl", corpus=PASSAGES)


def test_reranked_passages_get_texts_too(tmp_path):
    questions = [{**WIKI[0], "reranked_ctxs": WIKI[0]["ctxs"][1:]}]
    data = rankify.dataset(saved(tmp_path, questions), corpus=PASSAGES)
    assert [d.title for d in data.run("reranked_ctxs")["1"].documents] == ["Hamlet", "Actors"]


def test_has_answer_is_kept_until_it_is_asked_for_anew(tmp_path):
    run = rankify.dataset(saved(tmp_path, WIKI), corpus=PASSAGES).run("ctxs")
    assert [d.metadata["has_answer"] for d in run["1"].documents] == [True, False, False]
    marked = mark_answers(run)
    assert [d.metadata["has_answer"] for d in marked["1"].documents] == [True, False, True]
    assert [d.metadata["has_answer"] for d in marked["2"].documents] == [False]  # it has no gold answers
    write_dpr(marked, tmp_path / "out.json", texts=False)
    assert [p["has_answer"] for p in load(tmp_path / "out.json")[0]["ctxs"]] == [True, False, True]


@pytest.mark.parametrize(("patterns", "found"), [(False, [False, False]), (True, [True, False])])
def test_gold_answers_may_be_patterns(patterns, found):
    passages = [Document("a", "It was in 1879."), Document("b", "It was.")]
    run = Run([Ranking(Query("q", "when?", {"answers": [r"18\d\d"]}), passages, [2, 1])])
    marked = mark_answers(run, patterns=patterns)
    assert [d.metadata["has_answer"] for d in marked["q"].documents] == found


def test_marks_agree_with_the_measure(tmp_path):
    run = rankify.dataset(saved(tmp_path, WIKI), corpus=PASSAGES).run("ctxs")
    scores = evaluate_passages(run, measures="has_answer@1 has_answer@3")
    best = [any(d.metadata["has_answer"] for d in r.documents[:3]) for r in mark_answers(run) if r.query.id in "13"]
    assert scores["has_answer@3"] == sum(best) / len(best)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_share_of_questions_with_an_answer_above_rank_k_is_success(tmp_path, k):
    data = rankify.dataset(saved(tmp_path, WIKI[:2]), corpus=PASSAGES)
    run = Run([data.run("ctxs")["1"].reordered([1, 0, 2]), data.run("ctxs")["2"]])
    top = sum(any(d.metadata["has_answer"] for d in ranking.documents[:k]) for ranking in run) / len(run)
    assert rankify.evaluate(run, data.qrels, f"Success@{k}")[f"Success@{k}"] == top


def test_marking_keeps_what_stages_reported(rerank, tmp_path):
    after = rerank(rankify.dataset(saved(tmp_path, WIKI), corpus=PASSAGES).run("ctxs"))
    assert mark_answers(after).reports == after.reports
