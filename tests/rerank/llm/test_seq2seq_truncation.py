"""How T5 rerankers cut what is too long: the cue stays, or, as published, the first tokens are read."""

import pytest

from rankify import registry
from rankify.llm.hf import HF
from rankify.llm.simulated import Simulated
from rankify.rerank.llm.judge import Question
from rankify.types import Run
from tests.rerank.llm.formulas import QUERY, ranking, reranker, words
from tests.rerank.llm.test_seq2seq import DUO, LENGTH_OF, TEXT_OF, first, formula, likely, plain, t5

__all__ = ["plain", "t5"]

CUED = ["monot5", "inranker", "twolar"]
SIZES = [(5, 900), (5, 480), (5, 495), (5, 499), (5, 500), (5, 501), (5, 510), (5, 3), (90, 900), (300, 900)]


class Recording(HF):
    """Keeps what it is asked."""

    def choose(self, prompts, choices, *, top=None):
        self.asked = [*getattr(self, "asked", []), *prompts]
        return super().choose(prompts, choices, top=top)


def shown(t5, name, query, texts, **options):
    """The prompts about some texts, what they count, and the scores of the documents."""
    own = {o: v for o, v in options.items() if o != "max_length"}
    llm = Recording(t5, device="cpu", **{o: v for o, v in options.items() if o == "max_length"})
    make = registry.find("reranker", name)(llm, **own)
    [after] = make(Run([ranking(texts, query)]))
    found = dict(zip(after.ids, after.scores.tolist(), strict=True))
    return llm.asked, make.counts(), [found[str(i)] for i in range(len(texts))]


@pytest.mark.parametrize("name", CUED)
@pytest.mark.parametrize(("of_query", "of_document"), SIZES)
def test_a_document_has_what_the_query_leaves_and_the_cue_stays(t5, plain, name, of_query, of_document):
    query, text = words(of_query, 1), words(of_document, 2)
    [prompt], counts, [score] = shown(t5, name, query, [text])
    room = LENGTH_OF[name] - len(plain.tokenizer(TEXT_OF[name].format(query, "")).input_ids)
    whole = len(plain.bare(text)) <= room
    kept = text if whole else first(plain, text, room)
    assert prompt.text == TEXT_OF[name].format(query, kept)
    read = plain.tokenizer(prompt.text).input_ids
    assert len(read) == LENGTH_OF[name] or (whole and len(read) < LENGTH_OF[name])
    assert plain.tokenizer.convert_ids_to_tokens(read)[-3:] == ["▁Relevant", ":", "</s>"]
    assert counts["truncated"] == (not whole)
    assert score == pytest.approx(formula(name, plain, prompt.text), abs=1e-4)


@pytest.mark.parametrize("name", CUED)
@pytest.mark.parametrize(("of_query", "of_document"), [*SIZES, (600, 3)])
def test_as_published_the_first_tokens_are_read(t5, plain, name, of_query, of_document):
    query, text = words(of_query, 1), words(of_document, 2)
    [prompt], counts, [score] = shown(t5, name, query, [text], cut="published")
    assert prompt.text == TEXT_OF[name].format(query, text)
    assert score == pytest.approx(formula(name, plain, prompt.text, LENGTH_OF[name]), abs=1e-4)
    assert counts["truncated"] == (len(plain.tokenizer(prompt.text).input_ids) > LENGTH_OF[name])


@pytest.mark.parametrize("length", [512, 256])
@pytest.mark.parametrize("size", [3, 240, 480, 503, 504, 505, 506, 507, 900])
def test_rankt5_reads_the_first_tokens(t5, plain, size, length):
    text = words(size, 2)
    [prompt], counts, [score] = shown(t5, "rankt5", QUERY, [text], length=length)
    assert prompt.text == f"Query: {QUERY} Document: {text}"
    assert score == pytest.approx(formula("rankt5", plain, prompt.text, length), abs=1e-4)
    assert counts["truncated"] == (len(plain.tokenizer(prompt.text).input_ids) > length)


@pytest.mark.parametrize("sizes", [(300, 300), (900, 900), (900, 3), (3, 900), (240, 260), (3, 4)])
@pytest.mark.parametrize("of_query", [3, 60, 300])
def test_two_documents_have_the_same_room_however_short_the_other_is(t5, plain, sizes, of_query):
    query, texts = words(of_query, 1), [words(n, n) for n in sizes]
    prompts, counts, _ = shown(t5, "duot5", query, texts)
    room = (512 - len(plain.tokenizer(DUO.format(query, "", "")).input_ids)) // 2
    kept = [text if len(plain.bare(text)) <= room else first(plain, text, room) for text in texts]
    assert [prompt.text for prompt in prompts] == [DUO.format(query, *kept), DUO.format(query, *kept[::-1])]
    assert all(len(plain.tokenizer(prompt.text).input_ids) <= 512 for prompt in prompts)
    assert counts["truncated"] == 2 * sum(now != before for now, before in zip(kept, texts, strict=True))


