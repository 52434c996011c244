"""One request to a server that speaks OpenAI's protocol: its answer, or what went wrong and whether that may pass."""

from __future__ import annotations

import json
import os
import re
import threading
import weakref
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rankify.errors import Misuse
from rankify.llm.patience import SECRET_FORMS, Again, complaint, scrubbed, seconds_asked
from rankify.llm.protocol import LLMFailed

if TYPE_CHECKING:
    import httpx

KEY_NAME = re.compile(r"[A-Za-z_]\w*")
NOT_HERE = {501, 505}  # of the server's own failures those that no waiting mends


class Server:
    """An address, the name of the environment variable that holds its key, and a pool of connections to it.

    Raises:
        Misuse: the address is none, or holds a password.
    """

    def __init__(self, url: str, *, key: str, parallel: int) -> None:
        where = urlsplit(url)
        if where.scheme not in ("http", "https") or not where.hostname:
            raise Misuse(f"base_url={url!r} is no address; write e.g. http://localhost:8000/v1")
        if where.username or where.password:
            raise Misuse(f"base_url for {where.hostname} holds a password; put it into an environment variable, key=")
        if key and (not KEY_NAME.fullmatch(key) or SECRET_FORMS.search(key)):
            raise Misuse("key= is the NAME of an environment variable, such as MY_KEY, and never the key itself")
        if where.query or where.fragment:
            raise Misuse(f"base_url for {where.hostname} has a query, which would stand in every report; leave it out")
        self.url, self.key, self.parallel, self.host = url, key, parallel, where.netloc
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None

    def post(self, path: str, request: bytes, seconds: float) -> Any:
        """What it answers to a JSON request, read from JSON, all of it within some seconds.

        Raises:
            Again: a failure that may pass: nobody there, too slow, broken off, no JSON, or a status that says so.
            LLMFailed: one that will not: a wrong key, model, address or request.
        """
        import httpx

        ends, late = monotonic() + seconds, f"{self.host} gave no whole answer in {seconds:.3g} s"
        how: dict[str, Any] = {"content": request, "headers": self._headers(), "timeout": seconds}
        content = b""
        try:
            with self._pool().stream("POST", self.url + path, **how) as response:
                for piece in response.iter_bytes():
                    content += piece
                    if monotonic() > ends:  # the client's own limit is for each piece
                        raise Again(late)
        except httpx.TimeoutException:
            raise Again(late) from None
        except httpx.ConnectError as error:
            raise Again(
                f"cannot connect to {self.host}: {scrubbed(str(error), key=self.key)}; is base_url right?"
            ) from None
        except httpx.RequestError as error:
            raise Again(
                f"{self.host} broke off: {scrubbed(str(error), key=self.key) or type(error).__name__}"
            ) from None
        if response.status_code != 200:
            raise self._refusal(response, content)
        return self._json(content)

    def _json(self, content: bytes) -> Any:
        try:
            return json.loads(content)
        except ValueError:
            begins = scrubbed(content.decode("utf-8", "replace"), 80, key=self.key)
            raise Again(f"{self.host} answered {begins!r}, which is no whole JSON") from None

    def _refusal(self, response: httpx.Response, content: bytes) -> Exception:
        """What to raise for an answer that is an error."""
        status, message = response.status_code, complaint(content, self.key)
        cause = f"{self.host} answered {status} {response.reason_phrase}: {message}".removesuffix(": ")
        if _passes(status) and "insufficient_quota" not in str(content):
            return Again(cause, seconds_asked(response.headers.get("Retry-After", "")))
        if status in (401, 403):
            if not self.key:
                return LLMFailed(f"{cause}; say with key=NAME which environment variable holds a key of this server")
            known = "holds another key" if os.environ.get(self.key) else "is not set"
            return LLMFailed(f"{cause}; the environment variable {self.key} {known}: set it to a key of this server")
        if status in (404, 405) or status < 400:
            return LLMFailed(f"{cause}; check base_url={self.url} and the model's name")
        if "continue_final_message" in message or "add_generation_prompt" in message:
            return LLMFailed(f"{cause}; it cannot go on from a begun reply: use api=completions, or another prefill=")
        return LLMFailed(f"{cause}; not tried again, because the request itself is refused: change what it names")

    def _headers(self) -> dict[str, str]:
        """The key is read where it is sent, and kept nowhere."""
        secret = os.environ.get(self.key, "").strip()
        if not secret.isascii() or not secret.isprintable():
            raise LLMFailed(f"the environment variable {self.key} holds characters that no key has: set it anew")
        return {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {secret}"} if secret else {})

    def _pool(self) -> httpx.Client:
        """The connections, opened when first needed."""
        import httpx

        with self._lock:
            if self._client is None:
                most = httpx.Limits(max_connections=self.parallel, max_keepalive_connections=self.parallel)
                self._client = httpx.Client(limits=most)
                weakref.finalize(self, self._client.close)
            return self._client


def _passes(status: int) -> bool:
    """Whether a failure may pass: too early, too many, too slow, and what is the server's own fault."""
    return status in (408, 425, 429) or (status >= 500 and status not in NOT_HERE)
