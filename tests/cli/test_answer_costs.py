"""What `rankify answer` says that its answers took: every prompt that a server was sent."""

import pytest

from tests.experiment.conftest import said, singer, songs_in


@pytest.mark.parametrize("reader", ["ircot:{}&steps=3", "basic:{}"])
def test_all_calls_of_the_server_are_said(serving, tmp_path, as_json, reader):
    def answer(body, _):
        prompt = body["messages"][-1]["content"]
        return said("[1] > [2] > [3]" if "Rank" in prompt else f"The singer is {singer(body)}.")

    served = serving(answer)
    model = f"http:m?base_url={served.url}"
    pipeline = f"bm25 % 5 >> rankgpt:{model} % 3 >> {reader.format(model)}"
    took = as_json("answer", pipeline, songs_in(tmp_path / "songs"), "-o", tmp_path / "a.jsonl")["took"]
    assert took["asked"] == len(served.bodies)
    assert took["prompt_tokens"] == 7 * len(served.bodies)
    assert took["generated_tokens"] == 2 * len(served.bodies)
