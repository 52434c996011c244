"""What identifies a network: its class, its configuration and its weights."""

from __future__ import annotations

import hashlib
import json
from typing import Any

INCIDENTAL = ("_name_or_path", "transformers_version", "dtype", "torch_dtype")  # of a configuration, decide nothing


def identity_of(network: Any) -> dict[str, Any]:
    """Fields that are equal for networks that compute the same, wherever their files came from."""
    said = {name: value for name, value in network.config.to_dict().items() if name not in INCIDENTAL}
    return {
        "class": type(network).__name__,
        "config": hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest(),
        "weights": _fingerprint(network),
        "changed": sorted(name for name, module in network.named_modules() if "forward" in vars(module)),
    }


def _fingerprint(network: Any) -> str:
    """A hash of all weights with their names, shapes and types."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
