"""What asking a hosted model costs: tokens times the prices of a table, and nothing where no price is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from math import floor, inf, log10
from pathlib import Path
from typing import Any

from rankify.errors import BadInput

BACKENDS = (
    "cached:",
    "http:",
    "litellm:",
)  # a model's spec may begin with these; what follows is the host's name for it
A_PRICE = "a price is `model: {input: dollars, output: dollars}` for a million tokens"


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens of prompts, and for a million tokens that the model writes."""

    input: float
    output: float


class Prices:
    """Prices by the exact name of a model; a name that begins with a backend is looked up without it."""

    def __init__(self, table: Mapping[str, Price]) -> None:
        self.table = dict(table)

    @classmethod
    def load(cls, path: str | Path | None = None) -> Prices:
        """The prices of a YAML file, or the toolkit's own.

        Raises:
            BadInput: the file is missing, or an entry is no price.
        """
        return _own() if path is None else cls(prices_of(path))

    def priced(self, model: str) -> bool:
        """Whether a model's price is known."""
        return self._name(model) in self.table

    def cost(self, model: str, prompt_tokens: int, generated_tokens: int) -> float:
        """US dollars.

        Raises:
            BadInput: no price of that model is known.
        """
        if not self.priced(model):
            raise BadInput(f"no price of {model!r} is known; give a file of prices with it: {A_PRICE}")
        price = self.table[self._name(model)]
        return (prompt_tokens * price.input + generated_tokens * price.output) / 1_000_000

    def _name(self, model: str) -> str:
        """A model's name in the table, which may itself hold a name with a backend."""
        while model not in self.table and model.startswith(BACKENDS):
            model = model.partition(":")[2]
        return model


def cost(model: str, prompt_tokens: int, generated_tokens: int) -> float | None:
    """US dollars by the toolkit's own prices, or None when the model's price is not known.

    >>> cost("gpt-4o-mini", 1_000_000, 500_000)
    0.45
    >>> cost("hf:google/flan-t5-large", 1_000_000, 0) is None
    True
    """
    prices = _own()
    return prices.cost(model, prompt_tokens, generated_tokens) if prices.priced(model) else None


def shown(dollars: float) -> str:
    """Dollars for a table: four decimals, or as many as two digits other than leading zeros take.

    >>> shown(1234.5), shown(0.0000321), shown(0)
    ('1,234.5000', '0.000032', '0.0000')
    """
    places = max(4, 1 - floor(log10(dollars))) if dollars > 0 else 4
    return f"{dollars:,.{places}f}"


def prices_of(path: str | Path) -> dict[str, Price]:
    """The prices in a YAML file, by model.

    Raises:
        BadInput: there is no such file, it is no YAML, or an entry is no price; the message names it.
    """
    import yaml

    try:
        table = yaml.safe_load(Path(path).read_text("utf-8"))
    except OSError as error:
        raise BadInput(f"cannot read the prices in {path}: {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(table, dict):
        raise BadInput(f"{path} holds no prices: {A_PRICE}")
    return {str(model): _price(path, model, entry) for model, entry in table.items()}


def _price(path: str | Path, model: object, entry: Any) -> Price:
    asked: Any
    said: Any
    asked, said = (entry.get("input"), entry.get("output")) if isinstance(entry, dict) else (None, None)
    for dollars in (asked, said):
        if type(dollars) not in (int, float) or not 0 <= dollars < inf:
            raise BadInput(f"{path}: {model}: {entry!r} is no price; {A_PRICE}")
    return Price(float(asked), float(said))


@cache
def _own() -> Prices:
    with as_file(files("rankify.llm") / "prices.yaml") as path:
        return Prices(prices_of(path))
