"""The golden prompts hold the published texts, word for word, as a report on the published repositories quotes them."""

import re

import pytest

from rankify.prompts.template import template
from tests.prompts.test_templates import GOLDEN, QUERY, TEXTS


@pytest.fixture(scope="module")
def report(shared):
    """The report, which is no part of this project."""
    path = shared.parent / "specs" / "rerankers.md"
    if not path.is_file():
        pytest.skip("needs the report on published rerankers in shared/specs beside the repository")
    return path.read_text("utf-8")


def golden(name):
    """[(role, what is said)] of a golden file; the role of a bare text is "text", of the reply's beginning "reply"."""
    whole = (GOLDEN / f"{name}.txt").read_text("utf-8").removesuffix("\n")
    parts = re.split(r"(?:^|\n)<<(system|user|assistant|text|reply)>>", whole)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def said(name, role="user"):
    """What one turn of a golden file says, where it is the only one of its role."""
    [found] = [content for who, content in golden(name) if who == role]
    return found


def row(report, start):
    """The cells of the one table row that begins so."""
    [line] = [line for line in report.splitlines() if line.startswith(f"| {start}")]
    cells = re.split(r"(?<!<)\|(?!>)", line)[1:-1]  # no border: the bars of <|im_start|>
    return [cell.strip() for cell in cells]


def quoted(cell):
    """The pieces of a cell that stand between backticks."""
    return [piece.replace("\\n", "\n") for piece in re.findall(r"`([^`]*)`", cell)]


def in_quotes(cell):
    """The pieces of a cell that stand between quotation marks."""
    return [piece.replace("\\n", "\n") for piece in re.findall(r'"([^"]*)"', cell)]


def fence(report, after):
    """The first block between fences behind a text."""
    return report.split(after, 1)[1].split("```\n", 1)[1].split("\n```", 1)[0]


def filled(text, /, **values):
    """A published text with its places filled; other braces stay."""
    return re.sub(r"\{(\w+)\}", lambda place: str(values.get(place[1], place[0])), text)


@pytest.fixture(scope="module")
def zephyr(report):
    """RankZephyr's published text: (beginning, how it goes on behind the passages), with {query} and {ex} open."""
    published = quoted(row(report, "published (RankLLM <= 2025-05")[1])[0]
    before, after = published.split("[1] {p1}\n[2] {p2}\n...")
    return filled(before, num=3, query=QUERY), filled(after, num=3, query=QUERY)


@pytest.fixture(scope="module")
def current(report):
    """What RankLLM's text says since 2025-06, from the example on, for numbers."""
    return quoted(row(report, "RankLLM HEAD `rank_zephyr_template.yaml`")[1])[1]


@pytest.fixture(scope="module")
def system(report):
    """What the system says to RankZephyr and FIRST."""
    return quoted(report.split("System (no final full stop):", 1)[1])[0]


def passages(names):
    return "".join(f"[{name}] {text}\n" for name, text in zip(names, TEXTS, strict=True))


def test_rankgpt_chats_as_published(report):
    turns = []
    for line in fence(report, "**RankGPT (chat, multi-turn)**").splitlines():
        role, content = line.split(": ", 1)
        turns.append((role, content.removesuffix("(repeated)").rstrip().replace("\\n", "\n")))
    before, each, after = turns[:3], turns[3:5], turns[5:]
    repeated = [(role, filled(content, i=i, passage=text)) for i, text in enumerate(TEXTS, 1) for role, content in each]
    right = [*before, *repeated, *after]
    assert golden("rankgpt") == [*((r, filled(c, num=3, query=QUERY)) for r, c in right), ("reply", "")]


def test_rankgpt_completes_as_published(report):
    text = quoted(report.split("Completion variant for T5", 1)[1])[1]
    before, rest = filled(text, num=3, query=QUERY).split("[1] ...\n\n...")
    start, before = before.split("...")  # the report does not repeat what RankGPT is
    shown = "".join(f"[{i}] {passage}\n\n" for i, passage in enumerate(TEXTS, 1))
    found = said("rankgpt-complete", "text")
    assert found.startswith(start)
    assert found.endswith(f"{before}{shown}{rest}")
    who = fence(report, "**RankGPT (chat, multi-turn)**").split("system: You are RankGPT, ")[1].splitlines()[0]
    assert found == f"{start}{who}{before}{shown}{rest}"


@pytest.mark.parametrize(("name", "example"), [("rankzephyr", "[2] > [1]"), ("rankvicuna", "[4] > [2]")])
def test_rankzephyr_and_rankvicuna_ask_as_published(report, zephyr, system, name, example):
    assert example in quoted(row(report, "published (RankLLM <= 2025-05")[1])
    before, after = zephyr
    assert golden(name) == [
        ("system", system), ("user", before + passages("123") + filled(after, ex=example)), ("reply", ""),
    ]  # fmt: skip


