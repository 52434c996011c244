"""LoRA adapters: small weights that are added to a model's own."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from rankify.encoders.pickles import refuse
from rankify.errors import BadInput, needs

FILES = ["*.json", "*.safetensors", "adapter_model.bin"]
WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")


def adapted(network: Any, adapter: str) -> Any:
    """The network with a LoRA adapter's weights merged into its own, or with those of several, one after the other.

    Raises:
        MissingExtra: it needs peft.
        BadInput: there is no such adapter, or it is one of another network.
    """
    for one in adapters(adapter):
        network = _merged(network, one)
    return network


def adapters(named: str) -> list[str]:
    """The adapters that an option names: a folder, a hub id, or several with commas between them.

    >>> adapters("owner/first,owner/second")
    ['owner/first', 'owner/second']
    """
    return [named] if Path(named).expanduser().is_dir() else [one.strip() for one in named.split(",")]


def _merged(network: Any, adapter: str) -> Any:
    """The network with one adapter's weights merged into its own.

    Raises:
        MissingExtra: it needs peft.
        BadInput: there is no such adapter, or it is one of another network.
    """
    peft, folder = needs("peft", "peft"), adapter_folder(adapter)
    try:
        with warnings.catch_warnings():  # of names that peft uses and transformers will drop: nothing to do here
            warnings.simplefilter("ignore", FutureWarning)
            warnings.filterwarnings("error", "Found missing adapter keys", UserWarning)
            return peft.PeftModel.from_pretrained(network, str(folder)).merge_and_unload().eval()
    except UserWarning as warning:
        missing = str(warning).partition("[")[2].partition(",")[0].strip("]'.")
        other = f"it has nothing for {missing}; its weights are of another network"
        raise BadInput(f"cannot add adapter {adapter!r} to this model: {other}") from None
    except (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BadInput(f"cannot add adapter {adapter!r} to this model: {reason}") from error


def adapter_folders(named: str) -> list[Path]:
    """The folder of each adapter that an option names."""
    return [adapter_folder(one) for one in adapters(named)]


def adapter_folder(adapter: str) -> Path:
    """The folder with an adapter's files: its own path, or where the hub's copy is."""
    hub = needs("huggingface_hub", "neural")
    folder = Path(adapter).expanduser()
    if not folder.is_dir():
        try:
            folder = Path(hub.snapshot_download(adapter, allow_patterns=FILES))
        except Exception as error:  # a network fails in many ways, under whatever client the hub uses; none is hidden
            raise BadInput(f"no adapter {adapter!r}: no such folder, and no copy of it on the hub") from error
    if not (folder / "adapter_config.json").is_file() or not any((folder / name).is_file() for name in WEIGHTS):
        raise BadInput(f"no adapter in {folder}: it needs adapter_config.json and adapter_model.safetensors")
    if not (folder / WEIGHTS[0]).is_file():
        refuse(adapter, folder / WEIGHTS[1])
    return folder
