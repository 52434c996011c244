"""What matplotlib drew, as an SVG element of the page: text stays text, and colours are the page's own."""

from __future__ import annotations

import re
from html import escape

# What matplotlib draws in these colours gets the page's colour of that name (report.css), for light and for dark.
NAMED = {"#010101": "text", "#020202": "dim", "#030303": "line", "#040404": "wins", "#050505": "losses"}
SYSTEMS = tuple(f"#0a000{place}" for place in range(6))
NAMED |= {colour: f"s{place}" for place, colour in enumerate(SYSTEMS)}
TEXT, DIM, LINE, WINS, LOSSES = "#010101", "#020202", "#030303", "#040404", "#050505"
KEPT = ("fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "font-size",
        "text-anchor", "opacity", "fill-opacity")  # fmt: skip

_DRAWN = re.compile(r' (?:d|x|y|transform)="[^"]*"')
_NUMBER = re.compile(r"\d+\.\d{3,}")
_STYLE = re.compile(r' style="([^"]*)"')


def themed(svg: str, title: str) -> str:
    """An SVG element whose styles are attributes and whose colours are classes, as a page without styles wants it."""
    inner = svg[svg.index("<svg") :]
    inner = re.sub(
        r"<metadata>.*?</metadata>|<style.*?</style>|<defs>\s*</defs>|(?<=<g) id=\"[^\"]*\"", "", inner, flags=re.DOTALL
    )
    box = inner.partition('viewBox="')[2].partition('"')[0]
    inner = _DRAWN.sub(lambda drawn: _NUMBER.sub(lambda found: f"{float(found[0]):.2f}", drawn[0]), inner)
    body = _STYLE.sub(_attributes, inner[inner.index(">") + 1 :]).replace("xlink:href", "href")
    return f'<svg viewBox="{box}" role="img" aria-label="{escape(title)}">{body.strip()}'


def _attributes(found: re.Match[str]) -> str:
    pairs = (part.partition(":")[::2] for part in found[1].split(";"))
    given = {name.strip(): value.strip() for name, value in pairs if name.strip() in KEPT}
    classes = [f"{name}-{NAMED[v]}" for name in ("fill", "stroke") if (v := given.get(name, "")) in NAMED]
    rest = "".join(f' {n}="{v}"' for n, v in given.items() if v not in NAMED)
    return (f' class="{" ".join(classes)}"' if classes else "") + rest
