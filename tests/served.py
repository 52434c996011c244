"""A server on a real socket, which does what a test tells it to and remembers what it was asked."""

import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
ELSEWHERE = ("OPENAI_API_KEY", "OPENAI_BASE_URL", *PROXIES)  # what would lead past a server here


class Served:
    """A server. `answer(body, number)` gives a status, headers, and a body as JSON or bytes; a GET has none."""

    def __init__(self, answer):
        self.bodies, self.paths, self.headers, self.at_once, self.peak = [], [], [], 0, 0
        self.answer = answer
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/v1"

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

            def do_GET(self):
                self._reply(None)

            def do_POST(self):
                self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def _reply(self, body):
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