@pytest.mark.parametrize("sizes", [(300, 300), (900, 900), (900, 3), (3, 900), (3, 4)])
def test_as_published_long_documents_hide_the_second_one(t5, plain, sizes):
    texts = [words(n, n) for n in sizes]
    prompts, counts, _ = shown(t5, "duot5", QUERY, texts, cut="published")
    whole = [DUO.format(QUERY, *pair) for pair in (texts, texts[::-1])]
    assert [prompt.text for prompt in prompts] == whole
    judge, before = reranker("duot5?cut=published", t5).plan.judge, ranking(texts)
    said = judge([Question(before.query, list(before.documents)[::step]) for step in (1, -1)])
    right = [likely(plain, text, 512) for text in whole]
    assert [judgment.scores[0] for judgment in said] == pytest.approx(right, abs=1e-4)
    assert counts["truncated"] == sum(len(plain.tokenizer(text).input_ids) > 512 for text in whole)


@pytest.mark.parametrize("name", [*CUED, "duot5"])
@pytest.mark.parametrize("of_query", [440, 500, 700, 3000])
def test_a_query_that_leaves_documents_no_room_loses_its_end(t5, plain, name, of_query):
    query, texts = words(of_query, 1), [words(900, 2), words(900, 3)]
    prompts, counts, _ = shown(t5, name, query, texts)
    asked = {"duot5": DUO}.get(name, TEXT_OF.get(name))
    shows = 2 if name == "duot5" else 1
    least = LENGTH_OF[name] // 8
    words_of = len(plain.tokenizer(asked.format(*[""] * (shows + 1))).input_ids)
    most = LENGTH_OF[name] - words_of - shows * least
    kept = query if len(plain.bare(query)) <= most else first(plain, query, most)
    for prompt in prompts:
        assert prompt.text.startswith(f"Query: {kept} Document")
        assert prompt.text.rstrip().endswith(" Relevant:")
        assert len(plain.tokenizer(prompt.text).input_ids) <= LENGTH_OF[name]
        for text in texts:
            assert shows == 1 or first(plain, text, least - 1) in prompt.text
    assert counts["truncated"] == len(prompts) * (shows + (kept != query))


@pytest.mark.parametrize("options", [{"length": 128}, {"max_length": 128}, {"length": 128, "max_length": 512}], ids=str)
def test_the_length_is_an_option_and_no_more_than_the_model_reads(t5, plain, options):
    [prompt], _, _ = shown(t5, "monot5", QUERY, [words(900, 2)], **options)
    assert len(plain.tokenizer(prompt.text).input_ids) == 128
    [prompt], _, [score] = shown(t5, "monot5", QUERY, [words(900, 2)], cut="published", **options)
    assert score == pytest.approx(formula("monot5", plain, prompt.text, 128), abs=1e-4)


@pytest.mark.parametrize("text", ["rankrankretrieval" * 300, "[a]b" * 600, "x" * 4000, "<extra_id_5> [3] </s>" * 200])
@pytest.mark.parametrize("name", ["monot5", "duot5"])
def test_texts_that_no_blank_divides_fit_too(t5, plain, name, text):
    """Their beginning, cut within a word, may be read in other tokens than the whole text began with."""
    prompts, counts, _ = shown(t5, name, "what is it", [text, f"{text} and more"])
    for prompt in prompts:
        assert 440 < len(plain.tokenizer(prompt.text).input_ids) <= 512
        assert prompt.text.endswith(" Relevant:")
    assert counts["truncated"] == sum(len(prompt.shown.documents) for prompt in prompts)


@pytest.mark.parametrize("options", [{}, {"cut": "published"}], ids=str)
@pytest.mark.parametrize("name", ["monot5", "duot5"])
def test_a_prompt_is_cut_as_if_it_were_alone(t5, name, options):
    run = Run(
        ranking([words(n, n) for n in sizes], words(q, q), id=f"q{q}")
        for q, sizes in ((3, (900, 2)), (200, (40, 700)), (480, (30, 300)))
    )

    def asked(some):
        llm = Recording(t5, device="cpu")
        registry.find("reranker", name)(llm, **options)(some)
        return llm.asked

    assert sorted(map(repr, asked(run))) == sorted(repr(p) for one in run for p in asked(Run([one])))


class Joining(Simulated):
    """Reads letters, and takes texts alone for half as long as they are in a prompt."""

    def tokens(self, texts):
        return [(len(text) + 1) // 2 for text in texts]

    def prompt_tokens(self, prompts):
        return [len(prompt.plain) for prompt in prompts]

    def choose(self, prompts, choices, *, top=None):
        self.asked = [*getattr(self, "asked", []), *prompts]
        return super().choose(prompts, choices, top=top)


@pytest.mark.parametrize("name", ["monot5", "duot5"])
@pytest.mark.parametrize("of_query", [3, 300])
def test_a_prompt_that_is_longer_than_its_pieces_is_cut_until_it_fits(name, of_query):
    llm = Joining({})
    registry.find("reranker", name)(llm, length=200)(Run([ranking(["rank " * 90, "fox " * 90], "q" * of_query)]))
    for prompt in llm.asked:
        assert 140 < len(prompt.plain) <= 200
        assert prompt.plain.count("rank ") + prompt.plain.count("fox ") > 0
        assert prompt.plain.endswith(" Relevant:")
