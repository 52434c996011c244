"""What asking costs: by the exact name, from a table with sources, and unknown where nothing is known."""

from importlib.resources import files

import pytest
import yaml

from rankify.errors import BadInput
from rankify.llm.prices import Price, Prices, cost, prices_of, shown

TABLE = yaml.safe_load((files("rankify.llm") / "prices.yaml").read_text("utf-8"))


def test_tokens_are_priced_by_the_million():
    assert cost("gpt-4o-mini", 2_000_000, 1_000_000) == pytest.approx(2 * 0.15 + 0.60)
    assert cost("gpt-4o-mini", 0, 0) == 0


@pytest.mark.parametrize("model", ["gpt", "gpt-4o-mini-2", "GPT-4o-mini", "hf:gpt-4o-mini", "my/gpt-4o-mini", ""])
def test_a_model_that_is_not_there_has_no_price_and_is_not_guessed(model):
    assert cost(model, 1000, 1000) is None
    assert not Prices.load().priced(model)
    with pytest.raises(BadInput, match="no price"):
        Prices.load().cost(model, 1, 1)


@pytest.mark.parametrize("model", ["http:gpt-4o-mini", "cached:http:gpt-4o-mini", "litellm:gpt-4o-mini"])
def test_a_backend_before_the_name_does_not_matter(model):
    assert cost(model, 1000, 10) == cost("gpt-4o-mini", 1000, 10)


@pytest.mark.parametrize("model", TABLE)
def test_each_price_has_a_source_and_a_date(model):
    entry = TABLE[model]
    assert set(entry) == {"input", "output", "source", "date"}
    assert 0 < entry["input"] <= entry["output"]
    assert entry["source"].startswith("https://")
    assert str(entry["date"]) >= "2026"


def test_a_users_own_file_replaces_the_table(tmp_path):
    (tmp_path / "prices.yaml").write_text("my/model: {input: 1, output: 2.5}\n")
    assert prices_of(tmp_path / "prices.yaml") == {"my/model": Price(1.0, 2.5)}
    prices = Prices.load(tmp_path / "prices.yaml")
    assert prices.cost("http:my/model", 1_000_000, 2_000_000) == 6.0
    assert not prices.priced("gpt-4o-mini")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("m: 3", r"m: 3 is no price; a price is `model: \{input"),
        ("m: {input: 1}", "no price"),
        ("m: {input: 1, output: free}", "no price"),
        ("m: {input: -1, output: 1}", "no price"),
        ("m: {input: .nan, output: 1}", "no price"),
        ("- m", "holds no prices"),
        ("", "holds no prices"),
        ("m: {input: 1", "is no YAML"),
    ],
)
def test_a_file_that_is_no_table_of_prices_is_refused_in_one_line(tmp_path, text, complaint):
    (tmp_path / "prices.yaml").write_text(text)
    with pytest.raises(BadInput, match=complaint) as caught:
        prices_of(tmp_path / "prices.yaml")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(BadInput, match="cannot read the prices"):
        prices_of(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("dollars", "text"),
    [
        (0, "0.0000"), (1234.56789, "1,234.5679"), (0.0012, "0.0012"), (0.00012, "0.00012"), (0.000049, "0.000049"),
        (1.5e-7, "0.00000015"), (0.99996, "1.0000"), (0.000999, "0.00100"),
    ],
)  # fmt: skip
def test_small_amounts_are_shown_by_their_digits_and_not_as_nothing(dollars, text):
    assert shown(dollars) == text
