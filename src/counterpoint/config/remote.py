"""Folders on remote storage, by URL: s3://, gs://, hf:// and all others that fsspec supports, including file://.

A folder is sent with one of its files last, and counts as present when that file is; so it is complete or absent, as it
is on a disk. Fetched folders are kept in a cache and read, memory-mapped, like any other.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import IO, Any

from counterpoint.config.errors import UserError
from counterpoint.config.files import atomic_write
from counterpoint.config.network import open_address

CACHE_VARIABLE = "COUNTERPOINT_FETCHED"
"""Environment variable that moves the folder of fetched files."""
Failures = (OSError, ImportError, ValueError)
"""Errors that fsspec raises: no such place, a package that is not installed, an unknown protocol."""
ARROW = ("s3", "gs")
"""Protocols of file systems that pyarrow provides; fsspec would need further packages for them."""
_BLOCK = 1 << 20
_WAITS_S = (1.0, 4.0, 10.0, 15.0)
"""Seconds between attempts at reading a part of a file."""
_URL = re.compile(r"([a-z][a-z0-9+.-]+):/+(.*)")
"""A path drops one of two slashes. Windows' drives have one letter."""


def url_of(place: str | Path) -> str | None:
    """The URL that a path or text names; None if it names a place on this machine's disks."""
    found = _URL.fullmatch(str(place))
    if found is None:
        return None
    protocol, rest = found.groups()
    return f"file:///{rest}" if protocol == "file" else f"{protocol}://{rest}"


class RemoteFolder:
    """A folder on remote storage.

    Args:
        url: of the folder.
        mark: the file in it that is sent last.

    Raises:
        UserError: the storage is unknown, or a package for it is not installed.
    """

    def __init__(self, url: str, *, mark: str):
        self.url, self.mark = url.rstrip("/"), mark
        self._is_arrow = _is_arrow(self.url)
        try:
            self._files, self._root = _file_system(self.url)
        except Failures as error:
            raise UserError(f"{url} cannot be reached ({error}): install the package that the message names.") from None

    def exists(self) -> bool:
        """Whether a complete folder exists."""
        try:
            return bool(self._files.isfile(f"{self._root}/{self.mark}"))
        except Failures as error:
            raise self._unreachable(error) from None

    def read_mark(self) -> bytes:
        """The content of the mark.

        Raises:
            UserError: the folder is missing or incomplete.
        """
        try:
            return self._files.cat_file(f"{self._root}/{self.mark}")
        except FileNotFoundError:
            raise UserError(
                f"There is no {self.mark} in {self.url}: the folder was not sent, or not completely."
            ) from None
        except Failures as error:
            raise self._unreachable(error) from None

    def send(self, folder: Path, *, without: Iterable[str] = ()) -> None:
        """Copy a local folder there, its mark last.

        Args:
            without: names of files and folders to leave out.
        """
        left_out = set(without)
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        kept = [path for path in files if not left_out & set(path.relative_to(folder).parts)]
        try:
            for path in sorted(kept, key=lambda path: path == folder / self.mark):
                self._put(path, f"{self._root}/{path.relative_to(folder).as_posix()}")
        except Failures as error:
            raise self._unreachable(error) from None

    def _put(self, path: Path, target: str) -> None:
        if self._is_arrow:  # a store of objects, which has no folders, though fsspec would make some
            with path.open("rb") as source, self._files.fs.open_output_stream(target) as sink:
                shutil.copyfileobj(source, sink, _BLOCK)
        else:
            self._files.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
            self._files.put_file(str(path), target)

    def fetch(self, folder: Path, *, wanted: Callable[[str], bool] = lambda name: True) -> None:
        """Update a local folder: fetch files that are missing or of another size, or, if the mark
        differs, all files; the mark comes last.

        Args:
            wanted: says by a file's path below the folder whether it is fetched at all.

        Raises:
            UserError: the folder is missing or incomplete, or cannot be reached.
        """
        mark = self.read_mark()
        is_same = (folder / self.mark).is_file() and (folder / self.mark).read_bytes() == mark
        try:
            for name, size in self._listing().items():
                local = folder / name
                if (
                    name != self.mark
                    and wanted(name)
                    and not (is_same and local.is_file() and local.stat().st_size == size)
                ):
                    atomic_write(local, partial(self._files.get_file, f"{self._root}/{name}"))
            atomic_write(folder / self.mark, lambda temporary: temporary.write_bytes(mark))
        except Failures as error:
            raise self._unreachable(error) from None

    def reader(self, name: str) -> Callable[[int, int], bytes]:
        """A function that reads a file there from one position to another, for any number of threads at once.

        The function raises a UserError if that fails again and again for half a minute.
        """
        path = f"{self._root}/{name}"

        @cache
        def opened() -> Any:  # pyarrow's files are read at any position by several threads
            return self._files.fs.open_input_file(path)

        def read_once(first: int, last: int) -> bytes:
            found = opened().read_at(last - first, first) if self._is_arrow else self._files.cat_file(path, first, last)
            if len(found) != last - first:
                raise ConnectionError(f"{name} ends before byte {last}")
            return found

        def read(first: int, last: int) -> bytes:
            for wait_s in _WAITS_S:
                with suppress(*Failures):
                    return read_once(first, last)
                time.sleep(wait_s)
            try:
                return read_once(first, last)
            except Failures as error:
                raise self._unreachable(error) from None

        return read

    def _listing(self) -> dict[str, int]:
        """Sizes by path below the folder."""
        found = self._files.find(self._root, detail=True)
        root = len(self._files._strip_protocol(self._root).rstrip("/")) + 1
        return {path[root:]: int(about["size"]) for path, about in found.items()}

    def _unreachable(self, error: BaseException) -> UserError:
        return UserError(f"{self.url} cannot be read or written ({error}): check the address and your access.")


