"""Instructions of tasks: each set has its source, each task is one that is known, and words pass as they are."""

import pytest

from rankify import catalog
from rankify.encoders.instructions import instruction_of, instructions
from rankify.errors import UnknownName

SETS = instructions()


@pytest.mark.parametrize("name", SETS)
def test_a_set_has_a_source_and_a_licence_and_tells_its_tasks_apart_by_dataset(name):
    one = SETS[name]
    assert set(one) == {"source", "licence", "tasks"}
    assert one["licence"] in {"MIT", "Apache-2.0"}
    assert "http" in one["source"]
    for task, words in one["tasks"].items():
        assert " " not in task
        assert words == words.strip()
        assert task in catalog.datasets() or task.partition("/")[0] in {"bright", "miracl"}


def test_every_collection_of_beir_that_is_public_has_an_instruction():
    """All but the four collections that may not be handed on; the parts of CQADupStack share one."""
    lacking = {"beir/bioasq", "beir/signal1m", "beir/trec-news", "beir/robust04"}
    known = {name for name in catalog.datasets() if name.startswith("beir/") and name.count("/") == 1}
    assert known - set(SETS["e5"]["tasks"]) == lacking


@pytest.mark.parametrize(
    ("asked", "tasks", "words"),
    [
        ("beir/nfcorpus", "", "Given a question, retrieve relevant documents that best answer the question"),
        (
            "beir/nfcorpus",
            "reason-embed",
            "Given a question, retrieve relevant documents that best answer the question",
        ),
        ("bright/pony", "", "Given a Pony question, retrieve relevant passages that help answer the question"),
        (
            "bright/pony",
            "reason-embed",
            "Given a Pony question, retrieve relevant passages that help answer the question.",
        ),
        ("Find the cat", "e5", "Find the cat"),
        ("", "e5", ""),
    ],
)
def test_a_tasks_words_are_those_of_the_models_set_or_else_of_another(asked, tasks, words):
    assert instruction_of(asked, tasks) == words


def test_an_unknown_task_names_near_ones():
    with pytest.raises(
        UnknownName, match="no task with an instruction 'bright/biologie'; did you mean 'bright/biology'"
    ):
        instruction_of("bright/biologie")
