"""Reads reports: their data as Python has it, and their page as a browser shows it."""

import base64
import json
import re
import time
import zlib

DATA = re.compile(r'<script type="application/octet-stream" id="data">(.*?)</script>', re.DOTALL)
PATIENCE = 20.0  # seconds until the page is as it should be
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def data_of(html):
    """The datasets of a report."""
    return json.loads(zlib.decompress(base64.b64decode(DATA.search(html)[1])))


def see(browser, address, **window):
    """Opens a report and waits for its questions."""
    browser.look(address, **window)
    until(browser, "!document.querySelector('[aria-busy]')")


def until(browser, condition):
    """Waits until a condition holds on the page."""
    deadline = time.monotonic() + PATIENCE  # what Playwright waits by is evaluated, which the page's policy refuses
    while not browser.value(f"Boolean({condition})"):
        assert time.monotonic() < deadline, [condition, *browser.complaints]
        browser.page.wait_for_timeout(20)


def press(browser, key, *, shift=False):
    """Presses a key as a person does."""
    browser.page.keyboard.press(f"Shift+{key}" if shift else key)
