"""A published model ready to run: its tokenizer and its network, loaded from files that are never executed."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankify.encoders.hub import in_safetensors, located, tokenizer_folder
from rankify.encoders.texts import padded
from rankify.errors import BadInput, UnknownName, needs

if TYPE_CHECKING:
    import torch

DTYPES = ("float32", "bfloat16", "float16")
BUDGET = {"cpu": 2048}  # tokens a batch: on a processor what stays in its caches, elsewhere what keeps it busy
BUDGET_ELSEWHERE = 65_536


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A tokenizer and a network that share a folder.

    Args:
        limit: the most tokens the network can read.
        device: where the network is.
        unread: the names of weights in the files that the network has no place for.
        positions: the most tokens the network has positions for, whatever its tokenizer says; None where they are
            relative.
    """

    model: str
    folder: Path
    tokenizer: Any
    network: Any
    limit: int
    device: str
    unread: frozenset[str] = frozenset()
    positions: int | None = None

    @classmethod
    def load(
        cls, model: str, *, kind: str = "AutoModel", revision: str | None = None, dtype: str = "float32",
        device: str | None = None, device_map: str | None = None, tokenizer: str | None = None,
        elsewhere: Sequence[str] = (), more: Mapping[str, Any] | None = None,
    ) -> Checkpoint:  # fmt: skip
        """The model of a folder or a hub id, in evaluation mode.

        Args:
            kind: the class of transformers that loads it.
            device_map: how accelerate lays it out over several devices, in place of `device`.
            tokenizer: the folder or the hub id of the tokenizer; the model's own if not given.
            elsewhere: the parts whose weights come from other files.
            more: what else that class is told, e.g. the number of labels or another configuration.

        Raises:
            BadInput: there is no such model, it cannot be loaded, its tokenizer has no words, or a part of it was
                never trained.
            UnknownName: a dtype or device that there is not.
        """
        needs("torch", "neural")  # first, since transformers without it fails in words of its own
        transformers = needs("transformers", "neural")
        numbers, place = dtype_of(dtype), device_of(device)
        folder = located(model, revision)
        layout = {**(more or {}), **({} if device_map is None else {"device_map": device_map})}
        words = folder if tokenizer is None else tokenizer_folder(tokenizer)
        damaged = (needs("safetensors", "neural").SafetensorError, EOFError)
        try:
            with _quiet(transformers):
                reader = transformers.AutoTokenizer.from_pretrained(words, local_files_only=True, **_config(more))
                network, loaded = getattr(transformers, kind).from_pretrained(
                    folder, dtype=numbers, use_safetensors=in_safetensors(folder), local_files_only=True,
                    output_loading_info=True, **layout,
                )  # fmt: skip
        except pickle.UnpicklingError as error:
            raise BadInput(
                f"cannot load model {model!r}: a weights file in {folder} holds more than tensors"
            ) from error
        except (*damaged, OSError, ValueError, KeyError, RuntimeError, AttributeError, ImportError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise BadInput(f"cannot load model {model!r} from {folder}: {reason}") from error
        if len(reader) <= len(reader.all_special_tokens):  # what transformers makes of a folder without its files
            raise BadInput(f"model {model!r} has no tokenizer in {words}: copy tokenizer.json or vocab.txt there too")
        unread = () if kind.endswith("SequenceClassification") else ("pooler",)  # which only such a head reads
        spare = {*elsewhere, *unread}
        missing = sorted(name for name in loaded["missing_keys"] if not spare & {*name.split(".")})
        if missing:
            raise BadInput(f"model {model!r} has no trained weights for {missing[0]!r}: {_why(network, kind)}")
        if device_map is None:
            network.to(place)
        else:  # where ids go in; weights that accelerate keeps elsewhere are on no device
            place = str(network.get_input_embeddings().weight.device).replace("meta", "cpu")
        return cls(
            model=model, folder=folder, tokenizer=reader, network=network.eval(),
            limit=_limit(reader, network), device=place, unread=frozenset(loaded["unexpected_keys"]),
            positions=_positions(network),
        )  # fmt: skip

    @property
    def pad(self) -> int:
        """The id that fills up rows; any will do where the model has none, since it is masked."""
        own = self.tokenizer.pad_token_id
        return int(own if own is not None else self.tokenizer.eos_token_id or 0)

    def length(self, asked: int | None) -> int:
        """The most tokens to read: what is asked for, or else all the network can.

        Raises:
            BadInput: more is asked for than the network can read, or less than one token of text.
        """
        least = int(self.tokenizer.num_special_tokens_to_add()) + 1
        if asked is not None and not least <= asked <= self.limit:
            raise BadInput(f"max_length={asked} with model {self.model!r}: it reads {least} to {self.limit} tokens")
        return asked or self.limit

    def inputs(self, rows: Sequence[Sequence[int]]) -> dict[str, torch.Tensor]:
        """Rows of token ids as the network takes them; segments, where it knows them, are all 0."""
        import torch

        found = padded(rows, self.pad, self.device)
        if "token_type_ids" in self.tokenizer.model_input_names:
            found["token_type_ids"] = torch.zeros_like(found["input_ids"])
        return found

    def budget(self, asked: int | None) -> int:
        """The tokens of one batch: what is asked for, or else what suits the device."""
        return BUDGET.get(self.device, BUDGET_ELSEWHERE) if asked is None else asked


def dtype_of(name: str) -> torch.dtype:
    """torch's type of that name.

    Raises:
        UnknownName: none of `DTYPES`.
    """
    numbers = needs("torch", "neural")
    if name not in DTYPES:
        raise UnknownName.among("dtype", name, DTYPES)
    found: torch.dtype = getattr(numbers, name)
    return found


def device_of(name: str | None) -> str:
    """The device to use: the one asked for, or else a GPU if there is one.

    Raises:
        UnknownName: no device is called that.
        BadInput: this machine has no such device.
    """
    torch = needs("torch", "neural")
    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except RuntimeError as error:
        if "Expected one of" in str(error) or "Invalid device string" in str(error):
            raise UnknownName(f"no device {name!r}; devices are cpu, cuda, cuda:0, mps, ...") from None
        raise BadInput(f"device {name!r} cannot be used here: {str(error).splitlines()[0]}") from None
    except AssertionError as error:  # a torch without CUDA says it this way
        raise BadInput(f"device {name!r} cannot be used here: {error}") from None
    return name


def _config(more: Mapping[str, Any] | None) -> dict[str, Any]:
    """The configuration by which transformers finds a tokenizer's class, where it is another than the folder's."""
    return {"config": more["config"]} if more and "config" in more else {}


def _why(network: Any, kind: str) -> str:
    """Why a network lacks weights."""
    code = (getattr(network.config, "auto_map", None) or {}).get(kind)
    return f"its network is code of its own ({code}), which is not run" if code else "it is not made for this"


def _limit(tokenizer: Any, network: Any) -> int:
    """How many tokens fit: the tokenizer's limit, or fewer if the network has fewer positions."""
    positions = _positions(network)
    if positions is None:
        # no limit is written as a huge number; 512 is what models with relative positions were trained on
        return int(tokenizer.model_max_length) if tokenizer.model_max_length < 1 << 30 else 512
    return int(min(tokenizer.model_max_length, positions))


def _positions(network: Any) -> int | None:
    """How many tokens the network has positions for; None where it has relative ones."""
    positions = getattr(network.config.get_text_config(), "max_position_embeddings", None)
    if not positions or positions < 0:
        return None
    # RoBERTa and its kin count positions from behind the padding id
    skipped = getattr(getattr(network.base_model, "embeddings", None), "padding_idx", None)
    return int(positions - (0 if skipped is None else skipped + 1))


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Without the progress bars and load reports of transformers; what they would say is checked instead."""
    log = transformers.utils.logging
    verbosity, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    try:
        yield
    finally:
        log.set_verbosity(verbosity)
        if bars:
            log.enable_progress_bar()