def test_rankzephyr_asks_as_rankllm_has_it_now(zephyr, current, system):
    before, after = zephyr
    right = before.removesuffix("\n") + passages("123") + after.split("e.g., {ex}")[0] + current
    assert golden("rankzephyr-current") == [("system", system), ("user", right), ("reply", "")]


def test_first_asks_as_published(report, zephyr, system):
    prompt = report.split("FIRST `P=scripts/utils/rank_listwise_os_llm.py` prompt:", 1)[1].split("\n", 1)[0]
    letters = in_quotes(prompt)[0].replace("**", "")  # with a blank line before the passages
    [example] = re.findall(r"suffix example `([^`]*)`", prompt)
    before, after = zephyr
    right = before.replace("each indicated by a numerical identifier [].", letters) + passages("ABC")
    assert golden("first") == [("system", system), ("user", right + filled(after, ex=example)), ("reply", "[")]


def test_first_asks_as_rankllm_has_it_now(report, zephyr, current, system):
    an, *_ = in_quotes(report.split("RankLLM `rank_zephyr_alpha_template.yaml`:", 1)[1])
    before, after = zephyr
    begun = before.removesuffix("\n").replace("a numerical", an.replace("**", "").split()[0] + " alphabetical")
    right = begun + passages("ABC") + after.split("e.g., {ex}")[0] + current.replace("[2] > [1]", "[B] > [A]")
    assert golden("first-current") == [("system", system), ("user", right), ("reply", "[")]


def test_prp_asks_as_published(report):
    text = filled(fence(report, "**PRP** - llm-rankers"), query=QUERY, doc1=TEXTS[0], doc2=TEXTS[1])
    assert golden("prp") == [("user", text), ("reply", " Passage:")]
    assert '`" Passage:"`' in report.split("**PRP** - llm-rankers", 1)[1]


@pytest.fixture(scope="module")
def setwise(report):
    begin, end = fence(report, "## 1.9 Setwise").split('Passage A: "{text}"\n\nPassage B: "{text}"\n...\n')
    shown = "\n\n".join(f'Passage {letter}: "{text}"' for letter, text in zip("ABC", TEXTS, strict=True))
    return f"{filled(begin, query=QUERY)}{shown}\n\n{end}"


def test_setwise_asks_as_published(setwise):
    assert golden("setwise") == [("user", setwise), ("reply", " Passage:")]


def test_setwise_asks_a_chat_model_as_published(report, setwise):
    ending = report.split("(OpenAI variant ends with `", 1)[1][0]
    system, *_ = in_quotes(report.split("(OpenAI variant ends with", 1)[1])
    text = setwise.removesuffix(":") + ending
    assert golden("setwise-chat") == [("system", system), ("user", text), ("reply", "")]


@pytest.mark.parametrize(
    ("name", "start", "role"),
    [
        ("monot5", "monoT5 (pygaggle", "text"),
        ("upr", "UPR (`P=upr.py`)", "text"),
        ("qlm", "QLM (llm-rankers", "text"),
        ("yes-no", "yes_no (llm-rankers)", "user"),
    ],
)
def test_a_document_alone_is_asked_about_as_published(report, name, start, role):
    text = quoted(row(report, start)[1])[0].replace("{title} {text}", "{text}")  # one of the two is the whole text
    assert said(name, role) == filled(text, q=QUERY, query=QUERY, d=TEXTS[0], text=TEXTS[0])


def test_qlm_tells_how_likely_the_published_labels_are(report):
    [labels] = quoted(row(report, "QLM (llm-rankers")[2])
    assert re.sub(r"\{\{ (\w+) \}\}", r"{\1}", template("qlm").decoder_continuation) == labels


def test_mxbai_is_asked_in_its_own_format(report):
    cell = row(report, "mxbai-rerank-v2 (")[1]
    begin, end, task = in_quotes(cell)
    query, document = (piece for piece in quoted(cell) if piece.startswith(("query: ", "document: ")))
    right = f"{begin}{filled(query, q=QUERY)}\n{filled(document, d=TEXTS[0])}\n{task}{end}"
    assert said("mxbai-rerank-v2", "text") == right


def test_qwen3_reranker_is_asked_in_its_own_format(report):
    cell = row(report, "Qwen3-Reranker")[1]
    instruction = in_quotes(cell.split("default instruction", 1)[1])[0]
    assert said("qwen3-reranker", "text") == filled(quoted(cell)[0], i=instruction, q=QUERY, d=TEXTS[0])


def test_bge_reranker_is_asked_in_its_own_format(report):
    cell = row(report, "bge-reranker-v2-gemma")[1]
    a, line, b, other_line, *_ = in_quotes(quoted(cell)[0].replace("\n", "\\n"))
    ask = in_quotes(cell.split("prompt ", 1)[1])[0]
    assert said("bge-reranker-v2-gemma", "text") == f"{a}{QUERY}{line}{b}{TEXTS[0]}{other_line}{ask}"
