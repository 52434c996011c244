"""A headless Chromium, driven over a pair of pipes by its own protocol (CDP), to see pages as a person sees them."""

import base64
import json
import os
import shutil
import subprocess
import time
from contextlib import suppress

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE = 30.0  # seconds for an answer


class Chromium:
    """A browser with one page, which has no network.

    Attributes:
        complaints: errors of scripts and of the console, and what the page's policy refused.
        requests: every address that the page asked for.
    """

    def __init__(self, folder):
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        command = [
            "bash", "-c", f'exec "$0" "$@" 3<&{theirs_in} 4>&{theirs_out}', PROGRAM, "--headless=new", "--no-sandbox",
            "--disable-gpu", "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder}",
            "--remote-debugging-pipe", "about:blank",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            command, pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._in, self._out, self._left = ours_in, ours_out, b""
        self._number, self._session = 0, None
        self.complaints, self.requests, self._events = [], [], []
        [page] = [one for one in self.ask("Target.getTargets")["targetInfos"] if one["type"] == "page"]
        self._session = self.ask("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method, **parameters):
        """The browser's answer to a command."""
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        said = json.dumps({"id": self._number, "method": method, "params": parameters, **session})
        os.write(self._out, said.encode() + b"\0")
        while True:
            message = self._message()
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]
            self._noted(message)

    def _message(self):
        deadline = time.monotonic() + PATIENCE
        while b"\0" not in self._left:
            assert time.monotonic() < deadline, "the browser does not answer"
            block = os.read(self._in, 1 << 16)
            assert block, "the browser has left"
            self._left += block
        message, _, self._left = self._left.partition(b"\0")
        return json.loads(message)

    def _noted(self, message):
        method, parameters = message.get("method"), message.get("params", {})
        self._events.append(method)
        if method == "Runtime.exceptionThrown":
            self.complaints.append(parameters["exceptionDetails"])
        if method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.complaints.append(parameters["entry"]["text"])
        if method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
            self.complaints.append(parameters["args"])
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        if method == "Page.javascriptDialogOpening":
            self.complaints.append(parameters["message"])
            self.ask("Page.handleJavaScriptDialog", accept=True)

    def look(self, address, *, width=1280, height=900, scheme="light"):
        """Opens a page in a window of that width, in light or dark."""
        phone = width < 600
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        for place in ("about:blank", address):  # another hash alone would be no new page
            self._events.clear()
            self.ask("Page.navigate", url=place)
            while "Page.loadEventFired" not in self._events:
                self._noted(self._message())

    def value(self, script):
        """The value of an expression on the page."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def picture(self, path):
        """Writes what the window shows as a PNG."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))

    def close(self):
        with suppress(OSError):
            os.close(self._out)
        self._process.kill()
        self._process.wait()
        os.close(self._in)
