"""One algorithm of each kind, unchanged, over somebody else's server: `transformers serve`, with a tiny model.

It ranks as the same model does in this process.
"""

import shutil
from dataclasses import replace

import pytest

from rankify import registry
from rankify.documents import Document
from rankify.llm.hf import HF
from rankify.llm.http import HTTP
from rankify.llm.protocol import LLMFailed, most_of
from rankify.types import Query, Ranking, Run
from tests.llm.transformers_serve import serving
from tests.rerank.llm.speaking import speaking

pytestmark = pytest.mark.slow

TEXTS = ["neural networks rank documents", "the cat", "a dog jumps over the fox", "rank the query", "what is this"]
QUERIES = ["what is neural retrieval", "cats and dogs", "the lazy dog", "relevant passages", "who jumps", "a document"]
RUN = Run(
    Ranking(Query(f"q{i}", query), [Document(str(n), text) for n, text in enumerate(TEXTS)], range(len(TEXTS), 0, -1))
    for i, query in enumerate(QUERIES)
)
RANKGPT, LRL = ("rankgpt", {}), ("listwise", {"prompt": "lrl"})
PRP, SETWISE = ("prp", {"method": "allpairs"}), ("setwise", {"k": 2})


class AsOverAServer(HF):
    """Asks for replies as long as HTTP does, which does not know the model's tokenizer.

    As that server has it, a reply of the most tokens was cut off, also when its last token is the end.
    """

    reply_tokens = HTTP.reply_tokens

    def generate(self, prompts, *, max_tokens):
        replies = super().generate(prompts, max_tokens=max_tokens)
        most = most_of(max_tokens, len(prompts))
        return [replace(r, finished=r.generated_tokens < limit) for r, limit in zip(replies, most, strict=True)]


class WithoutBeginnings(AsOverAServer):
    """Does not begin replies, as a server's chats do not."""

    prefills = False


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return speaking(tmp_path_factory.mktemp("qwen2"))


@pytest.fixture(scope="module")
def chatting(folder):
    return WithoutBeginnings(folder, device="cpu")


@pytest.fixture(scope="module")
def completing(folder, tmp_path_factory):
    """The same model without its chat template, which servers do not apply to texts."""
    copied = shutil.copytree(folder, tmp_path_factory.mktemp("plain") / "qwen2")
    (copied / "chat_template.jinja").unlink()
    return AsOverAServer(str(copied), device="cpu")


@pytest.fixture(scope="module")
def url(folder, tmp_path_factory):
    with serving(folder, tmp_path_factory.mktemp("serve") / "log") as url:
        yield url


def ranked(algorithm, model, **backend):
    name, options = algorithm
    return registry.find("reranker", name)(model, **options, **backend)(RUN)


def same(one, other):
    """Equal rankings from as many prompts and tokens, and not just what replies that nobody can read leave behind."""
    assert [r.ids for r in one] == [r.ids for r in other]
    mine, theirs = ({**run.reports[-1].counts, "passes": None} for run in (one, other))
    assert mine == theirs
    assert [r.ids for r in one] != [r.ids for r in RUN]
    assert mine["unreadable"] < mine["asked"]


@pytest.mark.parametrize(
    ("algorithm", "how"),
    [(RANKGPT, {}), (LRL, {}), (PRP, {"prefill": "none"}), (SETWISE, {"prefill": "none"})],
    ids=str,
)
def test_chats_give_the_same_ranking(algorithm, how, folder, url, chatting):
    same(ranked(algorithm, f"http:{folder}", base_url=url, **how), ranked(algorithm, chatting))


@pytest.mark.parametrize("algorithm", [RANKGPT, LRL, PRP, SETWISE], ids=str)
def test_completions_give_the_same_ranking(algorithm, folder, url, completing):
    same(ranked(algorithm, f"http:{folder}", base_url=url, api="completions"), ranked(algorithm, completing))


@pytest.mark.parametrize(
    ("algorithm", "how", "cause"),
    [
        (("first", {}), {"api": "completions"}, "gives no log-probabilities"),
        (("first", {}), {}, "use api=completions, or another prefill="),
        (("yes-no", {}), {}, "gives no log-probabilities"),
        (("yes-no", {}), {"api": "completions"}, "gives no log-probabilities"),
        (("setwise", {"scoring": "likelihood"}), {"api": "completions"}, "gives no log-probabilities"),
        (("qlm", {}), {"api": "completions"}, "does not echo a prompt"),
    ],
    ids=str,
)
def test_what_it_cannot_tell_is_an_error_with_its_cause_and_never_a_ranking(algorithm, how, cause, folder, url):
    with pytest.raises(LLMFailed, match=cause):
        ranked(algorithm, f"http:{folder}", base_url=url, **how)
