"""One request to a server that answers in JSON: its answer, or what went wrong and whether that may pass."""

from __future__ import annotations

import json
import os
import re
import threading
import weakref
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import SplitResult, urlsplit

from rankify.errors import Misuse, RankifyError
from rankify.remote.patience import SECRET_FORMS, Again, RemoteFailed, complaint, scrubbed, seconds_asked

if TYPE_CHECKING:
    import httpx

KEY_NAME = re.compile(r"[A-Za-z_]\w*")
NOT_HERE = {501, 505}  # of the server's own failures those that no waiting mends
LARGEST = 1 << 30  # bytes of an answer


class Server:
    """An address, the name of the environment variable that holds its key, and a pool of connections to it.

    Args:
        url: where it is, without a query.
        key: the variable's name; "" where no key is sent.
        parallel: the most connections.
        header, scheme: how the key is sent: `Authorization: Bearer KEY` if not said otherwise.
        option: what the user calls the address, for messages.
        largest: bytes; a longer answer is none.

    Raises:
        Misuse: the address is none, or holds a password.
    """

    failure: ClassVar[type[RankifyError]] = RemoteFailed

    def __init__(
        self, url: str, *, key: str, parallel: int, header: str = "Authorization", scheme: str = "Bearer ",
        option: str = "base_url", largest: int = LARGEST,
    ) -> None:  # fmt: skip
        where = _split(url)
        if where is None:
            shown = url.rpartition("@")[2]  # what stands before it may be a password
            raise Misuse(f"{option}={shown!r} is no address; write e.g. http://localhost:8000/v1")
        if where.username or where.password:
            raise Misuse(f"{option} for {where.hostname} holds a password; put it into an environment variable, key=")
        if key and not _is_name(key):
            raise Misuse("key= is the NAME of an environment variable, such as MY_KEY, and never the key itself")
        if where.query or where.fragment:
            raise Misuse(f"{option} for {where.hostname} has a query, which would stand in every report; leave it out")
        self.url, self.key, self.parallel, self.host = url, key, parallel, where.netloc
        self.header, self.scheme, self.option, self.largest = header, scheme, option, largest
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None

    def post(self, path: str, request: bytes, seconds: float) -> Any:
        """What it answers to a JSON request, read from JSON, all of it within some seconds. Raises as `ask` does."""
        return self.ask("POST", path, seconds, content=request)

    def ask(
        self, method: str, path: str, seconds: float, *, content: bytes = b"", kind: str = "application/json"
    ) -> Any:
        """What it answers to a request, read from JSON, all of it within some seconds.

        Args:
            path: goes behind the address; it may have a query.
            content: what is sent along, of that kind.

        Raises:
            Again: a failure that may pass: nobody there, too slow, broken off, no JSON, or a status that says so.
            RemoteFailed: one that will not: a wrong key, address or request. Or the class that `failure` names.
        """
        import httpx

        ends, late = monotonic() + seconds, f"{self.host} gave no whole answer in {seconds:.3g} s"
        how: dict[str, Any] = {"content": content or None, "headers": self._headers(kind), "timeout": seconds}
        answer = bytearray()
        try:
            with self._pool().stream(method, self.url + path, **how) as response:
                for piece in response.iter_bytes():
                    answer += piece
                    if monotonic() > ends:  # the client's own limit is for each piece
                        raise Again(late)
                    if len(answer) > self.largest:
                        raise self.failure(f"{self.host} answered more than {self.largest:,} bytes")
        except httpx.TimeoutException:
            raise Again(late) from None
        except httpx.ConnectError as error:
            why = scrubbed(str(error), key=self.key)
            raise Again(f"cannot connect to {self.host}: {why}; is {self.option} right?") from None
        except httpx.RequestError as error:
            why = scrubbed(str(error), key=self.key) or type(error).__name__
            raise Again(f"{self.host} broke off: {why}") from None
        if response.status_code not in (200, 201):
            raise self._refusal(response, bytes(answer))
        return self._json(bytes(answer))

    def _json(self, content: bytes) -> Any:
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            begins = scrubbed(content.decode("utf-8", "replace"), 80, key=self.key)
            raise Again(f"{self.host} answered {begins!r}, which is no whole JSON") from None

    def _refusal(self, response: httpx.Response, content: bytes) -> Exception:
        """What to raise for an answer that is an error."""
        status, message = response.status_code, complaint(content, self.key)
        phrase = scrubbed(response.reason_phrase, 60, key=self.key)
        cause = f"{self.host} answered {status} {phrase}: {message}".removesuffix(": ")
        if _passes(status) and "insufficient_quota" not in str(content):
            return Again(cause, seconds_asked(response.headers.get("Retry-After", "")))
        if status in (401, 403):
            if not self.key:
                return self.failure(f"{cause}; say with key=NAME which environment variable holds a key of this server")
            known = "holds another key" if os.environ.get(self.key) else "is not set"
            return self.failure(f"{cause}; the environment variable {self.key} {known}: set it to a key of this server")
        if status in (404, 405) or status < 400:
            return self.failure(f"{cause}; check {self.option}={self.url} and the names in the request")
        return self.failure(f"{cause}; {self._way_out(message)}")

    def _way_out(self, _message: str) -> str:
        """What may be done about a request that is refused."""
        return "not tried again, because the request itself is refused: change what it names"

    def _headers(self, kind: str) -> dict[str, str]:
        """The key is read where it is sent, and kept nowhere."""
        secret = os.environ.get(self.key, "").strip()
        if not secret.isascii() or not secret.isprintable():
            raise self.failure(f"the environment variable {self.key} holds characters that no key has: set it anew")
        return {"Content-Type": kind} | ({self.header: self.scheme + secret} if secret else {})

    def _pool(self) -> httpx.Client:
        """The connections, opened when first needed."""
        import httpx

        with self._lock:
            if self._client is None:
                most = httpx.Limits(max_connections=self.parallel, max_keepalive_connections=self.parallel)
                self._client = httpx.Client(limits=most)
                weakref.finalize(self, self._client.close)
            return self._client


def _split(url: str) -> SplitResult | None:
    """The parts of an address of HTTP; None where it is none."""
    try:
        where = urlsplit(url)
        known = where.scheme in ("http", "https") and where.hostname and where.port != 0
    except ValueError:  # a port that is no number or too large, half an IPv6 address
        return None
    return where if known and url.isprintable() and " " not in url else None


def _is_name(key: str) -> bool:
    """Whether a text is the name of a variable, and no key: one with small letters is of a variable that is there."""
    return bool(KEY_NAME.fullmatch(key)) and not SECRET_FORMS.search(key) and (key.isupper() or key in os.environ)


def _passes(status: int) -> bool:
    """Whether a failure may pass: too early, too many, too slow, and what is the server's own fault."""
    return status in (408, 425, 429) or (status >= 500 and status not in NOT_HERE)
