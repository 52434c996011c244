"""`rankify migrate`, and reranking files of questions with passages."""

import json

import pytest

from rankify.io.trec import read_run

QUESTIONS = [
    {
        "question": "what is the capital of france", "answers": ["Paris"], "query_id": "a", "level": 3,
        "ctxs": [
            {"id": 2, "score": 9.5, "has_answer": False},
            {"id": 1, "score": "8.0", "has_answer": True, "lang": "en"},
        ],
    },
    {"question": "who?", "answers": ["x"], "ctxs": []},
]  # fmt: skip
TEXTS = "id\ttext\ttitle\n1\tthe capital of france is paris\tFrance\n2\ta dog\tDogs\n"


@pytest.fixture
def light(tmp_path):
    """A file of ids without texts, and the file of the texts."""
    (tmp_path / "light.json").write_text(json.dumps(QUESTIONS))
    (tmp_path / "passages.tsv").write_text(TEXTS)
    return tmp_path / "light.json"


def spec(folder):
    return f"embedding:{folder}?pooling=mean"


def test_one_model_is_its_spec_alone(rankify):
    assert rankify("migrate", "monot5:monot5-base-msmarco") == (0, "monot5:castorini/monot5-base-msmarco\n", "")


def test_a_long_spec_stays_on_one_line(rankify):
    code, out, _ = rankify("migrate", "incontext_reranker:llamav3.1-70b", "-q")
    assert (code, out.count("\n")) == (0, 1)
    assert out.startswith("icr:meta-llama/Llama-3.1-70B-Instruct?")
    assert out.endswith("assistant<|end_header_id|>\n")


def test_what_differs_is_said_beside_the_spec(rankify):
    code, out, err = rankify("migrate", "prp-api:gpt-4")
    assert (code, out) == (0, "prp:http:gpt-4o\n")
    assert "method=allpairs" in err


def test_a_method_is_a_table_of_its_models(rankify):
    code, out, _ = rankify("migrate", "transformer_ranker")
    assert code == 0
    assert "transformer_ranker:bge-reranker-base" in out
    assert "cross-encoder:BAAI/bge-reranker-base" in out
    assert "transformer_ranker:jina-reranker-tiny" in out


def test_a_name_without_a_spec_says_what_to_use_and_leaves_with_2(rankify):
    code, out, err = rankify("migrate", "diver-dense:m2")
    assert (code, out) == (2, "")
    assert "dense:nomic-ai/nomic-embed-text-v1" in err


def test_as_json_it_has_every_field(rankify):
    code, out, _ = rankify("migrate", "rankgpt-api:gpt-4", "--json")
    assert code == 0
    assert json.loads(out)["found"] == [
        {
            "kind": "reranker", "method": "rankgpt-api", "model": "gpt-4", "spec": "rankgpt:http:gpt-4o", "note": "",
            "error": "",
        }
    ]  # fmt: skip


def test_without_a_name_it_counts_what_each_method_has(rankify):
    rows = json.loads(rankify("migrate", "--json")[1])["methods"]
    [monot5] = [row for row in rows if row["was"] == "monot5"]
    assert monot5 == {"kind": "reranker", "was": "monot5", "names": 24, "with a spec": 24}


def test_a_name_that_never_was_is_misuse(rankify):
    code, _, err = rankify("migrate", "monot6")
    assert code == 2
    assert "did you mean 'monot5'" in err


def test_a_file_of_questions_is_reranked_and_otherwise_as_it_was(rankify, light, tiny_bert):
    code, _, err = rankify("rerank", spec(tiny_bert), light, "--corpus", "passages.tsv", "-o", "out.json")
    assert code == 0, err
    written = json.loads((light.parent / "out.json").read_text())
    reranked = written[0].pop("reranked_ctxs")
    assert written == QUESTIONS
    assert sorted(passage["id"] for passage in reranked) == [1, 2]
    assert {p["id"]: (p["has_answer"], p.get("lang")) for p in reranked} == {1: (True, "en"), 2: (False, None)}
    assert reranked[0]["score"] > reranked[1]["score"]


def test_its_run_is_written_as_trec_too(rankify, light, tiny_bert):
    assert rankify("rerank", spec(tiny_bert), light, "--corpus", "passages.tsv", "-o", "out.trec")[0] == 0
    assert sorted(read_run(light.parent / "out.trec")["a"].ids) == ["1", "2"]
    code, out, _ = rankify("evaluate", "out.trec", light, "-m", "Success@2", "--json")
    assert (code, json.loads(out)["measures"]) == (0, {"Success@2": 1.0})


def test_ids_without_texts_are_refused_with_what_is_needed(rankify, light, tiny_bert):
    code, _, err = rankify("rerank", spec(tiny_bert), light, "-o", "out.json")
    assert code == 1
    assert "ids without texts; give the file that has them: --corpus FILE" in err


def test_a_collection_without_rankings_needs_a_run(rankify, collection, tiny_bert):
    code, _, err = rankify("rerank", spec(tiny_bert), collection, "-o", "out.json")
    assert code == 2
    assert "--run RUN.trec" in err


def test_a_trec_run_is_written_as_questions_with_passages(rankify, collection, tiny_bert, tmp_path):
    assert rankify("search", "bm25", collection, "-o", "bm25.trec")[0] == 0
    words = ("rerank", spec(tiny_bert), collection, "--run", "bm25.trec", "-o", "out.jsonl")
    assert rankify(*words)[0] == 0
    first = json.loads((tmp_path / "out.jsonl").read_text("utf-8").splitlines()[0])
    assert (first["question"], [passage["id"] for passage in first["reranked_ctxs"]]) == ("licence to rank", ["007"])
