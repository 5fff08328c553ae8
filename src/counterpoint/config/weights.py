"""Published weights as files: a folder or a hub repository, safetensors or pickles that may hold nothing but data.

Tensors are mapped from the file, not copied: what is never read costs no memory. Torch is imported where it is used:
this package loads without it.
"""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoint.config.errors import UserError
from counterpoint.config.files import read_json, write_json
from counterpoint.config.load import read_saved
from counterpoint.config.network import hub, reason_of
from counterpoint.config.paths import MISSING, fault_of, is_file

if TYPE_CHECKING:
    from torch import Tensor

SHIPPED_ALIASES = {"pocket": "pocket_rvq_25hz"}
"""Additional names of shipped codecs."""
CONFIG_FILE = "config.json"
DIGESTS_FILE = "digests.json"
"""In a published folder: the SHA-256 of each of its weight files, by name."""
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""Names that `transformers` gives a weight file; with `.index.json` appended, the list of several."""
_SMALL_FILES = ("*.json", "*.model", "*.txt")


def fetch_folder(source: str | Path) -> Path:
    """The folder `source`, or the local copy of the hub repository of that id, downloaded if needed.

    Of a repository, safetensors are preferred.

    Raises:
        UserError: no such folder, and no such repository can be reached.
    """
    folder = Path(source).expanduser()
    return folder if folder.is_dir() else download_repository(str(source))


def download_repository(source: str, *, into: Path | None = None, weights: bool = True) -> Path:
    """Download the hub repository of an id into the hub's own cache or into the folder `into`; returns its folder.

    Args:
        weights: take its weights, not only its small files.

    Raises:
        UserError: no such repository can be reached.
    """
    take = [*_SMALL_FILES, *(["*.safetensors"] if weights else [])]
    try:
        found = Path(hub().snapshot_download(source, allow_patterns=take, local_dir=into))
        if weights and not any(found.glob("*.safetensors")):
            pickles = "pytorch_model*.bin" if (found / CONFIG_FILE).is_file() else "*state_dict.bin"
            hub().snapshot_download(source, allow_patterns=[pickles], local_dir=into)
    except Exception as error:  # no network, no such repository, no permission: an exception type each
        raise UserError(
            f"There is no folder {source}, and as a hub id it needs the network or an earlier download "
            f"({reason_of(error).rstrip('.')}); give a local path."
        ) from None
    return found


def read_weights(folder: Path, *, prefix: str = "") -> dict[str, Tensor]:
    """The tensors of a folder in the format of `transformers` whose names begin with `prefix`, without it.

    Raises:
        UserError: no weights, a missing shard, a file that cannot be read or whose digest is another than the folder's
            `DIGESTS_FILE` has, or a weight that is no floating-point number.
    """
    files = _weight_files(folder, prefix=prefix)
    _verify(folder, files)
    return {
        key.removeprefix(prefix): value
        for path in files
        for key, value in _read_tensors(path).items()
        if key.startswith(prefix)
    }


def write_digests(folder: Path) -> None:
    """Write `DIGESTS_FILE`, so that anyone who downloads the folder's weights can check that they are the published
    ones; `read_weights` does this."""
    write_json(folder / DIGESTS_FILE, {path.name: _sha256(path) for path in sorted(folder.glob("*.safetensors"))})


def read_pickle(path: Path) -> Any:
    """The content of a file of `torch.save`, if that is tensors and plain values; no code in it is ever run.

    Raises:
        UserError: it is missing, damaged, or needs code to be read.
    """
    import torch

    if not is_file(path):
        raise UserError(f"{path} {'is missing' if fault_of(path) == MISSING else fault_of(path)}.")
    try:
        with torch.serialization.safe_globals(_numpy_scalars()):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError:
        raise UserError(
            f"{path} is damaged, or holds objects whose reading would run code from the file, which is never done; "
            "use a file that holds only tensors and text, as safetensors or as exported by its makers."
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}).") from None
    except Exception:  # a file of another format raises any exception in the reader
        raise UserError(f"{path} is damaged; download it again.") from None


def _numpy_scalars() -> list[Any]:
    """The objects that a pickle needs for a number of numpy's, such as a loss beside the weights; none of it runs
    code."""
    import numpy as np
    from numpy._core.multiarray import scalar  # type: ignore[attr-defined]

    kinds = {type(np.dtype(code)) for code in "?bhilqBHILQefd"}
    return [scalar, (scalar, "numpy.core.multiarray.scalar"), np.dtype, *kinds]


def read_part(
    kind: Any, config: Any, weights: Mapping[str, Tensor], *, source: str | Path, unread: tuple[str, ...] = ()
) -> Any:
    """A `transformers` model of class `kind` with these weights, in single precision; no weight is initialised at
    random.

    Args:
        config: its configuration.
        weights: with the names from any version of `kind`.
        source: named in errors.
        unread: endings of names that may be missing, since inference never reads them.

    Raises:
        UserError: naming a tensor that is missing or of another shape.
    """
    import torch

    model, found = kind.from_pretrained(
        None,
        config=config,
        state_dict=dict(weights),
        dtype=torch.float32,
        output_loading_info=True,
        ignore_mismatched_sizes=True,
    )
    missing = sorted(name for name in found.get("missing_keys") or () if not name.endswith(unread))
    if missing:
        raise UserError(f"{source} lacks the tensor {missing[0]} of its {kind.__name__}; download it again.")
    for name, has, should in found.get("mismatched_keys") or ():
        raise misshapen(source, name=name, has=has, should=should)
    return model


def misshapen(source: str | Path, *, name: str, has: Sequence[int], should: Sequence[int]) -> UserError:
    """The sentence for a tensor that does not fit its configuration."""
    return UserError(
        f"In {source} the tensor {name} has the shape {list(has)}, but its configuration requires {list(should)}; "
        "use weights and a configuration that belong together."
    )


def _weight_files(folder: Path, *, prefix: str) -> list[Path]:
    for name in _WEIGHTS:
        if (folder / name).is_file():
            return [folder / name]
        if (folder / f"{name}.index.json").is_file():
            return _shards(folder / f"{name}.index.json", prefix=prefix)
    raise UserError(f"{folder} has no weights: neither {_WEIGHTS[0]} nor {_WEIGHTS[1]}, whole or in parts.")


def _shards(index: Path, *, prefix: str) -> list[Path]:
    """The files that a list of shards names for the tensors whose names begin with `prefix`."""
    listed = read_json(index)
    places = listed.get("weight_map") if isinstance(listed, dict) else None
    if not isinstance(places, dict) or not all(isinstance(place, str) for place in places.values()):
        raise UserError(f"{index} does not list which file holds which tensor; download it again.")
    return sorted({index.parent / place for key, place in places.items() if key.startswith(prefix)})


def _verify(folder: Path, files: Sequence[Path]) -> None:
    """Compare files of weights with the published digests, if there are any."""
    if not is_file(folder / DIGESTS_FILE):
        return
    known = read_saved(folder / DIGESTS_FILE, dict[str, str], remedy="download the folder again")
    for path in files:
        if not is_file(path) or known.get(path.name) != _sha256(path):
            raise UserError(f"{path} is not the published file (its digest differs); download it again.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_tensors(path: Path) -> dict[str, Tensor]:
    tensors = _load_safetensors(path) if path.suffix == ".safetensors" else read_pickle(path)
    check_tensors(tensors, source=path)
    return tensors


def check_tensors(tensors: Any, *, source: Path) -> None:
    """Refuse a weight file with unsuitable content.

    Raises:
        UserError: it is not a mapping from names to tensors, or a weight or bias in it is no floating-point number.
    """
    from torch import Tensor

    if not isinstance(tensors, Mapping) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in tensors.items()
    ):
        raise UserError(f"{source} holds no tensors by name; use a weight file.")
    for name, tensor in tensors.items():
        if name.endswith((".weight", ".bias")) and not tensor.is_floating_point():
            raise UserError(
                f"In {source} the tensor {name} holds {tensor.dtype} and not floating-point numbers; download it again."
            )


def check_kinds(tensors: Mapping[str, Tensor], *, own: Mapping[str, Tensor], source: str | Path) -> None:
    """Compare the kinds of tensors with those of a network, since torch would convert one into the other.

    Raises:
        UserError: a tensor holds whole numbers where the network has floating-point numbers, or the reverse.
    """
    for name in own.keys() & tensors.keys():
        if own[name].is_floating_point() != tensors[name].is_floating_point():
            raise UserError(
                f"In {source} the tensor {name} holds {tensors[name].dtype}, but the network needs {own[name].dtype}; "
                "download it again."
            )


def _load_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except OSError as error:  # an index may name any file
        fault = fault_of(path)
        said = "is missing" if fault == MISSING else fault or f"cannot be read ({error.strerror or error})"
        raise UserError(f"{path} {said}; download it again.") from None
    except SafetensorError as error:
        raise UserError(f"{path} is damaged ({error}); download it again.") from None
