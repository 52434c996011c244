"""A headless Chromium, driven by Playwright, to see pages as a person sees them."""

import shutil

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Chromium:
    """The browser that the system has, with one page and no network.

    Attributes:
        page: the page, as Playwright has it.
        complaints: errors of scripts and of the console, dialogs, and what the page's policy refused.
        requests: every address that pages asked for.
    """

    def __init__(self):
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=PROGRAM)
        self.page, self.complaints, self.requests = None, [], []

    def look(self, address, *, width=1280, height=900, scheme="light"):
        """Opens a page in a window of that width, in light or dark."""
        if self.page:
            self.page.context.close()
        window = {"width": width, "height": height}
        context = self._browser.new_context(viewport=window, color_scheme=scheme, is_mobile=width < 600, offline=True)
        self.page = context.new_page()
        self.page.on("console", lambda said: said.type in ("error", "warning") and self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("dialog", self._answer)
        self.page.goto(address)

    def _answer(self, dialog):
        self.complaints.append(dialog.message)
        dialog.accept()

    def value(self, script):
        """The value of an expression on the page."""
        return self.page.evaluate(script)

    def close(self):
        self._browser.close()
        self._playwright.stop()
