"""Fetched weights: their location, their digest, and a check that they have not changed.

Each has a record beside it, `NAME.json`. Downloads are stored in one folder; a local file or folder is used where it
is, neither copied nor linked, so it takes no extra space and must stay there.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import shutil
import urllib.error
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from counterpoint.config.errors import UserError
from counterpoint.config.files import read_json, write_json
from counterpoint.config.locks import sole_writer, warn_waiting
from counterpoint.config.network import open_address, reason_of
from counterpoint.config.paths import require_file, true_path
from counterpoint.config.weights import download_repository

CACHE_VARIABLE = "COUNTERPOINT_JUDGES"
"""Environment variable that moves `cache_folder`."""
Progress = Callable[[float, float], object]
"""Called with (bytes there, bytes in all)."""
_FILES = re.compile(r".*\.(json|txt|model|safetensors|bin|pt|pth|ckpt)")
"""The files of a folder that count."""
_BLOCK = 1 << 20


def cache_folder() -> Path:
    """The folder of fetched weights and their records."""
    return Path(os.environ.get(CACHE_VARIABLE) or "~/.cache/counterpoint/judges").expanduser()


@dataclass(frozen=True)
class Fetched:
    """A file or a folder of weights.

    Attributes:
        name: of the fetched weights.
        source: the URL, hub id or local path that it came from.
        path: of the file or folder.
        sha256: of the file; of a folder, of the names and digests of its files.
        stamps: (bytes, time of change in ns) by file, from when the digest was taken.
    """

    name: str
    source: str
    path: Path
    sha256: str
    stamps: Mapping[str, tuple[int, int]]

    @property
    def is_there(self) -> bool:
        return self.path.exists()

    @property
    def megabytes(self) -> float:
        return sum(size for size, _ in self.stamps.values()) / 1e6

    @property
    def label(self) -> str:
        """What tables call it: the file's name or the hub id, and how its digest begins."""
        is_hub_id = not self.source.startswith(("http:", "https:")) and not Path(self.source).is_absolute()
        return f"{self.source if is_hub_id else self.path.name} ({self.sha256[:8]})"

    def verified(self) -> Path:
        """Its path, if its content is unchanged; the content is read again only when a size or a time has changed.

        Raises:
            UserError: it is gone or has changed.
        """
        again = f"run `counterpoint metrics fetch {self.name}` again"
        if not self.is_there:
            raise UserError(f"{self.path} is gone; {again}.")
        stamps = _stamps(self.path)
        if stamps != self.stamps:
            if (now := digest_of(self.path)) != self.sha256:
                raise UserError(
                    f"{self.path} has changed since it was fetched (its digest was {self.sha256[:8]}, "
                    f"now {now[:8]}); {again}."
                )
            _record(Fetched(self.name, self.source, self.path, now, stamps))
        return self.path


def fetched(name: str) -> Fetched | None:
    """The record of what was fetched under a name, whether or not it still exists.

    Raises:
        UserError: the record cannot be read.
    """
    place = cache_folder() / f"{name}.json"
    if not place.is_file():
        return None
    try:
        saved = read_json(place)
        stamps = {file: (int(size), int(time)) for file, (size, time) in saved["stamps"].items()}
        return Fetched(name, saved["source"], cache_folder() / saved["path"], saved["sha256"], stamps)
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{place} is no record of a fetch; delete it and fetch again.") from None


def fetch(
    name: str,
    source: str,
    *,
    sha256: str = "",
    weights: bool = True,
    check: Callable[[Path], object] | None = None,
    progress: Progress | None = None,
) -> Fetched:
    """Fetch weights, check that they are the right ones, and record them under a name.

    An interrupted download is continued.

    Args:
        source: a URL, a hub id, or the path of a file or folder.
        sha256: what its digest must be.
        weights: take the weights of a hub repository, not only its small files.
        check: reads the fetched content, and raises an error if it cannot use it.

    Raises:
        UserError: the source cannot be reached, the digest differs, or `check` raises.
    """
    with sole_writer(cache_folder() / name, on_wait=warn_waiting):
        return _fetch(name, source, sha256=sha256, weights=weights, check=check, progress=progress)


