"""Methods that ask once: the published prompts word for word; FiD against transformers' own T5."""

import pytest
import torch

from rankify.errors import Misuse
from rankify.llm.hf import HF
from rankify.rag.methods.once import basic, fid, in_context_ralm, zero_shot
from rankify.types import Run
from tests import tiny_llm
from tests.rag.reading import ranking
from tests.scripted_llm import Scripted

WHO = ranking("Who sang Lola?", "Lola: Ann sang it.", "Bob wrote it.")


def turns(llm):
    return [(m.role, m.content) for m in llm.prompts[-1].messages]


ONLY = "Only give me the answer and do not output any other words."


def test_basic_asks_as_flashrag_does():
    llm = Scripted(lambda *_: "Ann")
    basic(llm)(Run([WHO]))
    documents = "Doc 1(Title: Lola) Ann sang it.\nDoc 2 Bob wrote it.\n"
    told = f"Answer the question based on the given document.{ONLY}\nThe following are given documents.\n\n{documents}"
    assert turns(llm) == [("system", told), ("user", "Question: Who sang Lola?")]
    assert llm.most == [32]


def test_zero_shot_asks_as_flashrag_does():
    llm = Scripted(lambda *_: "Ann")
    zero_shot(llm)(Run([WHO]))
    told = f"Answer the question based on your own knowledge. {ONLY}"
    assert turns(llm) == [("system", told), ("user", "Question: Who sang Lola?")]


@pytest.mark.parametrize(
    ("texts", "prompt"),
    [
        (["Ann: She."], "Ann\n\nShe.\n\nBased on this text, answer these questions:\nQ: who sang Lola?\nA:"),
        (["A.", "B."], "A.\n\nB.\n\nBased on these texts, answer these questions:\nQ: who sang Lola?\nA:"),
        ([], "Answer these questions:\nQ: who sang Lola?\nA:"),
    ],
)  # fmt: skip
def test_in_context_ralm_asks_as_published(texts, prompt):
    llm = Scripted(lambda *_: " Ann\nQ: more?")
    [answer] = in_context_ralm(llm)(Run([ranking("Who sang Lola", *texts)]))
    assert llm.asked == [prompt]
    assert (answer.text, llm.most, llm.prompts[0].stop) == ("Ann", [10], ("\n",))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_llm.t5(tmp_path_factory.mktemp("t5"))


@pytest.fixture(scope="module")
def reader(folder):
    return fid(HF(folder, device="cpu"), max_tokens=8)


def answered(reader, *rankings):
    return [answer.text for answer in reader(Run(rankings))]


def test_fid_of_one_passage_is_plain_t5(reader, folder):
    one = ranking("who sang?", "Lola: the cat sang it")
    plain = tiny_llm.Plain(folder)
    inputs = plain.tokenizer("question: who sang? title: Lola context: the cat sang it", return_tensors="pt")
    with torch.inference_mode():
        [written] = plain.network.generate(**inputs, max_new_tokens=8, do_sample=False)
    assert answered(reader, one) == [plain.tokenizer.decode(written, skip_special_tokens=True).strip()]


def test_the_order_of_fids_passages_does_not_matter_and_questions_go_together(reader):
    texts = ["Lola: the cat sang it", "a dog and a rank", "neural retrieval for cats"]
    runs = [
        ranking("who sang?", *texts, id="a"),
        ranking("who sang?", *reversed(texts), id="b"),
        ranking("what?", "x", id="c"),
    ]
    together = answered(reader, *runs)
    assert together[0] == together[1]
    assert together == [answered(reader, one)[0] for one in runs]


def test_brackets_in_an_answer_from_no_documents_are_no_citations():
    for method in (zero_shot, basic):
        [answer] = method(Scripted(lambda *_: "int[10]"))(Run([WHO]))
        assert answer.usage.get("cited_unknown", 0) == (method is basic)


def test_fid_needs_an_encoder():
    with pytest.raises(Misuse, match="fid wants hf: and a T5"):
        fid(Scripted())
