"""A model's network, run by another library than torch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, is_dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from rankify.encoders.checkpoint import Checkpoint
from rankify.encoders.runtimes import by_onnx, by_openvino
from rankify.encoders.runtimes.choice import Choice, multiplies_int8
from rankify.encoders.runtimes.export import to_onnx
from rankify.encoders.runtimes.kept import kept
from rankify.encoders.runtimes.weights import identity_of
from rankify.errors import RankifyError

if TYPE_CHECKING:
    from torch import Tensor

    from rankify.encoders.runtimes.sessions import Array

Run = Callable[[Mapping[str, "Array"]], "Array"]
logger = logging.getLogger(__name__)

EDITION = 2  # counts up when the same network would be exported otherwise
LIBRARIES = ("torch", "transformers", "onnx", "onnxscript", "onnxruntime", "openvino")
CLOSE = 1e-3  # how far an export in float32 may be from its network, relative to the greatest number
RUNTIMES: dict[str, Any] = {"onnx": by_onnx, "openvino": by_openvino}


@dataclass(frozen=True)
class Outside:
    """A network that is called as transformers' own is, and has its configuration.

    Args:
        run: from arrays to the array that is read.
        output: the name under which it is read: logits or last_hidden_state.
    """

    run: Callable[[Mapping[str, Array]], Array]
    output: str
    config: Any

    def __call__(self, **inputs: Tensor) -> SimpleNamespace:
        import torch

        found = self.run({name: tensor.numpy() for name, tensor in inputs.items()})
        return SimpleNamespace(**{self.output: torch.from_numpy(found)})


def moved(checkpoint: Checkpoint, choice: Choice, output: str, probe: Mapping[str, Tensor]) -> Checkpoint:
    """The checkpoint with its network run as chosen; itself where that is torch.

    An export is made from the network's own weights, once, compared with the network, and kept in the cache.

    Args:
        output: what is read of the network: logits or last_hidden_state.
        probe: inputs of two rows or more and different lengths.

    Raises:
        MissingExtra: a library that exports is not installed.
        RankifyError: the network cannot be exported, or its export computes something else.
    """
    if not choice.elsewhere:
        return checkpoint
    network = checkpoint.network
    if is_dataclass(network) and hasattr(network, "encoder"):  # layers of a head stay in torch, behind their encoder
        inner = moved(replace(checkpoint, network=network.encoder), choice, "last_hidden_state", probe).network
        return replace(checkpoint, network=replace(network, encoder=inner))  # type: ignore[type-var]
    runtime = RUNTIMES[choice.backend]
    key = {
        "edition": EDITION, **asdict(choice), **identity_of(network), "output": output, "inputs": list(probe),
        "int8": choice.quantize == "int8" and multiplies_int8(),
        "libraries": {name: _version(name) for name in LIBRARIES},
    }  # fmt: skip
    folder = kept("exports", key, lambda folder: _exported(network, choice, output, probe, folder))
    return replace(checkpoint, network=Outside(runtime.runner(folder), output, network.config))


def _exported(network: Any, choice: Choice, output: str, probe: Mapping[str, Tensor], folder: Path) -> None:
    """Fills a folder with the network as its runtime reads it."""
    logger.info("exporting %s for backend=%s in %s, once", type(network).__name__, choice.backend, choice.quantize)
    whole, runtime = folder / "float32.onnx", RUNTIMES[choice.backend]
    to_onnx(network, probe, output, whole, extra=choice.backend)
    check = partial(_compare, network, output, probe)
    check(runtime.whole(whole))
    runtime.keep(whole, choice.quantize, folder, check)
    for path in {*folder.glob(f"{whole.name}*")} - runtime.read(folder):
        path.unlink()
    if choice.quantize != "float32":
        _try(network, choice, probe, partial(runtime.runner, folder))


def _compare(network: Any, output: str, probe: Mapping[str, Tensor], run: Run) -> None:
    """Raises RankifyError where an export does not compute what the network does, on more and longer rows."""
    import numpy as np
    import torch

    more = _more(probe)
    with torch.inference_mode():
        wanted = getattr(network(**more), output).float().numpy()
    found = run({name: rows.numpy() for name, rows in more.items()})
    apart = float(np.abs(found - wanted).max()) if found.shape == wanted.shape else np.inf
    if not apart <= CLOSE * (1 + float(np.abs(wanted).max())):
        raise RankifyError(
            f"{type(network).__name__} exported computes something else (up to {apart:.1e} apart); leave backend out"
        )


def _try(network: Any, choice: Choice, probe: Mapping[str, Tensor], load: Callable[[], Run]) -> None:
    """Raises RankifyError where a network in int8 cannot be loaded, or gives no numbers."""
    import numpy as np

    what = f"{type(network).__name__} in {choice.quantize} with backend={choice.backend}"
    try:
        found = load()({name: rows.numpy() for name, rows in _more(probe).items()})
    except Exception as error:  # libraries fail in classes of their own
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise RankifyError(f"{what} cannot be run: {reason}; leave quantize out") from error
    if not np.isfinite(found).all():
        raise RankifyError(f"{what} gives no finite numbers; leave quantize out")


def _more(probe: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """More and longer rows than those of the probe."""
    import torch

    return {name: torch.cat([rows, rows], dim=1)[[0, 1, 0]] for name, rows in probe.items()}


def _version(library: str) -> str:
    """The installed version, or "" where it is not."""
    try:
        return version(library)
    except PackageNotFoundError:
        return ""
