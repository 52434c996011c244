"""A large experiment: six systems on three collections of 300 questions, with rankings of 100 and five measures."""

import json
import random
import re
from itertools import accumulate

import pytest

from rankify.experiment import Experiment
from rankify.experiment.execute import execute
from tests.chromium import PROGRAM, Chromium
from tests.experiment.pages import WIDE, data_of, see

SYSTEMS = {
    "bm25": "bm25 % 100",
    "flat": "bm25?k1=2.0&b=0.1 % 100",
    "robertson": "bm25?variant=robertson % 100",
    "short": "bm25?k1=0.1&b=0.9 % 100",
    "plus": "bm25?variant=bm25+&k1=4 % 100",
    "fused": "rrf(bm25?k1=0.4 % 100, bm25?k1=4&b=1 % 100) % 100",
}
MEASURES = "nDCG@10 RR@10 AP R@10 R@100"
SYLLABLES = re.findall(r"\w+", "ka ro mi ten sal vor ing pre dis tion al er un lo be st ra ne")
QUESTIONS, DOCUMENTS, WORDS = 300, 4000, 145  # of which a text of 145 words has about 1,000 characters


def collection(folder, seed):
    """Texts whose words are as frequent as Zipf says; each question is some words of a text, which is relevant."""
    chance = random.Random(seed)
    vocabulary = ["".join(chance.choices(SYLLABLES, k=chance.choice((1, 2, 2, 3, 3, 4)))) for _ in range(6000)]
    frequencies = list(accumulate(1 / (place + 2) for place in range(len(vocabulary))))
    texts = [" ".join(chance.choices(vocabulary, cum_weights=frequencies, k=WORDS)) for _ in range(DOCUMENTS)]
    sources = chance.sample(range(DOCUMENTS), QUESTIONS)
    documents = [{"_id": f"d{n}", "title": " ".join(t.split()[:6]), "text": t} for n, t in enumerate(texts)]
    asked = [{"_id": f"q{n}", "text": " ".join(chance.sample(texts[s].split(), 6))} for n, s in enumerate(sources)]
    judged = [f"q{n}\td{s}\t2\n" for n, s in enumerate(sources)]
    judged += [
        f"q{n}\td{d}\t{d % 2}\n" for n in range(QUESTIONS) for d in {*chance.sample(range(DOCUMENTS), 8)} - {*sources}
    ]
    (folder / "qrels").mkdir(parents=True)
    for name, rows in (("corpus", documents), ("queries", asked)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(judged), "utf-8")
    return str(folder)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    datasets = [collection(folder / f"collection-{seed}", seed) for seed in range(3)]
    said = {"name": "large", "datasets": datasets, "systems": SYSTEMS, "measures": MEASURES}
    return execute(Experiment.of(said), folder / "out").folder / "report.html"


def test_it_is_below_five_megabytes_with_every_question_and_whole_texts(report):
    html = report.read_text("utf-8")
    assert report.stat().st_size < 5_000_000
    data = data_of(html)
    assert [len(one["questions"]) for one in data] == [QUESTIONS] * 3
    assert {len(question["systems"]) for one in data for question in one["questions"]} == {len(SYSTEMS)}
    found = [len(system["stages"][-1]) for one in data for q in one["questions"] for system in q["systems"]]
    assert sum(found) > 0.99 * 10 * len(found)  # some questions have no word that is searched for
    assert min(len(text) for one in data for _, _, text in one["documents"]) > 600
    assert "To keep this page" not in html


def test_its_plots_and_tables_are_a_small_part_of_it(report):
    html = report.read_text("utf-8")
    assert len(re.findall(r"<svg ", html)) == 9
    assert sum(map(len, re.findall(r"<svg .*?</svg>", html, re.DOTALL))) < 300_000
    assert sum(map(len, re.findall(r"<table.*?</table>", html, re.DOTALL))) < 100_000


@pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed: apt-get install chromium")
def test_a_browser_opens_searches_and_sorts_it(report, tmp_path):
    browser = Chromium()
    try:
        for width in (1280, 390):
            see(browser, report.as_uri(), width=width)
            assert browser.value(WIDE) == 0
            assert browser.value("document.querySelectorAll('.bars a').length") == 3 * 5
            assert browser.value("document.getElementById('counted').textContent") == "300 of 300 questions"
        browser.value("document.getElementById('more').click()")
        rows = "[...document.querySelectorAll('#list tbody tr')]"
        assert browser.value(f"{rows}.length") == 300
        assert browser.value(f"{rows}.indexOf(document.activeElement.closest('tr'))") == 200  # the first new one
        browser.value("document.getElementById('search').value = 'q123'")
        browser.value("document.getElementById('search').dispatchEvent(new Event('input'))")
        assert browser.value("document.querySelectorAll('#list tbody tr').length") == 1
        assert browser.complaints == []
    finally:
        browser.close()
