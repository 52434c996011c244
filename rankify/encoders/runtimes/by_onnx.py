"""Networks run by ONNX Runtime: fused, and in int8 with scales that are found for each batch."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

from rankify.encoders.runtimes.choice import multiplies_int8
from rankify.encoders.runtimes.export import IN_ONE_FILE
from rankify.encoders.runtimes.sessions import Array, Session
from rankify.errors import needs

NETWORK = "network.onnx"
Run = Callable[[Mapping[str, Array]], Array]
logger = logging.getLogger(__name__)


def whole(path: Path) -> Run:
    """The network of a file in float32."""
    return Session(path)


def keep(path: Path, quantize: str, folder: Path, check: Callable[[Run], None]) -> None:
    """Writes the network of a file as `runner` reads it.

    In int8, weights have a scale for each column of a matrix product. They have 7 bits where the processor lacks VNNI,
    whose sums of two products would not fit in 16 bits otherwise.

    Args:
        check: raises RankifyError for a network that computes something else.
    """
    if quantize == "float32":
        path.rename(folder / NETWORK)  # which names the file of its weights, where that is another one
        return
    quantization = needs("onnxruntime.quantization", "onnx")
    large = path.stat().st_size > IN_ONE_FILE or _data(path).is_file()
    source = _fused(path, check, large=large) or path
    with _quiet():
        quantization.quantize_dynamic(
            source, str(folder / NETWORK), per_channel=True, reduce_range=not multiplies_int8(),
            weight_type=quantization.QuantType.QInt8, op_types_to_quantize=["MatMul", "Gemm"],
            use_external_data_format=large,
        )  # fmt: skip


def _fused(path: Path, check: Callable[[Run], None], *, large: bool) -> Path | None:
    """The network with operations of BERT as one each, which is faster and has the same numbers.

    None where the fusing tool fails, as with norms without a bias, or makes another network of it.
    """
    fused = path.with_name(f"{path.name}.fused")
    needs("onnxruntime.transformers.optimizer", "onnx")
    with warnings.catch_warnings():  # of a folder that the tool leaves to be removed where it fails
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            _fuse(path, fused, large=large)
            check(Session(fused))
        except Exception as error:  # noqa: BLE001 - of no class in particular: it takes more for BERT than is
            logger.info("its operations are not fused: %s", (str(error).splitlines() or [type(error).__name__])[0])
            return None
    return fused


def _fuse(path: Path, fused: Path, *, large: bool) -> None:
    optimizer = needs("onnxruntime.transformers.optimizer", "onnx")
    with _quiet():
        found = optimizer.optimize_model(str(path), model_type="bert", num_heads=0, hidden_size=0, opt_level=0)
        found.save_model_to_file(str(fused), use_external_data_format=large)


def read(folder: Path) -> set[Path]:
    """The files that `keep` leaves to be read beside its own: weights that stay where the export wrote them."""
    return {path for path in folder.glob("*.data") if path.name.encode() in (folder / NETWORK).read_bytes()}


def runner(folder: Path) -> Run:
    """The network that `keep` wrote."""
    return Session(folder / NETWORK)


def _data(path: Path) -> Path:
    """The file of a network's weights, where they are too many for the network's own."""
    return path.with_name(f"{path.name}.data")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the root logger's remarks of these tools, which are about steps that are not needed here."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with redirect_stdout(StringIO()):  # on which they print, too
            yield
    finally:
        logging.disable(disabled)
