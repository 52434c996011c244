"""FLARE: the exact requests and searches, what makes it search, when it stops, and that no text is lost."""

import pytest

from rankify.errors import Misuse
from rankify.llm.hf import HF
from rankify.rag.flow import Written
from rankify.rag.methods.flare import Next, flare
from rankify.types import Run
from tests import tiny_llm
from tests.rag.reading import Library, ranking
from tests.scripted_llm import Scripted

WHO = ranking("Where was the singer of Lola born?", id="q")
HEAD = "Question: Where was the singer of Lola born?\nAnswer:"
FOUND = "Search results ranked based on relevance in descending order:\n"
ANN = [("ann", "Ann was born in Rome.", "Ann"), ("lola", "Lola was a hit.")]


class Author(Scripted):
    """Goes on with a text of its own behind what it has written of it; another one where it is shown documents.

    Args:
        says: the text without documents.
        knows: the text with documents.
        unsure: what it is not sure of.
    """

    def __init__(self, says, knows="", unsure=(), probability=0.1, **more):
        super().__init__(likely=lambda token: probability if token in unsure else 0.9, **more)
        self.text, self.knows = says, knows

    def generate(self, prompts, *, max_tokens, sampling=None, logprobs=False):
        self.says = self._goes_on
        replies = super().generate(prompts, max_tokens=max_tokens, sampling=sampling, logprobs=logprobs)
        most = self.most[-len(prompts) :]
        return [self._cut(reply, own) for reply, own in zip(replies, most, strict=True)]

    def _goes_on(self, prompt, _):
        text = self.knows if FOUND in prompt else self.text
        so_far = prompt.rpartition("\nAnswer:")[2]
        assert so_far == "" or so_far[0] == " "
        words = len(so_far.split())
        return "".join(f" {word}" for word in text.split()[words:])

    def _cut(self, reply, most):
        kept = "".join(text for text, _ in self.told(reply.value)[:most])
        whole = kept == reply.value
        return type(reply)(kept, 1, 1, finished=whole, logprobs=self.told(kept))


def doubting(*words):
    """Probabilities of tokens, low for these."""
    return lambda token: 0.1 if token in words else 1.0


def tails(llm):
    """What is behind the demonstrations in each prompt."""
    return [prompt.messages[-1].content.rpartition("\n\n")[2] for prompt in llm.prompts]


def read(llm, shelves=None, **options):
    library = Library(shelves)
    [answer] = flare(llm, search=library % 5, **options)(Run([WHO]))
    return answer, library


TEXT = "Lola was sung by Bob. Bob was born in Paris. So the answer is Paris."
KNOWN = "Lola was sung by Ann. Ann was born in Rome. So the answer is Rome."


def test_where_all_tokens_are_likely_nothing_is_searched_for():
    llm = Author(TEXT)
    answer, library = read(llm)
    assert tails(llm) == [
        HEAD,
        f"{HEAD} Lola was sung by Bob.",
        f"{HEAD} Lola was sung by Bob. Bob was born in Paris.",
    ]
    assert (answer.text, answer.reasoning) == ("Paris", "Lola was sung by Bob. Bob was born in Paris.")
    assert (library.asked, answer.contexts) == ([], ())
    assert {prompt.stop for prompt in llm.prompts} == {("\n\n",)}
    assert llm.most == [64, 64, 64]
    assert {name: answer.usage.get(name, 0) for name in ("steps", "rewritten", "searches", "unanswered")} == {
        "steps": 3, "rewritten": 0, "searches": 0, "unanswered": 0,
    }  # fmt: skip


def test_an_unlikely_token_is_left_out_of_the_query_and_its_sentence_is_written_again():
    llm = Author(TEXT, KNOWN, unsure={"Bob"})
    answer, library = read(llm, {"Lola was sung by .": ANN})
    shown = f"{FOUND}[1]: Ann: Ann was born in Rome.\n[2]: Lola was a hit.\n{HEAD}"
    assert library.asked == ["Lola was sung by .", "was born in Paris."]
    assert tails(llm) == [
        HEAD,
        shown,
        f"{HEAD} Lola was sung by Ann.",
        f"{HEAD} Lola was sung by Ann. Bob was born in Paris.",
    ]
    assert answer.reasoning == "Lola was sung by Ann. Bob was born in Paris."
    assert [document.id for document in answer.contexts] == ["ann", "lola"]
    assert {name: answer.usage.get(name, 0) for name in ("steps", "rewritten", "unfound", "searches")} == {
        "steps": 3, "rewritten": 1, "unfound": 1, "searches": 2,
    }  # fmt: skip


def test_every_sentence_may_be_written_from_other_documents():
    llm = Author(TEXT, KNOWN, unsure={"Bob", "Paris"})
    shelves = {"Lola was sung by .": ANN[1:], "was born in .": ANN[:1], "So the answer is .": ANN[:1]}
    answer, library = read(llm, shelves)
    assert library.asked == list(shelves)
    assert (answer.text, answer.reasoning) == ("Rome", "Lola was sung by Ann. Ann was born in Rome.")
    assert [document.id for document in answer.contexts] == ["lola", "ann"]
    assert tails(llm)[3] == f"{FOUND}[1]: Ann: Ann was born in Rome.\n{HEAD} Lola was sung by Ann."