@contextmanager
def open_file(place: str) -> Iterator[tuple[IO[bytes], dict[str, str]]]:
    """A file on a disk or at a URL, to be read once from its beginning, and a value that distinguishes its versions.

    Raises:
        UserError: there is no such file, or it cannot be reached; from reading, too, where a URL breaks off.
    """
    url = url_of(place)
    if url is None:
        about = Path(place).stat()
        with Path(place).open("rb") as local:
            yield local, {"size": str(about.st_size), "changed": str(about.st_mtime_ns)}
        return
    try:
        file, stamp = _open_web(url) if url.startswith(("http://", "https://")) else _open_stored(url)
    except UserError:
        raise
    except (*Failures, http.client.HTTPException) as error:
        raise UserError(f"{url} cannot be read ({error}): check the address and your access.") from None
    with file:
        yield io.BufferedReader(_Whole(file, url=url, size=int(stamp.get("size", 0))), _BLOCK), stamp


def _open_web(url: str) -> tuple[Any, dict[str, str]]:
    answer = open_address(url, headers={"User-Agent": "counterpoint"})
    names = {"size": "Content-Length", "changed": "Last-Modified", "etag": "ETag"}
    return answer, {key: answer.headers[name] for key, name in names.items() if answer.headers[name]}


def _open_stored(url: str) -> tuple[Any, dict[str, str]]:
    files, path = _file_system(url)
    about = files.info(path)
    changed = {key: str(about[key]) for key in ("mtime", "ETag", "etag", "LastModified", "updated") if about.get(key)}
    return files.open(path, "rb"), {"size": str(about["size"]), **changed}


class _Whole(io.RawIOBase):
    """A remote file that ends where it should, or raises.

    Args:
        file: is read.
        size: bytes of it; 0 if the server does not say.
    """

    def __init__(self, file: Any, *, url: str, size: int):
        self._file, self._url, self._size, self._read = file, url, size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            block = self._file.read(len(buffer))
            if not block and self._read < self._size:
                raise ConnectionError("the connection broke off")
        except (OSError, http.client.HTTPException) as error:
            raise UserError(
                f"{self._url} cannot be read to its end ({error}): the same command continues with it."
            ) from None
        self._read += len(block)
        buffer[: len(block)] = block
        return len(block)


def _file_system(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path of the URL in it."""
    if not _is_arrow(url):
        import fsspec

        return fsspec.core.url_to_fs(url)
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow.fs import FileSystem

    files, path = FileSystem.from_uri(url)
    return ArrowFSWrapper(files), path


def _is_arrow(url: str) -> bool:
    return url.partition("://")[0] in ARROW


def send_part(place: str | Path, part: Path, *, root: Path, mark: str) -> None:
    """Send a folder made in the local copy of a remote one to its place in that; do nothing for local places.

    Args:
        place: the remote folder, as the user named it.
        part: the folder that was made.
        root: the local copy.
        mark: the file in `part` that was written last.
    """
    url = url_of(place)
    if url is not None:
        RemoteFolder(f"{url}/{part.relative_to(root).as_posix()}", mark=mark).send(part)


def local_copy(url: str, *, mark: str, wanted: Callable[[str], bool] = lambda name: True) -> Path:
    """A local copy of a remote folder; only files that have changed since the last time are fetched.

    Args:
        wanted: as for `RemoteFolder.fetch`.

    Raises:
        UserError: see `RemoteFolder.fetch`.
    """
    remote = RemoteFolder(url, mark=mark)
    place = local_folder(url)
    remote.fetch(place, wanted=wanted)
    return place


def local_folder(place: Path | str) -> Path:
    """The path of a folder on this machine: itself, or the copy of a remote one, which need not exist yet."""
    url = url_of(place)
    if url is None:
        return Path(place)
    url = url.rstrip("/")
    return _cache() / hashlib.sha256(url.encode()).hexdigest()[:16] / Path(url).name


def _cache() -> Path:
    named: Any = os.environ.get(CACHE_VARIABLE)
    return Path(named or "~/.cache/counterpoint/fetched").expanduser()
