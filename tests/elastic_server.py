"""A server that speaks the documented interface of Elasticsearch 8 and 9 or OpenSearch 2, as far as Rankify uses it.

It refuses what the real one refuses: fields, settings and queries of the other kind, and names nobody sent it.
Texts are scored by BM25 over the words in lower case, vectors by their inner product in float32.
"""

import base64
import json
import math
import re
import threading
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import numpy as np


class ElasticStandIn:
    """`faults` are answers given before any other, one a request that is no GET of `/`: (status, headers, body), or
    seconds to wait, or "break". `asked` is every request: method, path, body, headers.
    """

    def __init__(self, kind="elasticsearch", version="8.15.0"):
        self.kind, self.version = kind, version
        self.indices, self.faults, self.asked, self.credentials = {}, [], [], None
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def paths(self, ending=""):
        return [path for _, path, _, _ in self.asked if path.endswith(ending)]

    def answer(self, method, path, body, headers):
        if self.credentials and headers.get("Authorization") != self.credentials:
            shown = headers.get("Authorization", "none")
            return 401, failed("security_exception", f"unable to authenticate with credentials [{shown}]", 401)
        if path == "/":
            flavour = {"distribution": "opensearch"} if self.kind == "opensearch" else {"build_flavor": "default"}
            return 200, {"name": "node", "version": {"number": self.version, **flavour}}
        parts = [unquote(part) for part in path.strip("/").split("/")]
        name, what = parts[0], (parts[1:] or [""])[0]
        if method == "PUT" and not what:
            return self.create(name, json.loads(body))
        if name not in self.indices:
            return 404, failed("index_not_found_exception", f"no such index [{name}]", 404)
        found = getattr(self, what.removeprefix("_"))(self.indices[name], body)
        return found if isinstance(found, tuple) else (200, found)

    # the interface, one method an address

    def create(self, name, body):
        if name in self.indices:
            return 400, failed("resource_already_exists_exception", f"index [{name}] already exists")
        if re.search(r"[A-Z\s\\/*?\"<>|,#]", name):
            return 400, failed("invalid_index_name_exception", f"Invalid index name [{name}]")
        for setting in flat(body["settings"]):
            ours = ("knn" in setting) == (self.kind == "opensearch") or "knn" not in setting
            late = "exclude_source_vectors" in setting and self.version < "9.2"
            if not ours or late:
                return 400, failed("illegal_argument_exception", f"unknown setting [{setting}]")
        for field in body["mappings"]["properties"].values():
            if field["type"] == ("dense_vector" if self.kind == "opensearch" else "knn_vector"):
                return 400, failed("mapper_parsing_exception", f"No handler for type [{field['type']}] declared")
            if field.get("analyzer", "english") not in ("english", "standard"):
                return 400, failed(
                    "mapper_parsing_exception", f"analyzer [{field['analyzer']}] has not been configured"
                )
        self.indices[name] = {"name": name, "mappings": body["mappings"], "settings": body["settings"], "docs": {}}
        return 200, {"acknowledged": True, "index": name}

    def mapping(self, index, body):
        return {index["name"]: {"mappings": index["mappings"]}}

    def refresh(self, index, body):
        return {"_shards": {"total": 1, "successful": 1, "failed": 0}}

    def bulk(self, index, body):
        lines = [json.loads(line) for line in body.decode().splitlines()]
        items = []
        for action, document in zip(lines[::2], lines[1::2], strict=True):
            index["docs"][action["index"]["_id"]] = document
            items.append({"index": {"_id": action["index"]["_id"], "status": 201}})
        return {"errors": False, "items": items}

    def count(self, index, body):
        return {"count": len(self.filtered(index, json.loads(body)["query"]))}

    def mget(self, index, body):
        ids = json.loads(body)["ids"]
        known = index["docs"]
        hidden = self.version >= "9.2" and "index.mapping.exclude_source_vectors" not in index["settings"]
        shown = {
            id: {f: v for f, v in known[id].items() if not (hidden and f == "vector")} for id in ids if id in known
        }
        return {"docs": [{"_id": id, "found": id in known, "_source": shown.get(id)} for id in ids]}

    def msearch(self, index, body):
        lines = [json.loads(line) for line in body.decode().splitlines()]
        return {"responses": [self.search(index, asked) for asked in lines[1::2]]}

    def search(self, index, asked):
        if asked["size"] > 10_000:
            return {**failed("illegal_argument_exception", "Result window is too large"), "status": 400}
        try:
            scored = self.scored(index, asked)
        except (KeyError, ValueError) as error:
            return {**failed("parsing_exception", f"cannot read [{error}]"), "status": 400}
        order = asked.get("sort", [{"_score": "desc"}])
        rank = (lambda place: index["docs"][place]["rank"]) if {"rank": "asc"} in order else int_or_text
        scored.sort(key=lambda pair: (-pair[1], rank(pair[0])))
        if asked.get("search_after"):
            score, after = asked["search_after"]
            scored = [(id, s) for id, s in scored if (-s, rank(id)) > (-score, after)]
        shown = asked.get("fields", [])
        hits = [
            {"_id": id, "_score": s, "sort": [s, rank(id)], "fields": {f: [index["docs"][id][f]] for f in shown}}
            for id, s in scored[: asked["size"]]
        ]
        return {"status": 200, "timed_out": False, "_shards": {"failed": 0}, "hits": {"hits": hits}}

    # what a search finds

    def scored(self, index, asked):
        if "knn" in asked:
            if self.kind == "opensearch" or asked["knn"]["num_candidates"] < asked["knn"]["k"]:
                raise ValueError("knn")
            knn = asked["knn"]
            return self.nearest(index, knn["query_vector"], self.filtered(index, knn.get("filter")))[: knn["k"]]
        [(kind, query)] = asked["query"].items()
        if kind == "knn":
            if self.kind != "opensearch" or not index["settings"].get("index.knn"):
                raise ValueError("knn")
            vector = query["vector"]
            return self.nearest(index, vector["vector"], self.filtered(index, vector.get("filter")))[: vector["k"]]
        if kind == "script_score":
            script = query["script"]
            ours = script.get("lang") == "knn" if self.kind == "opensearch" else "dotProduct" in script["source"]
            if not ours:
                raise ValueError("script")
            params = script["params"]
            wanted = params["query_value" if self.kind == "opensearch" else "query"]
            return self.nearest(index, wanted, self.filtered(index, query["query"]))
        if kind == "match":
            return bm25(index, query["contents"]["query"], ["contents"])
        return bm25(index, query["query"], [field.partition("^")[0] for field in query["fields"]])

    def filtered(self, index, query):
        if query is None or "match_all" in query:
            return list(index["docs"])
        bounds = query["range"]["position"]
        return [id for id, d in index["docs"].items() if bounds["gte"] <= d["position"] < bounds["lt"]]

    def nearest(self, index, query, ids):
        if not ids:
            return []
        rows = np.array([index["docs"][id]["vector"] for id in ids], np.float32)
        field = index["mappings"]["properties"]["vector"]
        if len(query) != field.get("dims", field.get("dimension")):
            raise ValueError("the length of the query")
        products = rows @ np.array(query, np.float32)
        scores = np.where(products < 0, 1 / (1 - np.minimum(products, 0)), products + 1).astype(np.float32)
        found = list(zip(ids, scores.tolist(), strict=True))
        return sorted(found, key=lambda pair: -pair[1])

    def _handler(self):
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = urlsplit(self.path).path
                with stand_in._lock:
                    stand_in.asked.append((self.command, path, body, dict(self.headers)))
                    fault = stand_in.faults.pop(0) if stand_in.faults and path != "/" else None
                if fault == "break":
                    self.close_connection = True
                    return
                if isinstance(fault, float):
                    time.sleep(fault)
                headers = {}
                if isinstance(fault, tuple):
                    status, headers, answer = fault
                else:
                    with stand_in._lock:
                        status, answer = stand_in.answer(self.command, path, body, self.headers)
                content = json.dumps(answer).encode()
                with suppress(BrokenPipeError, ConnectionResetError):
                    self.send_response(status)
                    for name, value in {"Content-Length": str(len(content)), **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(content)

            do_GET = do_POST = do_PUT = respond  # noqa: N815 - http.server's names

            def log_message(self, *args):
                pass

        return Handler


def failed(kind, reason, status=400):
    cause = {"type": kind, "reason": reason}
    return {"error": {"root_cause": [cause], **cause}, "status": status}


def basic(user_and_password):
    return f"Basic {base64.b64encode(user_and_password.encode()).decode()}"


def flat(settings, above=""):
    for name, value in settings.items():
        if isinstance(value, dict) and "type" not in value:
            yield from flat(value, f"{above}{name}.")
        else:
            yield above + name


def int_or_text(id):
    return (0, int(id), "") if id.isdigit() else (1, 0, id)


def bm25(index, text, fields):
    """The best of the fields for each document, k1 0.9 and b 0.4, in float32."""
    best, asked = {}, Counter(re.findall(r"\w+", text.lower()))
    for field in fields:
        bags = {id: Counter(re.findall(r"\w+", str(d.get(field, "")).lower())) for id, d in index["docs"].items()}
        average = sum(sum(bag.values()) for bag in bags.values()) / max(1, len(bags)) or 1
        for id, bag in bags.items():
            score = 0.0
            for term, times in asked.items():
                if not bag[term]:
                    continue
                n = sum(term in other for other in bags.values())
                idf = math.log(1 + (len(bags) - n + 0.5) / (n + 0.5))
                score += times * idf * bag[term] / (bag[term] + 0.9 * (0.6 + 0.4 * sum(bag.values()) / average))
            if score > 0:
                best[id] = max(best.get(id, 0.0), float(np.float32(score)))
    return list(best.items())