def _fetch(
    name: str,
    source: str,
    *,
    sha256: str,
    weights: bool,
    check: Callable[[Path], object] | None,
    progress: Progress | None,
) -> Fetched:
    path, is_ours = _place(name, source, weights=weights, progress=progress or (lambda done, total: None))
    try:
        digest = digest_of(path)
        if sha256 and digest != sha256.lower():
            raise UserError(
                f"The content of {source} has the SHA-256 {digest}, not {sha256.lower()}: it is damaged or another "
                "version, so it was not taken."
            )
        if check:
            check(path)
    except UserError:
        if is_ours:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise
    found = Fetched(name, source if is_ours else str(path), path, digest, _stamps(path))
    _record(found)
    return found


def digest_of(path: Path) -> str:
    """SHA-256 of a file; of a folder, of the names and digests of its files."""
    if path.is_dir():
        listing = json.dumps([(file.name, digest_of(file)) for file in _files(path)])
        return hashlib.sha256(listing.encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _place(name: str, source: str, *, weights: bool, progress: Progress) -> tuple[Path, bool]:
    """The path of the content of `source` after this, and whether that is in the cache."""
    if source.startswith(("http://", "https://")):
        target = cache_folder() / name / _file_name(source)
        _download(source, target, progress=progress)
        return target, True
    local = Path(source).expanduser()
    if local.exists():
        if not local.is_dir():
            require_file(local, what="file of weights")
        return true_path(local), False
    if not re.fullmatch(r"[\w-][\w.-]*(/[\w.-]+)?", source) or _FILES.fullmatch(source):
        raise UserError(f"{source} is neither an existing path, a URL nor a hub id.")
    target = cache_folder() / name / source.replace("/", "--")
    return download_repository(source, into=target, weights=weights), True


def _file_name(url: str) -> str:
    """The file name for the content of an address: the last part of its path, if that can be a file's name."""
    last = re.split(r"[?#]", url)[0].rstrip("/").rpartition("/")[2]
    return last if re.fullmatch(r"[\w-][\w.%~+-]{0,199}", last) else "weights"


def _download(url: str, target: Path, *, progress: Progress) -> None:
    part = target.with_name(f"{target.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    there = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "counterpoint", **({"Range": f"bytes={there}-"} if there else {})}
    try:
        with open_address(url, headers=headers) as answer:
            goes_on = answer.status == http.HTTPStatus.PARTIAL_CONTENT
            total = int(answer.headers.get("Content-Length") or 0) + there * goes_on
            with part.open("ab" if goes_on else "wb") as file:
                while block := answer.read(_BLOCK):
                    file.write(block)
                    progress(file.tell(), max(total, file.tell()))
        if part.stat().st_size < total:
            raise ConnectionError("the connection broke off")
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and there:  # not the beginning of this file
            part.unlink()
            return _download(url, target, progress=progress)
        raise UserError(
            f"{url} is not available ({error.code} {error.reason}); give another address with --from."
        ) from None
    except UserError:
        raise
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException, ValueError) as error:
        # ValueError: an address of another form, or a length that is no number
        raise UserError(
            f"{url} cannot be reached ({reason_of(error)}); run the same command again to continue, or download it "
            "elsewhere and give its path with --from."
        ) from None
    part.replace(target)
    return None


def _record(found: Fetched) -> None:
    folder = true_path(cache_folder())
    path = true_path(found.path)
    value = {
        "source": found.source,
        "path": str(path.relative_to(folder) if path.is_relative_to(folder) else path),
        "sha256": found.sha256,
        "stamps": {name: list(stamp) for name, stamp in found.stamps.items()},
    }
    write_json(cache_folder() / f"{found.name}.json", value)


def _stamps(path: Path) -> dict[str, tuple[int, int]]:
    return {file.name: (file.stat().st_size, file.stat().st_mtime_ns) for file in _files(path)}


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.is_file() and _FILES.fullmatch(file.name))
