"""What each provider of embeddings wants to be asked, and how it answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import quote

from rankify.encoders.remote import RemoteEncoder
from rankify.encoders.remote_replies import numbered


class OpenAI(RemoteEncoder):
    """OpenAI's embeddings. It knows no kinds of texts; prefixes are up to you.

    Args:
        model: e.g. text-embedding-3-small.
        base_url: another address, by default `$OPENAI_BASE_URL`, or else OpenAI.
        key, dimensions, normalize, max_length, query_prefix, document_prefix, query_type, document_type, batch,
            batch_tokens, parallel, retries, pause, timeout, deadline, extra: as for `RemoteEncoder`.
    """

    name: ClassVar[str] = "openai"

    def request(self, texts: Sequence[str], kind: str) -> tuple[str, dict[str, Any]]:
        body: dict[str, Any] = {"model": self.model, "input": list(texts), "encoding_format": "float"}
        more = {"input_type": kind} if kind else {}
        return "/embeddings", {**body, **more, **({"dimensions": self.dimensions} if self.dimensions else {})}

    def rows(self, answer: Any, texts: Sequence[str]) -> list[Any]:
        return numbered(answer["data"], len(texts), self._host)

    def used(self, answer: Any) -> int | None:
        usage = answer.get("usage") or {}
        said = usage.get("total_tokens", usage.get("prompt_tokens"))
        return None if said is None else int(said)


class HTTP(OpenAI):
    """Any server that speaks OpenAI's protocol for embeddings: vLLM, text-embeddings-inference, LiteLLM, Ollama, ...

    Args:
        model: its name on the server.
        base_url: where the server is, `/v1` included; by default `$OPENAI_BASE_URL`.
        query_type, document_type: sent as `input_type`, if given.
        key, dimensions, normalize, max_length, query_prefix, document_prefix, batch, batch_tokens, parallel, retries,
            pause, timeout, deadline, extra: as for `RemoteEncoder`.
    """

    name: ClassVar[str] = "http"


class Voyage(OpenAI):
    """Voyage AI's embeddings, asked as queries and as documents. It cuts long texts itself.

    Args:
        model: e.g. voyage-4.
        base_url, key, dimensions, normalize, max_length, query_prefix, document_prefix, query_type, document_type,
            batch, batch_tokens, parallel, retries, pause, timeout, deadline, extra: as for `RemoteEncoder`.
    """

    name: ClassVar[str] = "voyage"

    def request(self, texts: Sequence[str], kind: str) -> tuple[str, dict[str, Any]]:
        body: dict[str, Any] = {"model": self.model, "input": list(texts), "truncation": True}
        more = {"input_type": kind} if kind else {}
        return "/embeddings", {**body, **more, **({"output_dimension": self.dimensions} if self.dimensions else {})}


class Jina(OpenAI):
    """Jina AI's embeddings, asked by task: retrieval.query and retrieval.passage. It cuts long texts itself.

    Args:
        model: e.g. jina-embeddings-v3.
        base_url, key, dimensions, normalize, max_length, query_prefix, document_prefix, query_type, document_type,
            batch, batch_tokens, parallel, retries, pause, timeout, deadline, extra: as for `RemoteEncoder`.
    """

    name: ClassVar[str] = "jina"

    def request(self, texts: Sequence[str], kind: str) -> tuple[str, dict[str, Any]]:
        body: dict[str, Any] = {"model": self.model, "input": list(texts), "truncate": True, "embedding_type": "float"}
        more = {"task": kind} if kind else {}
        return "/embeddings", {**body, **more, **({"dimensions": self.dimensions} if self.dimensions else {})}


class Cohere(RemoteEncoder):
    """Cohere's embeddings (API v2), asked as search_query and search_document. It cuts long texts itself.

    Its vectors have no numbers. It says which texts they are of: where those are the texts that were sent, in another
    order, the vectors are put into the order of the texts.

    Args:
        model: e.g. embed-v4.0.
        base_url, key, dimensions, normalize, max_length, query_prefix, document_prefix, query_type, document_type,
            batch, batch_tokens, parallel, retries, pause, timeout, deadline, extra: as for `RemoteEncoder`.
    """

    name: ClassVar[str] = "cohere"

    def request(self, texts: Sequence[str], kind: str) -> tuple[str, dict[str, Any]]:
        body: dict[str, Any] = {"model": self.model, "texts": list(texts), "input_type": kind}
        how = {"embedding_types": ["float"], "truncate": "END"}
        return "/embed", {**body, **how, **({"output_dimension": self.dimensions} if self.dimensions else {})}

    def rows(self, answer: Any, texts: Sequence[str]) -> list[Any]:
        found = list(answer["embeddings"]["float"])
        said = answer.get("texts") or []
        if len(said) == len(found) and list(said) != list(texts) and sorted(said) == sorted(texts):
            places = {text: place for place, text in enumerate(said)}  # texts of a request are distinct
            return [found[places[text]] for text in texts]
        return found

    def used(self, answer: Any) -> int | None:
        said = ((answer.get("meta") or {}).get("billed_units") or {}).get("input_tokens")
        return None if said is None else int(said)


class Gemini(RemoteEncoder):
    """Google's embeddings (Gemini API), asked as RETRIEVAL_QUERY and RETRIEVAL_DOCUMENT. It cuts long texts itself.

    Its vectors have no numbers, and it does not say which texts they are of: they are read in the order of the texts,
    and as many as there are texts, or not at all. It counts no tokens either; they are estimated.

    Args:
        model: e.g. gemini-embedding-001.
        base_url, key, dimensions, normalize, max_length, query_prefix, document_prefix, query_type, document_type,
            batch, batch_tokens, parallel, retries, pause, timeout, deadline, extra: as for `RemoteEncoder`.
    """

    name: ClassVar[str] = "gemini"

    def request(self, texts: Sequence[str], kind: str) -> tuple[str, dict[str, Any]]:
        how: dict[str, Any] = {"taskType": kind} if kind else {}
        how |= {"outputDimensionality": self.dimensions} if self.dimensions else {}
        one = {"model": f"models/{self.model}", **how}
        asked = [{**one, "content": {"parts": [{"text": text}]}} for text in texts]
        return f"/models/{quote(self.model, safe='')}:batchEmbedContents", {"requests": asked}

    def rows(self, answer: Any, texts: Sequence[str]) -> list[Any]:  # noqa: ARG002 - it does not say which is which
        return [entry["values"] for entry in answer["embeddings"]]

    def used(self, answer: Any) -> int | None:
        said = (answer.get("usageMetadata") or {}).get("promptTokenCount")
        return None if said is None else int(said)
