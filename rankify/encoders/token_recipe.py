"""How a model's texts become token vectors: what the caller, the catalogue and the model's own files say."""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from rankify import catalog
from rankify.encoders.projection import INSIDE, inside
from rankify.errors import BadInput

PUNCTUATION = tuple(string.punctuation)
STANFORD = {"query_marker": "[unused0]", "document_marker": "[unused1]", "query_length": 32, "document_length": 220}
PYLATE = {"query_marker": "[Q] ", "document_marker": "[D] ", "query_length": 32, "document_length": 180}
_ARTIFACT = {
    "query_token_id": "query_marker", "doc_token_id": "document_marker", "query_maxlen": "query_length",
    "doc_maxlen": "document_length", "attend_to_mask_tokens": "attend",
}  # fmt: skip
_SAVED = {
    "query_prefix": "query_marker", "document_prefix": "document_marker", "query_length": "query_length",
    "document_length": "document_length", "attend_to_expansion_tokens": "attend", "do_query_expansion": "expand",
}  # fmt: skip
KINDS = {
    "int | None": "whole number", "str": "text", "bool": "true or false", "tuple[str, ...]": "list of texts"
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TokenRecipe:
    """Everything besides the weights that decides the token vectors of a text.

    Args:
        query_length, document_length: the most tokens read, markers and special ones included; None for all the
            network can.
        query_marker, document_marker: a token of the vocabulary that is put behind a row's first token; "" for none.
        query_prefix, document_prefix: what stands before each text.
        expand: whether shorter queries are filled up with mask tokens to `query_length`; these are scored too.
        attend: whether the other tokens of a query attend to those mask tokens.
        skip: tokens of documents that are read and not scored, such as punctuation.
        lowercase: whether texts are lowercased first.
        network: the folder of the network inside the model's.
        projections: the linear layers behind the network, as folders inside the model's, or `INSIDE` for one that is
            among the network's own weights.
    """

    query_length: int | None = None
    document_length: int | None = None
    query_marker: str = ""
    document_marker: str = ""
    query_prefix: str = ""
    document_prefix: str = ""
    expand: bool = False
    attend: bool = False
    skip: tuple[str, ...] = ()
    lowercase: bool = False
    network: str = ""
    projections: tuple[str, ...] = ()

    @classmethod
    def of(cls, model: str, folder: Path, asked: Mapping[str, Any]) -> TokenRecipe:
        """The recipe of a model: what is asked for wins over the catalogue, and that over the model's own files.

        A checkpoint of ColBERT has its linear layer inside and `artifact.metadata` beside it; folders of PyLate and of
        sentence-transformers list theirs in modules.json; any other encoder gives the vectors of its last layer,
        unmarked.

        Raises:
            BadInput: a file cannot be read, it lacks its linear layer, or queries are to be filled up to no length.
        """
        published = catalog.models().get(model, {}).get("tokens", {})
        given = {name: value for name, value in asked.items() if value is not None}
        saved = _saved(folder) if (folder / "modules.json").is_file() else _plain(model, folder)
        found = cls(**{**saved, **published, **given})
        for field in fields(cls):
            if not _is(getattr(found, field.name), kind := str(field.type)):
                raise BadInput(f"{field.name}={getattr(found, field.name)!r} of model {model!r} is no {KINDS[kind]}")
        if found.expand and found.query_length is None:
            raise BadInput(f"expand=true with model {model!r} needs query_length=, which says up to where")
        return found

    def described(self) -> dict[str, Any]:
        """The recipe as fields of a manifest."""
        return {**asdict(self), "skip": " ".join(self.skip), "projections": list(self.projections)}


def _plain(model: str, folder: Path) -> dict[str, Any]:
    """What a folder without modules says: a checkpoint of ColBERT, or an encoder as it is."""
    if inside(folder) is None:
        named = _read(folder / "config.json").get("architectures") or [""]
        if "ColBERT" in named[0]:
            raise BadInput(f"model {model!r} is a ColBERT without linear.weight in {folder}: its projection is missing")
        return {}
    said = _read(folder / "artifact.metadata")
    own = {ours: said[theirs] for theirs, ours in _ARTIFACT.items() if said.get(theirs) is not None}
    skip = PUNCTUATION if said.get("mask_punctuation", True) else ()
    return {**STANFORD, **own, "expand": True, "skip": skip, "projections": (INSIDE,)}


def _saved(folder: Path) -> dict[str, Any]:
    """What a folder written by PyLate or sentence-transformers says of itself."""
    modules = _modules(folder)
    if not modules or modules[0][0][-1] != "Transformer":
        raise BadInput(f"the model in {folder} does not begin with a Transformer, so it cannot be run here")
    network = modules[0][1]
    said, reads = (
        _read(folder / "config_sentence_transformers.json"),
        _read(folder / network / "sentence_bert_config.json"),
    )
    found: dict[str, Any] = {
        "network": network, "projections": tuple(path for names, path in modules[1:] if "Dense" in names[-2:]),
        "lowercase": bool(reads.get("do_lower_case", False)),
    }  # fmt: skip
    if said.get("model_type") == "MultiVectorEncoder":
        return {**found, **_multi_vector(folder, modules, reads, said.get("prompts") or {})}
    prompts, default = said.get("prompts") or {}, said.get("default_prompt_name") or ""
    if not {"query_length", "document_length", "query_prefix", "skiplist_words"} & set(said):
        length = reads.get("max_seq_length") or None
        queries, documents = prompts.get("query"), prompts.get("document") or prompts.get("passage")
        texts = {"query_prefix": queries or prompts.get(default, "")}
        texts |= {"document_prefix": documents or prompts.get(default, "")}
        return {**found, **texts, "query_length": length, "document_length": length}
    own = {ours: said[theirs] for theirs, ours in _SAVED.items() if said.get(theirs) is not None}
    words = said.get("skiplist_words")
    before = prompts.get(default, "")
    return {
        **found, **PYLATE, "expand": True, "skip": PUNCTUATION if words is None else tuple(words), **own,
        "query_prefix": before, "document_prefix": before,
    }  # fmt: skip


def _multi_vector(folder: Path, modules: Any, reads: Mapping[str, Any], prompts: Mapping[str, str]) -> dict[str, Any]:
    """What sentence-transformers' own multi-vector models say; their markers are tokens at the head of the prompts."""
    skip: list[str] = []
    for names, path in modules:
        if names[-1] == "MultiVectorMask":
            skip += _read(folder / path / "config.json").get("skiplist_words") or []
    filled = reads.get("query_expansion") or {}
    if filled and (filled.get("strategy") != "fixed" or filled.get("token")):
        raise BadInput(f"the model in {folder} fills queries up by {json.dumps(filled)}, which is not computed here")
    return {
        "query_length": filled.get("length") or reads.get("query_length") or reads.get("max_seq_length"),
        "document_length": reads.get("document_length") or reads.get("max_seq_length"),
        "query_prefix": prompts.get("query") or "", "document_prefix": prompts.get("document") or "",
        "expand": bool(filled), "attend": bool(filled.get("attend")), "skip": tuple(skip),
    }  # fmt: skip


def _is(value: Any, kind: str) -> bool:
    """Whether a value is one that a field of that type can have, for a model's files may say anything."""
    if kind == "tuple[str, ...]":
        return isinstance(value, tuple) and all(isinstance(each, str) for each in value)
    if kind == "int | None":
        return value is None or (isinstance(value, int) and not isinstance(value, bool))
    return isinstance(value, {"str": str, "bool": bool}[kind])


def _read(path: Path) -> dict[str, Any]:
    """The object in a JSON file, an empty one where there is none."""
    found = _json(path)
    if not isinstance(found, dict):
        raise BadInput(f"{path} holds {json.dumps(found):.40} where an object should be")
    return found


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise BadInput(f"cannot read {path}: {error}") from None


def _modules(folder: Path) -> list[tuple[list[str], str]]:
    """The names of a model's modules, outermost first, and the folder of each."""
    path, found = folder / "modules.json", []
    for module in _json(path):
        if not (isinstance(module, dict) and {"type", "path"} <= set(module)):
            raise BadInput(f"{path} lists {json.dumps(module):.40}, which is no module")
        found.append((str(module["type"]).split("."), str(module["path"])))
    return found