@pytest.mark.parametrize(("probability", "searches"), [(0.19, 1), (0.2, 0), (0.21, 0)])
def test_a_token_of_just_the_threshold_is_likely_enough(probability, searches):
    _, library = read(Author("Bob sang it.", unsure={"Bob"}, probability=probability))
    assert len(library.asked) == searches


def test_what_is_searched_for_may_be_more_than_what_is_sure():
    _, library = read(Author("Bob sang it.", unsure={"Bob"}, probability=0.5), threshold=0.8, beta=0.4)
    assert library.asked == ["Bob sang it."]
    _, library = read(Author("Bob sang it.", unsure={"Bob"}, probability=0.3), threshold=0.8, beta=0.4)
    assert library.asked == ["sang it."]
    _, library = read(Author("Bob sang it.", unsure={"Bob"}, probability=0.5), threshold=0.8, beta=0.5)
    assert library.asked == ["Bob sang it."]


def test_tokens_that_do_not_spell_the_sentence_all_count():
    told = (("<hm>", -0.1), ("Bob sang it", -0.2), (".", -3.0))
    reply = Written(replies=("Bob sang it.",), finished=(True,), logprobs=(told,))
    assert Next.of(reply).logprobs == told


def test_a_sentence_of_which_no_word_is_left_stays_as_it_is():
    llm = Author("Bob. So it is Bob.", unsure={"Bob"})
    answer, library = read(llm, steps=1)
    assert (answer.text, library.asked, answer.usage["unsearched"]) == ("Bob.", [], 1)


def test_nothing_found_leaves_the_sentence_and_asks_no_more():
    llm = Author("Bob sang it.", "Ann sang it.", unsure={"Bob"})
    answer, library = read(llm)
    assert (answer.text, library.asked, len(llm.prompts)) == ("Bob sang it.", ["sang it."], 1)
    assert (answer.usage["unfound"], answer.usage["searches"], answer.contexts) == (1, 1, ())


def test_nothing_written_again_loses_nothing():
    answer, _ = read(Author("Bob sang it.", "", unsure={"Bob"}), {"sang it.": ANN})
    assert (answer.text, answer.usage["unreadable"], answer.contexts) == ("Bob sang it.", 1, ())


def test_after_its_steps_it_stops_and_says_so():
    llm = Author("One. Two. Three. Four. Five. Six. Seven.")
    answer, _ = read(llm)
    assert (answer.text, len(llm.prompts)) == ("One. Two. Three. Four. Five.", 5)
    assert (answer.usage["steps"], answer.usage["unanswered"]) == (5, 1)
    answer, _ = read(Author("One. Two. Three."), steps=2)
    assert answer.text == "One. Two."


def test_it_writes_no_more_tokens_than_it_may():
    llm = Author("one two three four five six seven eight nine ten eleven twelve")
    answer, _ = read(llm, look_ahead=4, max_tokens=10)
    assert llm.most == [4, 4, 2]
    assert answer.text == "one two three four five six seven eight nine ten"
    assert answer.usage["unanswered"] == 1


def test_a_sentence_longer_than_the_look_ahead_is_written_in_parts_without_a_loss():
    llm = Author("one two three four five six. Seven eight.")
    answer, _ = read(llm, look_ahead=4)
    assert answer.text == "one two three four five six. Seven eight."
    assert [tail.rpartition("Answer:")[2] for tail in tails(llm)] == [
        "", " one two three four", " one two three four five six.",
    ]  # fmt: skip


@pytest.mark.parametrize("says", ["", "  \n "])
def test_a_model_that_says_nothing_gives_no_answer_which_is_counted(says):
    llm = Scripted(lambda *_: says)
    answer, library = read(llm)
    assert (answer.text, len(llm.prompts), library.asked, answer.usage["unanswered"]) == ("", 1, [], 1)
    assert "steps" not in answer.usage


def test_an_answer_that_says_nothing_is_counted():
    answer, _ = read(Scripted(lambda *_: " So the answer is"))
    assert (answer.text, answer.usage["unanswered"], answer.usage["unreadable"]) == ("", 1, 1)


@pytest.mark.parametrize("prompt", ["flare", "basic"])
def test_sentences_without_room_are_forgotten_the_oldest_first(prompt):
    def told():
        replies = iter([" A a a. And", " B b b. And", " C c c. And", " So the answer is: Rome."])
        return Scripted(lambda *_: next(replies))

    free, llm = told(), told()
    whole, _ = read(free, prompt=prompt, look_ahead=16)
    llm.context = len((free.prompts[-1].plain + free.prompts[-1].prefill).split()) - 4 + 16
    answer, _ = read(llm, prompt=prompt, look_ahead=16)
    assert (llm.prompts[-1].plain + llm.prompts[-1].prefill).rpartition("born?")[2] in ("\nAnswer: C c c.", " C c c.")
    assert WHO.query.text in llm.asked[-1]
    assert (answer.text, answer.reasoning) == (whole.text, whole.reasoning)
    assert answer.usage["forgotten"] == 3


