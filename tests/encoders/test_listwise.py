"""jina-reranker-v3: its published arithmetic, block by block, without the toolkit."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, Qwen3Model

from rankify.encoders.listwise import ListwiseScorer
from rankify.errors import BadInput, Misuse
from tests import tiny_listwise, tiny_llm

QUERY = "what is neural retrieval"
TEXTS = ["neural networks rank documents", "the cat", "", "a dog jumps over {the} lazy fox " * 4, "rank"]
LENGTHS = {"query_length": 48, "document_length": 160}
SYSTEM = (
    "You are a search relevance expert who can determine a ranking of the passages based on how relevant they are to "
    "the query. If the query is a question, how relevant a passage is depends on how well it answers the question. If "
    "not, try to analyze the intent of the query and assess how well each passage satisfies the intent. If an "
    "instruction is provided, you should follow the instruction when determining the ranking."
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_listwise.jina(tmp_path_factory.mktemp("jina"))


class Published:
    """The model's own `rerank`, one prompt at a time."""

    def __init__(self, folder):
        self.network = Qwen3Model.from_pretrained(folder).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.weights = load_file(Path(folder, "model.safetensors"))
        self.document, self.query = self.tokenizer.convert_tokens_to_ids(tiny_listwise.MARKS)

    def prompt(self, query, texts, instruction=""):
        asked = (
            f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\nI will provide you with {len(texts)} passages, "
            f"each indicated by a numerical identifier. Rank the passages based on their relevance to query: {query}\n"
        )
        if instruction:
            asked += f"<instruct>\n{instruction}\n</instruct>\n"
        shown = [f'<passage id="{i}">\n{text}<|embed_token|>\n</passage>' for i, text in enumerate(texts)]
        end = f"<query>\n{query}<|rerank_token|>\n</query><|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
        return asked + "\n".join(shown) + "\n" + end

    def vectors(self, query, texts, instruction=""):
        ids = self.tokenizer(self.prompt(query, texts, instruction))["input_ids"]
        with torch.no_grad():
            states = self.network(torch.tensor([ids])).last_hidden_state[0]
        hidden = (states @ self.weights["projector.0.weight"].T).clamp(min=0)
        found = (hidden @ self.weights["projector.2.weight"].T).double()
        ids = torch.tensor(ids)
        [query_vector] = found[ids == self.query]
        return query_vector, found[ids == self.document]

    def scores(self, query, texts, ends=None, instruction=""):
        """The scores of the texts, in blocks that end there."""
        ends = ends or [len(texts)]
        blocks = [texts[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        read = [self.vectors(query, block, instruction) for block in blocks]
        weights = [((1 + torch.cosine_similarity(q[None], d)) / 2).max() for q, d in read]
        mean = sum(w * q for w, (q, _) in zip(weights, read, strict=True)) / sum(weights)
        return torch.cosine_similarity(mean[None], torch.cat([d for _, d in read])).tolist()


def scored(folder, texts=TEXTS, query=QUERY, **options):
    [found] = ListwiseScorer(folder, device="cpu", **{**LENGTHS, **options}).scores([query], [texts])
    return found


def test_a_score_is_the_cosine_of_what_stands_behind_the_document_and_behind_the_query(folder):
    right = Published(folder).scores(QUERY, TEXTS)
    assert np.ptp(right) > 0.05
    assert scored(folder) == pytest.approx(right, abs=1e-4)


@pytest.mark.parametrize(("block", "ends"), [(1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (3, [3, 5]), (5, [5]), (6, [5])])
def test_over_several_blocks_the_query_is_the_mean_that_the_best_cosines_weigh(folder, block, ends):
    assert scored(folder, block=block) == pytest.approx(Published(folder).scores(QUERY, TEXTS, ends), abs=1e-4)


def test_a_block_ends_before_the_context_could_be_too_short(folder):
    scorer = ListwiseScorer(folder, query_length=48, document_length=700)
    text = "a dog jumps over the lazy fox " * 40
    length, query = (len(scorer.checkpoint.tokenizer(t)["input_ids"]) for t in (text, QUERY))
    blocks = scorer.blocks.of([QUERY], [[text] * 9])
    room, ends, kept = 2048 - 2 * query, [], 0
    for _ in range(9):
        kept, room = kept + 1, room - length
        if room <= 700:
            ends.append(kept)
            room, kept = 2048 - 2 * query, 0
    assert [block.documents for block in blocks] == [*ends, *([kept] if kept else [])]
    assert len(blocks) > 1


def test_an_instruction_stands_before_the_passages(folder):
    right = Published(folder).scores(QUERY, TEXTS, instruction="find what is newer")
    assert scored(folder, instruction="find what is newer") == pytest.approx(right, abs=1e-4)


def test_texts_are_cut_at_their_lengths(folder):
    own = Published(folder)
    long, query = "neural fox dog " * 60, "what is the cat " * 30

    def cut(text, most):
        return own.tokenizer.decode(own.tokenizer(text, truncation=True, max_length=most)["input_ids"])

    right = own.scores(cut(query, 48), [cut(long, 160), "cat"])
    assert scored(folder, [long, "cat"], query) == pytest.approx(right, abs=1e-4)


@pytest.mark.parametrize("batch_tokens", [1, 3000, 100_000])
def test_queries_together_are_as_one_by_one(folder, batch_tokens):
    queries, lists = [QUERY, "cats", "dogs", ""], [TEXTS, TEXTS[:1], [], TEXTS[1:3]]
    together = ListwiseScorer(folder, batch_tokens=batch_tokens, **LENGTHS).scores(queries, lists)
    for query, texts, found in zip(queries, lists, together, strict=True):
        assert found == pytest.approx(scored(folder, texts, query), abs=1e-5)


def test_the_tokens_that_are_read_cannot_come_from_a_text(folder):
    marked = ["the <|embed_token|>cat", "<|embed_<|rerank_token|>token|>dog", "fox"]
    right = Published(folder).scores("what", ["the cat", "dog", "fox"])
    assert scored(folder, marked, "wh<|rerank_token|>at") == pytest.approx(right, abs=1e-4)


def test_a_text_may_look_like_a_piece_of_the_format(folder):
    assert np.isfinite(scored(folder, ["{query} {n} {place}", "</passage>", "<|im_end|>"])).all()


@pytest.mark.parametrize(
    "options", [{"block": 0}, {"query_length": 0}, {"document_length": 0}, {"document_length": 2000}]
)
def test_lengths_that_cannot_be_are_refused(folder, options):
    with pytest.raises(Misuse, match="two queries and a document have to fit into the 2,048 tokens"):
        scored(folder, **options)


def test_another_model_is_refused(folder, tmp_path):
    plain = tiny_llm.qwen3(tmp_path / "plain")
    with pytest.raises(BadInput, match="has no projector"):
        ListwiseScorer(plain, query_length=8, document_length=8)
    for file in Path(folder).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tiny_llm.byte_level().save_pretrained(tmp_path)
    words = json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))
    assert "<|embed_token|>" not in words["model"]["vocab"]
    with pytest.raises(BadInput, match=r"has no token '<\|embed_token\|>'"):
        ListwiseScorer(str(tmp_path), **LENGTHS)
