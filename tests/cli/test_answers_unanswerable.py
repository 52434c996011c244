"""Questions that no document answers, in a collection that judges the others."""

import json

from tests.experiment.conftest import songs_in


def test_they_are_answered_and_count_with_and_without_the_collection(tmp_path, as_json):
    songs = songs_in(tmp_path / "songs")
    before = [json.loads(line) for line in (songs / "queries.jsonl").read_text().splitlines()]
    with (songs / "queries.jsonl").open("a") as file:
        file.write(json.dumps({"_id": "none", "text": "who sang the song of none", "answers": []}) + "\n")
    file = tmp_path / "a.jsonl"
    assert as_json("answer", "bm25 % 3 >> extractive", songs, "-o", file)["questions"] == len(before) + 1
    alone = as_json("evaluate", file, "-m", "EM F1", "--per-query")
    with_collection = as_json("evaluate", file, songs, "-m", "EM F1", "--per-query")
    assert alone["measures"] == with_collection["measures"]
    assert with_collection["queries"] == len(before) + 1
