"""Published weights as files: a folder or a hub repository, safetensors or pickles that may hold nothing but data.

Tensors are mapped from the file, not copied: what is never read costs no memory. Torch is imported where it is used:
this floor loads without it.
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
from counterpoint.config.network import hub, reason_of
from counterpoint.config.paths import MISSING, fault_of, is_file

if TYPE_CHECKING:
    from torch import Tensor

SHIPPED_ALIASES = {"pocket": "pocket_rvq_25hz"}
"""Further names of shipped codecs."""
CONFIG_FILE = "config.json"
DIGESTS_FILE = "digests.json"
"""Of a folder that is handed on: the SHA-256 of each of its files of weights, by name."""
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""What `transformers` calls a file of weights, or with `.index.json` behind it the list of several."""
_SMALL_FILES = ("*.json", "*.model", "*.txt")


def fetch_folder(source: str | Path) -> Path:
    """The folder `source`, or where the hub repository of that id lies on this machine, downloaded if need be.

    Of a repository, safetensors are taken where there are any.

    Raises:
        UserError: no such folder, and no such repository within reach.
    """
    folder = Path(source).expanduser()
    return folder if folder.is_dir() else download_repository(str(source))


def download_repository(source: str, *, into: Path | None = None, weights: bool = True) -> Path:
    """Where the hub repository of an id lies after this: in the hub's own cache, or in the folder `into`.

    Args:
        weights: take its weights, not only its small files.

    Raises:
        UserError: no such repository within reach.
    """
    take = [*_SMALL_FILES, *(["*.safetensors"] if weights else [])]
    try:
        found = Path(hub().snapshot_download(source, allow_patterns=take, local_dir=into))
        if weights and not any(found.glob("*.safetensors")):
            pickles = "pytorch_model*.bin" if (found / CONFIG_FILE).is_file() else "*state_dict.bin"
            hub().snapshot_download(source, allow_patterns=[pickles], local_dir=into)
    except Exception as error:  # no network, no such repository, no permission: one kind of exception each
        raise UserError(
            f"There is no folder {source} here, and as a hub id it needs the network or an earlier download "
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
    """Write `DIGESTS_FILE`, so that whoever gets the folder's weights can see that they are those that were published;
    `read_weights` does."""
    write_json(folder / DIGESTS_FILE, {path.name: _sha256(path) for path in sorted(folder.glob("*.safetensors"))})


def read_pickle(path: Path) -> Any:
    """What a file of `torch.save` holds, if that is tensors and plain values; no code in it is ever run.

    Raises:
        UserError: no such file, a damaged one, or one that needs code to be read.
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
            "give one that holds tensors and text alone, as safetensors or as exported by its makers."
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}).") from None
    except Exception:  # a file of another kind trips the reader of pickles wherever its bytes happen to
        raise UserError(f"{path} is damaged; get it anew.") from None


def _numpy_scalars() -> list[Any]:
    """What a pickle needs for a number of numpy's, such as a loss beside the weights; none of it runs code."""
    import numpy as np
    from numpy._core.multiarray import scalar  # type: ignore[attr-defined]

    kinds = {type(np.dtype(code)) for code in "?bhilqBHILQefd"}
    return [scalar, (scalar, "numpy.core.multiarray.scalar"), np.dtype, *kinds]


def read_part(
    kind: Any, config: Any, weights: Mapping[str, Tensor], *, source: str | Path, unread: tuple[str, ...] = ()
) -> Any:
    """A `transformers` model of class `kind` with these weights, in single precision; nothing is left to chance.

    Args:
        config: its configuration.
        weights: by the names that `kind` has given them in any of its versions.
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
        raise UserError(f"{source} lacks the tensor {missing[0]} of its {kind.__name__}; get it anew.")
    for name, has, should in found.get("mismatched_keys") or ():
        raise misshapen(source, name=name, has=has, should=should)
    return model


def misshapen(source: str | Path, *, name: str, has: Sequence[int], should: Sequence[int]) -> UserError:
    """The sentence for a tensor that does not fit its configuration."""
    return UserError(
        f"In {source} the tensor {name} has the shape {list(has)}, where its configuration asks for {list(should)}; "
        "give weights and configuration that belong together."
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
        raise UserError(f"{index} does not say which file holds which tensor; get it anew.")
    return sorted({index.parent / place for key, place in places.items() if key.startswith(prefix)})


def _verify(folder: Path, files: Sequence[Path]) -> None:
    """Compare files of weights with the digests that came with them, if any did."""
    if not is_file(folder / DIGESTS_FILE):
        return
    known = read_json(folder / DIGESTS_FILE)
    for path in files:
        expected = known.get(path.name) if isinstance(known, dict) else None
        if not is_file(path) or expected != _sha256(path):
            raise UserError(f"{path} is not the file that was published (its digest is another); get it anew.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_tensors(path: Path) -> dict[str, Tensor]:
    tensors = _load_safetensors(path) if path.suffix == ".safetensors" else read_pickle(path)
    check_tensors(tensors, source=path)
    return tensors


def check_tensors(tensors: Any, *, source: Path) -> None:
    """Refuse what a file of weights should not hold.

    Raises:
        UserError: it is no mapping from names to tensors, or a weight or bias in it is no floating-point number.
    """
    from torch import Tensor

    if not isinstance(tensors, Mapping) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in tensors.items()
    ):
        raise UserError(f"{source} holds no tensors by name; give a file of weights.")
    for name, tensor in tensors.items():
        if name.endswith((".weight", ".bias")) and not tensor.is_floating_point():
            raise UserError(
                f"In {source} the tensor {name} holds {tensor.dtype} and not floating-point numbers; get it anew."
            )


def _load_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except OSError as error:  # an index may name any file
        fault = fault_of(path)
        said = "is missing" if fault == MISSING else fault or f"cannot be read ({error.strerror or error})"
        raise UserError(f"{path} {said}; get it anew.") from None
    except SafetensorError as error:
        raise UserError(f"{path} is damaged ({error}); get it anew.") from None
