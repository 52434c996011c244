"""The report keeps to its size: it cuts other texts, then those that readers were shown, then leaves out questions."""

import random
import string

import pytest

from rankify.experiment.grid import Entry, Grid
from rankify.experiment.report import page as page_module
from rankify.experiment.report.fitting import CUTS, fitted
from rankify.experiment.report.page import page
from tests.experiment.pages import data_of

LETTERS = string.ascii_letters + string.digits


def noise(length, seed):
    """A text that cannot be packed well."""
    return "".join(random.Random(seed).choices(LETTERS, k=length))


def collection(*, questions=20, length=3000, shown=3000, text=""):
    """Each question has found a document of its own; every fourth has an answer from another one."""
    documents, asked = [], []
    for place in range(questions):
        answer = None
        if place % 4 == 0:
            documents.append([f"s{place}", "t" * 300, noise(shown, f"s{place}")])
            answer = {"text": "a", "reasoning": noise(shown, f"r{place}"), "contexts": [len(documents) - 1]}
        documents.append([f"d{place}", "", noise(length, place)])
        system = {"stages": [[len(documents) - 1]], "values": [0.5], "answer": answer}
        asked.append({"id": f"q{place}", "text": text, "judged": [[len(documents) - 1, 1, [1]]], "systems": [system]})
    return {"name": "c", "asked": questions, "documents": documents, "questions": asked}


def held(data):
    """The lengths of found texts, of shown ones and of reasoning, without the sign of what was cut."""
    texts = {id[0]: len(text.removesuffix("…")) for id, _, text in data["documents"]}
    [answer] = {len(q["systems"][0]["answer"]["reasoning"].removesuffix("…")) for q in data["questions"][::4]}
    return texts["d"], texts["s"], answer


def made(room, **kind):
    found = fitted([collection(**kind)], room)
    [data] = data_of(f'<script type="application/octet-stream" id="data">{found.data}</script>')
    return found, data


def test_where_there_is_room_nothing_is_cut_but_long_titles():
    found, data = made(1_000_000)
    assert (found.length, found.shown) == (None, None)
    assert held(data) == (3000, 3000, 3000)
    assert {title for _, title, _ in data["documents"]} == {"", "t" * 200 + "…"}


def test_what_readers_were_shown_is_whole_while_other_texts_are_cut():
    found, data = made(60_000)
    assert found.length in {first for first, _ in CUTS} - {0}
    assert found.shown is None
    assert held(data) == (found.length, 3000, 3000)
    assert all(text.endswith("…") for id, _, text in data["documents"] if id[0] == "d")


def test_what_readers_were_shown_is_cut_when_other_texts_are_short():
    found, data = made(20_000)
    assert (found.length, found.shown) == (250, 1000)
    assert held(data) == (250, 1000, 1000)


@pytest.mark.parametrize("room", [2_000, 4_000, 10_000, 20_000, 40_000, 80_000, 120_000])
def test_there_is_as_much_text_as_there_is_room(room):
    """The next longer cut would not fit; the lengths are in order, so that the first that fits is the longest."""
    found, _ = made(room)
    assert len(found.data) <= room
    longer = [cut for cut in CUTS if found.length is not None and cut[0] > found.length]
    if longer:
        low, high = longer[-1]
        assert len(fitted([collection(length=low, shown=min(3000, high))], 10**9).data) > room
    assert tuple(sorted(CUTS, reverse=True)) == CUTS


def test_where_questions_alone_are_too_much_the_last_are_left_out_with_their_documents():
    text = noise(1000, "long")
    whole = len(fitted([collection(length=0, shown=0)], 10**9).data)
    found, data = made(whole // 2, length=0, shown=0, text="")
    assert 0 < len(data["questions"]) < 20
    assert [one["id"] for one in data["questions"]] == [f"q{n}" for n in range(len(data["questions"]))]
    needed = {n for q in data["questions"] for n, *_ in q["judged"]}
    assert len(data["documents"]) == max(needed) + 1
    assert data["asked"] == 20
    assert len(found.data) <= whole // 2
    _, none = made(10, text=text)
    assert (none["questions"], none["documents"]) == ([], [])


def test_tables_count_and_the_page_says_what_was_cut(monkeypatch):
    monkeypatch.setattr(page_module, "SIZE", 250_000)
    small = page("n", [], [collection()])
    assert "To keep this page" not in small
    wide = Grid(title="t", columns=["a", "b"], rows=[("r", [Entry("x" * 1000)])] * 150)
    large = page("n", [wide], [collection()])
    assert len(large.encode()) <= 250_000 + 200
    [data] = data_of(large)
    length, shown, _ = held(data)
    assert length < shown == 3000
    assert f"To keep this page below 5 MB, it cuts texts after {length:,} characters." in large


def test_a_page_says_both_lengths(monkeypatch):
    monkeypatch.setattr(page_module, "SIZE", len(page("n", [], [])) + 20_000)
    said = "texts after 250 characters, passages that readers were shown and reasoning after 1,000 characters."
    assert said in page("n", [], [collection()])