def test_nothing_more_to_say_is_the_end():
    replies = iter([" Bob sang it. And so on", ""])
    llm = Scripted(lambda *_: next(replies))
    answer, _ = read(llm)
    assert (answer.text, len(llm.prompts), answer.usage.get("unanswered", 0)) == ("Bob sang it.", 2, 0)


def test_odd_sentences_lose_no_letter_and_get_one_blank_between_them():
    """As chats write them, which begin each reply anew."""
    replies = iter(["Dr. A. Smith paid $3.50.\n\tHe left", "He  left at 5 p.m. The", "東京。人", "人は多い"])
    answer, _ = read(Scripted(lambda *_: next(replies)))
    assert answer.text == "Dr. A. Smith paid $3.50. He  left at 5 p.m. 東京。人は多い"


def test_a_prompt_without_a_place_for_what_was_written_is_gone_on_from():
    replies = iter([" Bob sang it. Then", " Ann sang it. Then", " The end."])
    llm = Scripted(lambda *_: next(replies), likely=doubting("Bob"))
    answer, library = read(llm, {"sang it.": ANN}, prompt="basic")
    assert [prompt.prefill for prompt in llm.prompts] == ["", "", " Ann sang it."]
    assert (answer.text, library.asked) == ("Ann sang it. The end.", ["sang it."])
    assert "Ann was born in Rome." in llm.prompts[1].messages[0].content


def test_what_it_thinks_is_no_sentence():
    says = ["<think>Bob? No.</think> Ann sang it."]
    answer, library = read(Scripted(lambda *_: says[0], likely=doubting("Bob")), reasoning_tokens=9)
    assert (answer.text, library.asked) == ("Ann sang it.", [])


def test_questions_go_together_and_answers_are_those_of_each_alone():
    def says(prompt, _):
        return " I think so. Yes." if "0?" in prompt.rpartition("Question:")[2] else " No."

    run = Run([ranking(f"Is it {n}?", id=str(n)) for n in range(10, 31)])
    llm = Scripted(says, likely=doubting("think"))
    together = flare(llm, steps=2, search=Library({"I so.": ANN}) % 5)(run)
    assert llm.batches == 4  # two sentences, each ahead and again
    alone = [flare(llm, steps=2, search=Library({"I so.": ANN}) % 5)(run[n : n + 1])[0] for n in range(len(run))]
    assert together == alone


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 1.5}, "threshold=1.5: it is a probability"),
        ({"beta": -0.1}, "beta=-0.1: it is a probability"),
        ({"threshold": "x"}, "threshold='x': it is a probability, from 0 to 1"),
        ({"threshold": None}, "threshold=None: it is a probability"),
        ({"threshold": float("nan")}, "threshold=nan: it is a probability"),
        ({"threshold": True}, "threshold=True: it is a probability"),
        ({"beta": "x"}, "beta='x': it is a probability"),
        ({"steps": 0}, "0"),
        ({"look_ahead": 0}, "look_ahead=0: that is a number of tokens"),
        ({"max_tokens": 0}, "max_tokens=0"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message):
    with pytest.raises(Misuse, match=message):
        flare(Scripted(), **options)


def test_a_model_that_does_not_tell_is_refused_before_anything_is_asked(tmp_path):
    llm = Scripted()
    llm.gives_logprobs = False
    with pytest.raises(Misuse, match=r"flare needs to know how likely each token is.*hf: or vllm:"):
        flare(llm)
    llm.gives_logprobs, llm.prefills = True, False
    with pytest.raises(Misuse, match="cannot go on from a beginning"):
        flare(llm, prompt="basic")


def test_a_model_of_transformers_says_itself_what_it_is_not_sure_of(tmp_path):
    llm, library = HF(tiny_llm.llama(tmp_path), device="cpu"), Library()
    run = Run([ranking("cats and dogs?", id="a"), ranking("rank the query", id="b")])
    options = {"steps": 2, "look_ahead": 8, "max_tokens": 16, "prompt": "in-context-ralm", "beta": 0.0}
    sure = flare(llm, threshold=0.0, search=library % 2, **options)(run)
    assert library.asked == []
    unsure = flare(llm, threshold=1.0, search=library % 2, **options)(run)
    assert [answer.text for answer in unsure] == [answer.text for answer in sure]  # nothing is found
    assert len(library.asked) == sum(answer.usage["steps"] - answer.usage.get("unsearched", 0) for answer in unsure) > 1
    for text in library.asked:
        assert any(text in " ".join(answer.text.split()) for answer in unsure)
