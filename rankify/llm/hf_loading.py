"""A published language model ready to run: causal or encoder-decoder, on one device or several, with an adapter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rankify.encoders.adapter import adapted, adapter_folder, adapter_folders
from rankify.encoders.checkpoint import Checkpoint
from rankify.encoders.hub import located
from rankify.errors import BadInput, Misuse, needs

__all__ = ["adapter_folder", "adapter_folders", "context_of", "decoder_start", "ends_of", "loaded"]


def loaded(
    model: str, *, revision: str | None, dtype: str, device: str | None, device_map: str | None, adapter: str | None
) -> Checkpoint:
    """The model of a folder or a hub id, with the adapter's weights added to its own.

    Raises:
        BadInput: there is no such model or adapter, or it cannot be loaded.
        Misuse: a device and a map of devices are both asked for.
        MissingExtra: a map of devices needs accelerate, an adapter needs peft.
    """
    transformers = needs("transformers", "neural")
    if device_map is not None:
        needs("accelerate", "peft")
        if device is not None:
            raise Misuse(f"device={device!r} and device_map={device_map!r} both say where the model goes; give one")
    if adapter is not None:
        needs("peft", "peft")
    folder = located(model, revision)
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"cannot load model {model!r} from {folder}: {str(error).splitlines()[0]}") from error
    kind = "AutoModelForSeq2SeqLM" if config.is_encoder_decoder else "AutoModelForCausalLM"
    found = Checkpoint.load(model, kind=kind, revision=revision, dtype=dtype, device=device, device_map=device_map)
    return found if adapter is None else replace(found, network=adapted(found.network, adapter))


def context_of(checkpoint: Checkpoint, asked: int | None) -> int | None:
    """The most tokens of a prompt and its reply: what is asked for, else the network's positions, else its tokenizer's.

    None for encoder-decoders with relative positions (T5), whose tokenizers name what they were trained on: published
    rankers show FLAN-T5 several passages beyond that, so their own cuts hold and no other.

    Raises:
        Misuse: more is asked for than the network has positions, or less than 2.
    """
    positions = getattr(checkpoint.network.config.get_text_config(), "max_position_embeddings", None)
    written = int(checkpoint.tokenizer.model_max_length)
    known = int(positions) if positions and positions > 0 else None
    if asked is not None and not 2 <= asked <= (known or asked):
        raise Misuse(f"max_length={asked} with model {checkpoint.model!r}: it reads 2 to {known or 'any'} tokens")
    if asked or known or checkpoint.network.config.is_encoder_decoder:
        return asked or known
    return written if written < 1 << 30 else None


def ends_of(checkpoint: Checkpoint) -> frozenset[int]:
    """The tokens that end a reply: those of the model's generation settings and its tokenizer's own."""
    settings, config = checkpoint.network.generation_config, checkpoint.network.config
    named = (getattr(settings, "eos_token_id", None), config.get_text_config(decoder=True).eos_token_id)
    listed = [token for ends in named if ends is not None for token in (ends if isinstance(ends, list) else [ends])]
    own = checkpoint.tokenizer.eos_token_id
    return frozenset([*map(int, listed), *([] if own is None else [int(own)])])


def decoder_start(network: Any) -> list[int]:
    """The token that a decoder's text begins with."""
    for source in (network.generation_config, network.config):
        for name in ("decoder_start_token_id", "bos_token_id", "pad_token_id"):
            if (token := getattr(source, name, None)) is not None:
                return [int(token[0] if isinstance(token, Sequence) else token)]
    return [0]
