"""The report as a person uses it: by keys, by pointer, in light and dark, on a phone."""

from pathlib import Path

import pytest

from rankify.experiment import Experiment
from rankify.experiment.execute import execute
from rankify.experiment.report.page import page
from tests.chromium import PROGRAM
from tests.experiment.conftest import said, singer, songs_in
from tests.experiment.pages import WIDE, data_of, press, see, until
from tests.served import ELSEWHERE, Served

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed: apt-get install chromium")
# besides grade 1 of the song that a question is about
GRADES = [("q0", "n0", 2), ("q0", "n1", 0), ("q1", "d4", 1), ("q2", "n3", 1), ("q3", "n0", 1)]
LONG = "This is long. " * 40
SYSTEMS = {"base": "bm25 % 3", "one": "bm25 % 1", "deep": "bm25 % 6"}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Systems that find three documents, one and six, and one that reads."""
    folder = tmp_path_factory.mktemp("report")
    server = Served(lambda body, _: said(f"{LONG}So the answer is: {singer(body)}"))
    path = songs_in(folder / "songs") / "qrels" / "test.tsv"
    path.write_text(path.read_text() + "".join(f"{q}\t{d}\t{grade}\n" for q, d, grade in GRADES))
    systems = SYSTEMS | {"read": f"bm25 % 4 >> chain-of-thought:http:m?base_url={server.url}"}
    whole = {"name": "songs", "datasets": [str(folder / "songs")], "systems": systems, "measures": "nDCG@10 R@1 F1"}
    with pytest.MonkeyPatch.context() as patch:
        for name in ELSEWHERE:
            patch.delenv(name, raising=False)
        execute(Experiment.of(whole), folder / "out")
    server.close()
    return folder / "out" / "report.html"


@pytest.fixture(scope="module")
def data(report):
    return data_of(report.read_text("utf-8"))[0]


def address(report, question=None):
    return report.as_uri() + (f"#q/songs/{question}" if question else "")


CELLS = "[...document.querySelectorAll('SELECTOR')].map((row) => [...row.cells].map((cell) => cell.innerText))"


def texts(browser, selector, inside="document"):
    return browser.value(f"[...{inside}.querySelectorAll({selector!r})].map((one) => one.innerText.trim())")


def test_judged_documents_have_their_grade_and_their_rank_by_each_system(data):
    ids = [id for id, _, _ in data["documents"]]
    judged = {q["id"]: [(ids[n], grade, ranked) for n, grade, ranked in q["judged"]] for q in data["questions"]}
    assert judged["q0"] == [("n0", 2, [2, 0, 2, 2]), ("d0", 1, [1, 1, 1, 1]), ("n1", 0, [3, 0, 3, 3])]
    assert judged["q1"] == [("d1", 1, [1, 1, 1, 1]), ("d4", 1, [0, 0, 0, 0])]
    assert judged["q2"] == [("d2", 1, [1, 1, 1, 1]), ("n3", 1, [0, 0, 5, 0])]


def test_questions_stand_in_the_order_of_their_differences(data):
    orders = {one["name"]: one["order"] for one in data["systems"]}
    assert orders == {"base": None, "one": [1, 2, 4, 5, 3, 0], "deep": [2, 0, 1, 3, 4, 5], "read": [0, 1, 2, 3, 4, 5]}


@pytest.mark.parametrize("width", [1280, 390])
def test_a_question_shows_grades_and_moves(report, browser, width):
    see(browser, address(report, "q0"), width=width)
    rows = browser.value(CELLS.replace("SELECTOR", ".ranks tr"))
    assert rows[0] == ["judged document", "base", "one", "deep", "read"]
    assert [[rows[1][0].split("\n")[0], *rows[1][1:]], rows[2][1:]] == [
        ["n0 relevant, grade 2", "2", "\u2013lost", "2", "2"], ["1", "1", "1", "1"]
    ]  # fmt: skip
    assert rows[2][0].endswith("relevant, grade 1")
    assert "not relevant" not in rows[2][0]
    [deep] = texts(browser, "section[aria-label=deep] ol")
    assert [line.partition(" ")[2] for line in deep.splitlines() if line.strip()][1:3] == [
        "relevant, grade 2", "not relevant, grade 0"
    ]  # fmt: skip
    assert deep.count("unjudged") == 3
    see(browser, address(report, "q2"), width=width)
    rows = browser.value(CELLS.replace("SELECTOR", ".ranks tr"))
    assert rows[2][1:] == ["\u2013", "\u2013", "5new", "\u2013"]
    assert "null" not in browser.value("document.body.innerText")
    assert browser.value(WIDE) == 0


def test_long_reasoning_and_passages_are_folded_and_short_passages_are_not(report, browser, data):
    see(browser, address(report, "q0"))
    read = "document.querySelector('section[aria-label=read]')"
    assert browser.value(f"{read}.querySelector('details').open") is False
    assert LONG.strip() in browser.value(f"{read}.querySelector('details').textContent")
    assert texts(browser, ".contexts details[open] p", read) == [
        data["documents"][n][2] for n in data["questions"][0]["systems"][3]["answer"]["contexts"]
    ]


def test_every_bar_is_reached_by_arrow_keys_and_leads_to_its_question(report, browser, data):
    see(browser, address(report))
    rows = browser.value("[...document.querySelectorAll('.bars')].map((one) => one.dataset.system)")
    assert rows == ["one", "deep", "read"]
    for place, system in enumerate(rows):
        link = f"document.querySelectorAll('.bars a')[{place}]"
        browser.value(f"{link}.focus()")
        found, boxes = [], []
        for _ in range(6):
            found.append(browser.value(f"{link}.getAttribute('href')"))
            boxes.append(browser.value(f"Number({link}.querySelector('.at').getAttribute('x'))"))
            press(browser, "ArrowRight")
        order = {one["name"]: one["order"] for one in data["systems"]}[system]
        assert found == [f"#q/songs/q{n}" for n in order]
        assert boxes == sorted({*boxes})
    for key, place in (("Home", 0), ("ArrowRight", 1), ("ArrowLeft", 0), ("End", 5)):
        press(browser, key)
        assert browser.value(f"{link}.getAttribute('href')") == f"#q/songs/q{order[place]}"
    assert browser.value("document.querySelectorAll('.reads')[0].textContent").startswith("read: who sang the song")
    press(browser, "Enter")
    until(browser, "!document.getElementById('question').hidden")
    assert texts(browser, "#question .asked") == ["who sang the song parse"]
    assert browser.value("document.activeElement.className") == "asked"


def test_a_bar_that_is_clicked_leads_to_its_question(report, browser, data):
    for place, number in enumerate(data["systems"][2]["order"]):
        see(browser, address(report))
        browser.value("document.querySelectorAll('.bars a')[1].scrollIntoView({ block: 'center' })")
        x, y, width, height = browser.value(
            "(() => { const box = document.querySelectorAll('.bars .all')[1].getBoundingClientRect();"
            " return [box.x, box.y, box.width, box.height]; })()"
        )
        browser.page.mouse.click(x + width * (place + 0.5) / 6, y + height / 2)
        until(browser, "!document.getElementById('question').hidden")
        assert browser.value("location.hash") == f"#q/songs/q{number}"


def test_differences_from_the_baseline_are_a_sorted_list_with_its_own_address(report, browser):
    see(browser, report.as_uri() + "#by/songs/one")
    columns = browser.value(
        "[...document.querySelectorAll('#list tbody tr')].map((r) => [...r.cells].map((c) => c.innerText))"
    )
    assert {row[1] for row in columns} == {"baseline"}
    numbers = [float(row[2].replace("\u2212", "-")) for row in columns]
    assert numbers == sorted(numbers, reverse=True)
    assert (numbers[0], numbers[-1] < -0.1) == (0, True)
    assert texts(browser, "#list th[aria-sort=descending]") == ["one ↓"]
    browser.value("document.getElementById('against').click()")
    assert browser.value("document.querySelector('#list tbody tr').cells[1].innerText") == "1.0000"


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_header_sorts_by_keys_says_so_and_keeps_the_focus(report, browser, key):
    see(browser, address(report))
    order = "[...document.querySelectorAll('#list thead th')].map((one) => one.getAttribute('aria-sort'))"
    values = "[...document.querySelectorAll('#list tbody tr')].map((row) => Number(row.cells[2].innerText))"
    browser.value("document.querySelectorAll('#list thead button')[2].focus()")
    for way, turned in (("descending", True), ("ascending", False)):
        press(browser, key)
        assert browser.value(order) == ["none", "none", way, "none", "none"]
        assert browser.value(values) == sorted(browser.value(values), reverse=turned)
        assert browser.value("document.activeElement.innerText")[:3] == "one"


def test_tables_of_the_overview_are_sorted_by_their_columns(report, browser):
    see(browser, address(report))
    table = "document.querySelector('#overview table')"
    rows = f"[...{table}.tBodies[0].rows].map((row) => [row.cells[0].innerText, row.cells[1].innerText])"
    ways = f"[...{table}.tHead.rows[0].cells].map((one) => one.getAttribute('aria-sort'))"
    first = browser.value(rows)
    assert browser.value(ways)[:2] == ["none", "none"]
    for way, turned in (("descending", True), ("ascending", False)):
        browser.value(f"{table}.querySelectorAll('button')[1].focus()")
        press(browser, "Enter")
        assert browser.value(ways)[:2] == ["none", way]
        numbers = [float(text.rstrip("†‡")) for _, text in browser.value(rows)]
        assert numbers == sorted(numbers, reverse=turned)
        assert sorted(browser.value(rows)) == sorted(first)
    browser.value(f"{table}.querySelectorAll('button')[0].click()")
    assert browser.value(rows) == first
    assert {*browser.value(ways)} == {"none"}


HEAD = '<table><thead><tr><th>s</th><th class="words">why</th><th>p</th></tr></thead><tbody>'
ROWS = [("b", "&lt;0.0001"), ("c", "1,000.5‡"), ("a", "-"), ("d", "20")]


def test_words_are_sorted_from_a_and_numbers_whatever_stands_beside_them(report, browser, tmp_path):
    rows = [f'<tr><th>{n}</th><td class="words">{why}</td><td>{p}</td></tr>' for n, (why, p) in enumerate(ROWS)]
    before, heading, after = report.read_text("utf-8").partition("<h2 id=")
    (tmp_path / "changed.html").write_text(f"{before}{HEAD}{''.join(rows)}</table>{heading}{after}", "utf-8")
    see(browser, (tmp_path / "changed.html").as_uri())
    table, found = "document.querySelector('#overview table')", []
    for column in (1, 1, 2, 2, 0):
        browser.value(f"{table}.querySelectorAll('button')[{column}].click()")
        found.append("".join(browser.value(f"[...{table}.tBodies[0].rows].map((row) => row.cells[0].innerText)")))
    assert found == ["2013", "3102", "1302", "0312", "0123"]


CLICKABLE = "a[href], button, select, input, summary, [tabindex='0']"
SEEN = """(() => { const one = document.activeElement; const style = getComputedStyle(one.matches('.bars a')
    ? one.querySelector('.all') : one); return [[...document.querySelectorAll(SELECTOR)].indexOf(one),
    one.matches('.bars a') ? style.stroke !== 'none' : style.outlineStyle !== 'none' && style.outlineWidth !== '0px'];
    })()"""


@pytest.mark.parametrize("question", [None, "q0"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everything_that_can_be_clicked_is_reached_by_tab_in_order_and_seen(report, browser, question, width):
    see(browser, address(report, question), width=width)
    browser.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    everything = browser.value(
        f"[...document.querySelectorAll({CLICKABLE!r})].map((one, place) => one.checkVisibility() ? place : -1)"
    )
    browser.value("document.body.tabIndex = -1")
    browser.value("document.body.focus()")  # from where Tab goes on
    wanted, found = [place for place in everything if place >= 0], []
    for _ in wanted:
        press(browser, "Tab")
        found.append(browser.value(SEEN.replace("SELECTOR", repr(CLICKABLE))))
    assert [place for place, _ in found] == wanted
    assert [place for place, seen in found if not seen] == []


def test_tables_and_controls_have_names(report, browser):
    for question in (None, "q0"):
        see(browser, address(report, question))
        assert browser.value("[...document.querySelectorAll('th:not([scope])')].length") == 0
        assert browser.value("[...document.querySelectorAll('tbody tr')].every((row) => row.cells[0].tagName === 'TH')")
        assert browser.value("[...document.querySelectorAll('input, select')].every((one) => one.labels.length === 1)")
    assert browser.value("[...document.querySelectorAll('table:not([aria-label])')].length") == 0


def test_questions_without_a_value_come_last_whichever_way_they_are_sorted(browser, tmp_path):
    asked = [
        {"id": id, "text": id, "gold": [], "judged": None, "systems": [{"stages": [], "values": [v], "answer": None}]}
        for id, v in (("none", None), ("low", 0.1), ("high", 0.9))
    ]
    one = {"name": "d", "baseline": None, "rel": 1, "asked": 3, "documents": [], "measures": ["RR"], "questions": asked}
    system = {"name": "s", "pipeline": "bm25", "reader": None, "order": None, "stages": []}
    path = tmp_path / "report.html"
    path.write_text(page("n", [], [one | {"systems": [system]}]), "utf-8")
    see(browser, path.as_uri())
    for wanted in (["high", "low", "none"], ["low", "high", "none"]):
        browser.value("document.querySelectorAll('#list thead button')[1].click()")
        assert texts(browser, "#list tbody th") == wanted


def test_a_question_with_nothing_but_a_long_answer_is_shown(browser, tmp_path):
    answer = {"text": "word " * 200, "reasoning": "", "contexts": [0], "cited": [], "unseen": [], "unseen_count": 0,
              "confidence": None, "usage": {}}  # fmt: skip
    found = {"stages": [[0]], "values": [None], "answer": answer}
    asked = [{"id": "q", "text": "", "gold": [], "judged": None, "systems": [found]}]
    system = {"name": "s", "pipeline": "bm25", "reader": "basic", "order": None, "stages": ["bm25"]}
    one = {"name": "d", "baseline": None, "rel": 1, "asked": 1, "documents": [["d1", "", "text"]], "measures": ["EM"]}
    path = tmp_path / "report.html"
    path.write_text(page("n", [], [one | {"systems": [system], "questions": asked}]), "utf-8")
    see(browser, path.as_uri() + "#q/d/q")
    shown = browser.value("document.getElementById('question').textContent")
    assert "null" not in shown
    assert "judged" not in shown
    assert browser.value("document.querySelector('summary.answer').parentElement.open") is False
    assert texts(browser, ".asked") == ["q"]


@pytest.mark.parametrize("question", [None, "q0"])
def test_what_is_wider_than_a_phone_is_scrolled_by_keys(report, browser, question):
    see(browser, address(report, question), width=390)
    browser.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    browser.value("dispatchEvent(new Event('resize'))")
    wide = browser.value(
        "[...document.querySelectorAll('.wide')].filter((one) => one.scrollWidth > one.clientWidth)"
        ".map((one) => [one.tabIndex, one.getAttribute('role'), Boolean(one.getAttribute('aria-label'))])"
    )
    assert wide
    assert {*map(tuple, wide)} == {(0, "group", True)}


CONTRAST = (Path(__file__).parent / "contrast.js").read_text("utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("question", [None, "q0"])
def test_texts_and_plots_stand_out_from_their_ground(report, browser, scheme, question):
    """WCAG 2.2, AA: 4.5 to 1 for text, 3 to 1 for what is drawn and for edges of controls."""
    see(browser, address(report, question), scheme=scheme)
    browser.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = browser.value(CONTRAST)
    assert len(found) > 50
    assert [one for one in found if one[1] < one[2]] == []
