"""A scripted judge for RAGAS's measures, and an answer that it judges."""

import json
import re
from math import isnan
from typing import ClassVar

import numpy as np

from rankify.documents import Document
from rankify.evaluation.ragas import evaluate_ragas
from rankify.prompts.template import names, template
from rankify.types import Answer, Query
from tests.scripted_llm import Scripted

PROMPTS = {name: template(name).messages[0]["user"].partition("\n")[0] for name in names() if name.startswith("ragas-")}


def parted(prompt):
    """Which prompt it is, and what it is about."""
    [name] = [name for name, first in PROMPTS.items() if prompt.startswith(first)]
    return name.removeprefix("ragas-"), json.loads(prompt.rpartition("\ninput: ")[2].removesuffix("\nOutput: "))


class World:
    """A judge that takes sentences for statements; one follows from a text whose words it shares.

    Args:
        other: replies by prompt, each a text, an object, or a function of what the prompt is about.
    """

    def __init__(self, **other):
        self.other = other

    def __call__(self, prompt, number):
        name, about = parted(prompt)
        reply = self.other.get(name.replace("-", "_"), getattr(self, name.replace("-", "_"), None))
        reply = reply(about, number) if callable(reply) else reply
        return reply if isinstance(reply, str) else f"Here it is: {json.dumps(reply)} Is that fine?"

    @staticmethod
    def sentences(text):
        return [sentence.strip() for sentence in text.split(".") if sentence.strip()]

    @staticmethod
    def follows(statement, text):
        return int({*statement.lower().split()} <= {*re.findall(r"\w+", text.lower())})

    def statements(self, about, _):
        return {"statements": self.sentences(about["answer"])}

    def claims(self, about, _):
        return {"claims": self.sentences(about["response"])}

    def verdicts(self, about, _):
        given, text = about["statements"], about["context"]
        return {"statements": [{"statement": s, "reason": "", "verdict": self.follows(s, text)} for s in given]}

    def useful(self, about, _):
        return {"reason": "", "verdict": int(about["answer"].strip(".").lower() in about["context"].lower())}

    def attributed(self, about, _):
        found = self.sentences(about["answer"])
        return {"classifications": [{"attributed": self.follows(s, about["context"])} for s in found]}

    def entities(self, about, _):
        return {"entities": re.findall(r"[A-Z]\w+", about["text"])}

    def agreement(self, about, _):
        ours, theirs = about["answer"], about["ground_truth"]
        return {
            "TP": [s for s in ours if s in theirs],
            "FP": [s for s in ours if s not in theirs],
            "FN": [s for s in theirs if s not in ours],
        }

    def question(self, about, number):
        return {"question": f"q{number}", "noncommittal": 0}


class Encoder:
    """Vectors of known angles; counts what it is asked."""

    ANGLES: ClassVar = {"Who?": 0, "q0": 0, "q1": 60, "q2": 90, "q3": 90, "q4": 90}

    def __init__(self):
        self.asked = []

    def encode_queries(self, texts):
        self.asked.append(list(texts))
        turns = np.radians([self.ANGLES[text] for text in texts])
        return np.stack([np.cos(turns), np.sin(turns)], 1) * 3

    def encode_documents(self, documents):
        self.asked.append([d.text for d in documents])
        return np.array(
            [[3.0, 4.0] if "purr" in d.text else [0.0, 0.0] if not d.text else [1.0, 0.0] for d in documents]
        )


def answer(
    text="cats purr. cats bark.", *contexts, id="q", gold=("cats purr. cats sleep. dogs dig.",), question="Who?"
):
    documents = tuple(Document(f"d{n}", one) for n, one in enumerate(contexts or ("all cats purr", "a dog can dig")))
    query = Query(id, question, {"answers": list(gold)} if gold else {})
    return Answer(query=query, text=text, contexts=documents)


def measured(name, one=None, llm=None, **options):
    found = evaluate_ragas([one or answer()], llm or Scripted(World()), name, encoder=Encoder(), **options)
    return found.per_query[name]["q"]


def reason(name, one=None, llm=None, **options):
    found = evaluate_ragas([one or answer()], llm or Scripted(World()), name, encoder=Encoder(), **options)
    assert isnan(found.per_query[name]["q"])
    assert isnan(found[name])
    return found.reasons[name]["q"]
