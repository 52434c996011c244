"""Judgments and topics: both layouts of each, and what is refused."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankify.errors import BadInput
from rankify.io.trec import read_qrels, read_topics, write_qrels
from rankify.types import Qrels

IDS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\t\n\r"), min_size=1, max_size=6)


def wrote(tmp_path, text, name="file"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


@pytest.mark.parametrize(
    "text",
    [
        "007 0 null 2\n007 0 d2 -1\n",
        "007\t0\tnull\t2\n007\tQ0\td2\t-1\n\n",
        "# a comment\n007 0 null 2\n007 0 d2 -1\n",
        "query-id\tcorpus-id\tscore\n007\tnull\t2\n007\td2\t-1\n",
        "007\tnull\t2\n007\td2\t-1\n007\td2\t-1\n",
    ],
)
def test_both_layouts_are_read(tmp_path, text):
    assert dict(read_qrels(wrote(tmp_path, text))) == {"007": {"null": 2, "d2": -1}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q 0 d 1\nq 0 d 2\n", r"file:2: query 'q' judges document 'd' 2, and 1 further up"),
        ("q 0 d yes\n", r"file:1: the grade 'yes' is not a whole number"),
        ("q 0 d 1.5\n", r"file:1: the grade '1\.5'"),
        ("q 0 d 1_0\n", r"file:1: the grade '1_0' is not a whole number"),
        ("q 0 d 1\nq 0 d\n", r"file:2: 3 columns in 'q 0 d'; a line is query iteration document grade"),
        ("query-id\tcorpus-id\tscore\nq\td\n", r"file:2: 2 columns in .*; a line is query-id corpus-id score"),
        ("q\td\tbad\n", r"file:1: the grade 'bad'"),
        ("q 0 d 1\n\nq 0 e 1\n", r"file:2: an empty line"),
    ],
)
def test_malformed_judgments_are_refused_with_the_line(tmp_path, text, message):
    with pytest.raises(BadInput, match=message):
        read_qrels(wrote(tmp_path, text))


def test_no_judgments_are_judgments(tmp_path):
    assert len(read_qrels(wrote(tmp_path, ""))) == 0
    assert len(read_qrels(wrote(tmp_path, "query-id\tcorpus-id\tscore\n"))) == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    st.dictionaries(IDS, st.dictionaries(IDS, st.integers(-3, 5), min_size=1, max_size=4), max_size=4),
    st.sampled_from(["q.txt", "q.tsv", "q.tsv.gz", "q.gz"]),
)
def test_judgments_read_back_whatever_the_ids(tmp_path, grades, name):
    write_qrels(Qrels(grades), tmp_path / name)
    assert dict(read_qrels(tmp_path / name)) == grades


def test_ids_of_blanks_alone_are_ids(tmp_path):
    for name in ("q.txt", "q.tsv"):
        write_qrels(Qrels({"0": {" ": 0, "1": 2}}), tmp_path / name)
        assert dict(read_qrels(tmp_path / name)) == {"0": {" ": 0, "1": 2}}
    assert dict(read_qrels(wrote(tmp_path, "q1\td1\t1\t\nq1\td2\t0\t \n"))) == {"q1": {"d1": 1, "d2": 0}}


def test_trec_evals_own_judgments_are_read(shared):
    assert sum(map(len, read_qrels(shared / "trec_eval" / "qrels.test.with-comments").values())) == 3681


SGML = """
<top>

<num> Number: 301
<title> International
 Organized Crime

<desc> Description:
Identify organizations.

<narr> Narrative:
A relevant document.
</top>
<top><num>302</num><title>Poliomyelitis</title></top>
"""


def test_topics_in_blocks(tmp_path):
    first, second = read_topics(wrote(tmp_path, SGML)).queries
    assert (first.id, first.text) == ("301", "International Organized Crime")
    assert first.metadata == {"desc": "Identify organizations.", "narr": "A relevant document."}
    assert (second.id, second.text, second.metadata) == ("302", "Poliomyelitis", {})


def test_topics_in_a_table(tmp_path):
    run = read_topics(wrote(tmp_path, "007\twhat is\ta tab\nnull\t数据\n"))
    assert [(q.id, q.text) for q in run.queries] == [("007", "what is\ta tab"), ("null", "数据")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\tone\n1\ttwo\n", r"file:2: query '1' was already in line 1"),
        ("1\tone\n2\t \n", r"file:2: query '2' has no text"),
        ("", r"file has no topics"),
        ("1 one\n", r"file:1: '1 one' is not an id, a tab and a text"),
        ("1\tone\n\n2\ttwo\n", r"file:2: an empty line"),
        ("<top><title>t</title></top>", r"file:1: a topic without a number"),
        ("<top><num>1</num></top>", r"file:1: query '1' has no text"),
        ("\n<top><num>1\n<title>t\n", r"file:2: this topic never ends"),
        ("<top><num>1\n<title>t\n<top><num>2<title>u</top>", r"file:1: this topic does not end before line 3"),
    ],
)
def test_malformed_topics_are_refused_with_the_line(tmp_path, text, message):
    with pytest.raises(BadInput, match=message):
        read_topics(wrote(tmp_path, text))
