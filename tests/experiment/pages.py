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
    deadline = time.monotonic() + PATIENCE
    while not browser.value(f"Boolean({condition})"):
        assert time.monotonic() < deadline, [condition, *browser.complaints]
        time.sleep(0.02)


def press(browser, key, *, shift=False):
    """Presses a key as a person does."""
    text = {"Enter": "\r", "Space": " "}.get(key, "")
    name = {"Space": " "}.get(key, key)
    codes = {"Tab": 9, "Enter": 13, "Space": 32, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowRight": 39}
    said = {"key": name, "code": key, "windowsVirtualKeyCode": codes[key], "modifiers": 8 * shift}
    browser.ask("Input.dispatchKeyEvent", type="keyDown", **said, **({"text": text} if text else {}))
    browser.ask("Input.dispatchKeyEvent", type="keyUp", **said)
