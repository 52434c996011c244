"""HotpotQA with a model that can read and cannot guess: it names what its prompt names, and no more."""

import json

from rankify.documents import Document
from rankify.types import Query
from tests.scripted_llm import Scripted


def collection(folder):
    """(passages, questions, {question id: ids of its supporting passages})."""
    texts = json.loads((folder / "hotpotqa_train_corpus.json").read_text("utf-8"))
    asked = json.loads((folder / "hotpotqa_train.json").read_text("utf-8"))
    passages = [Document(title, "".join(lines).strip(), title) for title, lines in texts.items()]
    questions = [Query(one["_id"], one["question"], {"answers": [one["answer"]]}) for one in asked]
    facts = {one["_id"]: list(dict.fromkeys(title for title, _ in one["supporting_facts"])) for one in asked}
    return passages, questions, facts


class Reading(Scripted):
    """Asks about a supporting passage that it is not shown, where the question or a passage that it is shown names it.

    It answers when it has seen them all, or has asked about all that are named.
    """

    def __init__(self, questions, facts):
        super().__init__(self._says)
        self.facts = {query.text.strip(): facts[query.id] for query in questions}

    def _says(self, prompt, _):
        shown, _, asked = prompt.rpartition("Question: ")
        shown = shown.rpartition("So the answer is: no.")[2]  # behind the example of the prompt
        question, _, thoughts = asked.partition("\nThought:")
        missing = [title for title in self.facts[question.strip()] if f"Wikipedia Title: {title}\n" not in shown]
        for title in missing:
            name = title.partition(" (")[0]
            if name.casefold() in f"{shown}{question}".casefold() and title not in thoughts:
                return f" What is known of {title}?"
        return " So the answer is: unknown." if missing else " So the answer is: known."
