"""A server on a real socket, which does what a test tells it to and remembers what it was asked."""

import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Served:
    """An OpenAI-compatible server. `answer(body, number)` gives a status, headers, and a body as JSON or bytes."""

    def __init__(self):
        self.bodies, self.paths, self.headers, self.at_once, self.peak = [], [], [], 0, 0
        self.answer = lambda body, number: reply("hello")
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _asked(self, handler, body):
        with self._lock:
            self.bodies.append(body)
            self.paths.append(handler.path)
            self.headers.append(dict(handler.headers))
            self.at_once += 1
            self.peak = max(self.peak, self.at_once)
            return len(self.bodies) - 1

    def _handler(self):
        served = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                number = served._asked(self, body)
                try:
                    status, headers, said = served.answer(body, number)
                finally:
                    with served._lock:
                        served.at_once -= 1
                content = said if isinstance(said, bytes) else json.dumps(said).encode()
                with suppress(BrokenPipeError, ConnectionResetError):
                    self.send_response(status)
                    for name, value in {"Content-Length": str(len(content)), **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(content)
                if "Content-Length" in headers:  # a wrong one: the body is cut off
                    self.close_connection = True

            def log_message(self, *args):
                pass

        return Handler


def reply(text, *, finish="stop", logprobs=None):
    """A chat's answer, as OpenAI gives it."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish, "text": text}
    return (
        200,
        {},
        {"choices": [{**choice, "logprobs": logprobs}], "usage": {"prompt_tokens": 7, "completion_tokens": 2}},
    )


def chat_logprobs(*pairs):
    """The log-probabilities of a chat's first token: texts and values, the chosen one first."""
    top = [{"token": text, "logprob": p, "bytes": list(text.encode())} for text, p in pairs]
    return {"content": [{**top[0], "top_logprobs": top}]}


@pytest.fixture
def served(monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Served()
    server.reply, server.chat_logprobs = reply, chat_logprobs
    yield server
    server.close()
