"""How to ask somebody else's server: again when a failure may pass, several at once, and without telling any key."""

from __future__ import annotations

import json
import logging
import os
import random
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from threading import Event, local
from time import monotonic
from typing import Any, TypeVar

from rankify.errors import Misuse, RankifyError

Item = TypeVar("Item")
Answer = TypeVar("Answer")

LONGEST_PAUSE = 30.0  # seconds; a server that wants more says so
SECRET_NAMES = ("KEY", "TOKEN", "SECRET", "PASSWORD")
SECRET_FORMS = re.compile(
    r"\b(?:sk|pk|gsk|xai|hf)[-_][\w*.\-]{6,}|\b(?:AIza|jina_|tvly-|pcsk_|mxb_|iuak_)[\w*.\-]{6,}|\bpa-[\w*\-]{20,}"
    r"|(?<=Bearer )\S+"
)
log = logging.getLogger(__name__)


class RemoteFailed(RankifyError):
    """A server gave no answer, after every try; never read as a result."""


class Again(Exception):
    """A failure that may pass: what it was, and for how many seconds at least its sender wants to be left alone."""

    def __init__(self, cause: str, wait: float = 0.0) -> None:
        super().__init__(cause)
        self.wait = wait


class GivenUp(RemoteFailed):
    """A request that was not tried again because another one failed for good."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long to ask.

    Args:
        retries: how often it is tried again.
        pause: seconds before the second try, at most; the third waits twice as long, and so on.
        deadline: seconds for all tries and pauses together.
        failure: what is raised in the end.
    """

    retries: int
    pause: float
    deadline: float
    failure: type[RankifyError] = RemoteFailed

    def answer(self, ask: Callable[[float], Answer], stopped: Event) -> Answer:
        """What `ask` answers, tried again while it raises Again: after pauses that double and vary, or as it says.

        Args:
            ask: is told how many seconds are left.
            stopped: ends a pause, when nobody waits for the answer any more.

        Raises:
            RemoteFailed: every try failed, or the next would be too late; the message has the last cause. Or `failure`.
        """
        ends = monotonic() + self.deadline
        for tries in range(1, self.retries + 1):
            try:
                return ask(max(ends - monotonic(), 0.001))
            except Again as failure:  # noqa: PERF203 - a request takes longer
                waits = max(failure.wait, self._pause(tries))
                if monotonic() + waits > ends:
                    late = f"the next, in {waits:.0f} s, is past deadline={self.deadline:g}"
                    raise self.failure(f"{failure}; tried {tries} times, and {late}: try later, or raise it") from None
                log.info("%s; again in %.1f s", failure, waits)
                if stopped.wait(waits):
                    raise GivenUp(f"{failure}; given up, because another request failed for good") from None
        try:
            return ask(max(ends - monotonic(), 0.001))
        except Again as failure:
            tries, more = self.retries + 1, f"retries={self.retries}"
            raise self.failure(f"{failure}; tried {tries} times: try later, or raise {more}") from None

    def _pause(self, tries: int) -> float:
        jitter = random.uniform(0.5, 1)  # noqa: S311 - so that many askers do not come back all at once
        return jitter * min(self.pause * 2.0 ** (tries - 1), LONGEST_PAUSE)


class Workers:
    """Threads that ask for any number of callers, with at most `parallel` requests under way.

    A call from a thread of other workers, as when a backend stands behind a remembering one, stops when that call does.
    """

    _outer = local()

    def __init__(self, parallel: int) -> None:
        self._pool = ThreadPoolExecutor(parallel, thread_name_prefix="rankify-remote")

    def each(self, ask: Callable[[Item, Event], Answer], items: Sequence[Item]) -> list[Answer]:
        """The answers, in the order of the items.

        Raises:
            RankifyError: one failed; those not yet asked are not asked any more.
        """
        stopped = getattr(self._outer, "stopped", None) or Event()

        def one(item: Item) -> Answer:
            if stopped.is_set():
                raise GivenUp("not asked, because another request failed for good")
            self._outer.stopped = stopped
            try:
                return ask(item, stopped)
            except BaseException:
                stopped.set()  # before this thread takes the next item
                raise

        futures = [self._pool.submit(one, item) for item in items]
        try:
            for future in as_completed(futures):
                if not isinstance(future.exception(), GivenUp):  # whose cause is about to come
                    future.result()
            return [future.result() for future in futures]
        except BaseException:
            stopped.set()
            for future in futures:
                future.cancel()
            raise

    def close(self) -> None:
        """Lets the threads end; what is under way is finished."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def check_patience(asker: Any, *counts: str) -> None:
    """Raises Misuse where options say that nothing should be asked at once, never, or in no time.

    Args:
        asker: has the options as attributes.
        counts: further ones that are more than 0.
    """
    for option in ("parallel", "timeout", "deadline", *counts):
        if getattr(asker, option) <= 0:
            raise Misuse(f"{option}={getattr(asker, option)} should be more than 0")
    for option in ("retries", "pause"):
        if getattr(asker, option) < 0:
            raise Misuse(f"{option}={getattr(asker, option)} should be 0 or more")


def scrubbed(text: str, most: int = 300, *, key: str = "") -> str:
    """A server's message as one short line, without any key: those of the environment, and what looks like one.

    Args:
        key: the name of a variable of the environment that holds one, whatever it is called.

    >>> scrubbed("Incorrect API key provided: sk-abcdefgh****wxyz.\\n  See the docs")
    'Incorrect API key provided: *** See the docs'
    """
    for name, value in os.environ.items():
        if (name == key or name.upper().endswith(SECRET_NAMES)) and len(value.strip()) >= 6:
            text = text.replace(value.strip(), "***")
    line = " ".join(SECRET_FORMS.sub("***", text).split())
    return line if len(line) <= most else f"{line[:most]}..."


def complaint(content: bytes, key: str) -> str:
    """What a server says is wrong, wherever it says so, as a short line without keys."""
    text = content.decode("utf-8", "replace")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return scrubbed(text, key=key)
    for field in ("error", "message", "detail"):
        if isinstance(said, dict) and said.get(field):
            said = said[field]
    return scrubbed(said if isinstance(said, str) else json.dumps(said, ensure_ascii=False), key=key)


def seconds_asked(retry_after: str) -> float:
    """How long a Retry-After header asks to wait, be it seconds or a date; 0.0 when it says nothing legible."""
    try:
        return max(0.0, float(retry_after))  # 0.0 where it is "nan", which is greater than nothing
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return 0.0
    if until.tzinfo is None:  # dates of HTTP are in UTC, whether they say so or not
        until = until.replace(tzinfo=timezone.utc)
    return max((until - datetime.now(timezone.utc)).total_seconds(), 0.0)
