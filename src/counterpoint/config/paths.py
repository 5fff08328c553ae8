"""Checks of paths that a user, a table or a manifest gives: only regular files are opened, and no output takes
the place of an input.

A path may be a folder, a named pipe, a device, a socket, a link that leads nowhere or back to itself, a name that no
file system holds, or a name in another encoding. Opening some of these waits or reads without end, so a path is
checked before it is opened. Imports no torch.
"""

from __future__ import annotations

import errno
import mimetypes
import os
import stat
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from counterpoint.config.errors import UserError
from counterpoint.config.nearest import did_you_mean

MISSING = "does not exist"
"""The result of `fault_of` for a missing file."""
ASIDE = ".part-"
"""Prefix of the names of folders in which this package prepares its output (`config.aside`); short, since a path may
be as long as a file system allows."""
_LONGEST_NAME = 255
"""Bytes of one name that common file systems hold."""
_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "is a folder"),
    (stat.S_ISFIFO, "is a named pipe"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
)
_ERRORS = {
    errno.ENOENT: MISSING,
    errno.ENOTDIR: MISSING,
    errno.ELOOP: "is a link that leads back to itself",
    errno.ENAMETOOLONG: "has a name that is too long",
    errno.EACCES: "may not be read by this user",
    errno.EPERM: "may not be read by this user",
}
_MOST_NEIGHBOURS = 10_000
"""The number of names in a folder that are searched for one similar to a missing one."""
_AUDIO = (".flac", ".oga", ".ogg", ".opus", ".m4a", ".caf", ".w64", ".wv", ".ape", ".mid", ".midi")
"""Suffixes of music files that Python may not know."""
_FILE_TYPES = mimetypes.MimeTypes(filenames=())  # what Python knows itself, the same on every machine


def shown(path: Path | str) -> str:
    """A path as text that can be stored and printed: bytes of a name that are not UTF-8 become escapes."""
    return os.fspath(path).encode("utf-8", "backslashreplace").decode()


def true_path(path: Path | str) -> Path:
    """The path without links and relative parts, the same for all its aliases; for a link that leads back to
    itself, for which `Path.resolve` raises, resolved as far as possible."""
    return Path(os.path.realpath(path))


def fault_of(path: Path | str) -> str:
    """Why there is no readable regular file at a path, as a predicate (`is a folder`); "" if there is one.

    Never raises, never opens the file and never waits.
    """
    name = os.fspath(path)
    if fault := _fault_of_name(name):
        return fault
    try:
        mode = os.stat(name).st_mode  # noqa: PTH116 - `Path.stat` is the same, but a path may be a str here
    except OSError as error:
        if error.errno == errno.ENOENT and os.path.islink(name):  # noqa: PTH114
            return "is a link to something that does not exist"
        return _ERRORS.get(error.errno or 0) or f"cannot be accessed ({error.strerror})"
    for is_kind, said in _KINDS:
        if is_kind(mode):
            return said
    return "" if os.access(name, os.R_OK) else _ERRORS[errno.EACCES]


def is_file(path: Path | str) -> bool:
    """Whether `fault_of` finds no fault with a path."""
    return not fault_of(path)


def require_file(path: Path | str, *, what: str = "file", most_bytes: int | None = None) -> Path:
    """The path of a regular file that can be read.

    Args:
        what: the expected kind of file, for the message: `audio file`.
        most_bytes: allowed size of the file.

    Raises:
        UserError: it is missing (names the most similar file), is not a file, or is larger.
    """
    path = Path(path)
    fault, article = fault_of(path), "an" if what[0].lower() in "aeiou" else "a"
    if fault == MISSING:
        raise UserError(f"There is no {what} at {shown(path)}{_nearest(path)}.")
    if fault:
        raise UserError(f"{shown(path)} {fault}; give {article} {what} instead.")
    if most_bytes is not None and (size := path.stat().st_size) > most_bytes:
        raise UserError(
            f"{shown(path)} has {size / 2**20:,.0f} MiB, and {article} {what} may have {most_bytes / 2**20:,.0f} MiB; "
            "divide it or give a smaller file."
        )
    return path


def resolve_spelling(path: Path) -> Path | None:
    """The existing file with another spelling: slashes for backslashes, other case, other accents; or None.

    A name counts as the same only if it stands for one file: `Song.wav` beside `song.wav` is ambiguous.
    """
    if _fault_of_name(os.fspath(path)):
        return None
    for spelled in dict.fromkeys((path, Path(os.fspath(path).replace("\\", "/")))):
        place = Path(spelled.anchor or ".")
        for part in spelled.parts[1:] if spelled.anchor else spelled.parts:
            alike = [part] if os.path.lexists(place / part) else _alike(place, part)
            if len(alike) != 1:
                break
            place = place / alike[0]
        else:
            if is_file(place):
                return place
    return None


def check_output(out: Path, *, what: str, suffixes: Sequence[str], inputs: Iterable[Path | str | None] = ()) -> None:
    """Refuse, before anything is computed, a file that cannot or must not be written.

    Args:
        what: is to be written, for the message: `audio`.
        suffixes: the kinds that can be written, with their dots.
        inputs: files that the command reads; None for one that is not given.

    Raises:
        UserError: another suffix, a folder or a device at `out`, a folder that cannot be written, or an input by any
            alias of its path.
    """
    check_name(out)
    if out.suffix.lower() not in suffixes:
        raise UserError(f"Cannot write {what} to {out}: name it {' or '.join(suffixes)}.")
    fault = fault_of(out)
    if fault == "is a folder":
        raise UserError(f"{out} is a folder; name a file in it.")
    if any(fault == said for _, said in _KINDS):
        raise UserError(f"{out} {fault}; give --out the name of a file.")
    _check_writable_folder(out)
    _check_not_among(out, inputs)


def check_output_folder(
    out: Path, *, inputs: Iterable[Path | str | None] = (), is_own: Callable[[Path], bool] | None = None
) -> None:
    """Refuse, before anything is computed, a folder that cannot or must not be made or replaced.

    Args:
        inputs: files and folders that the command reads; None for one that is not given.
        is_own: decides for each entry of an existing folder whether an earlier run of the same command wrote
            it, so that it may be replaced; None refuses every folder that is not empty.

    Raises:
        UserError: `out` names a kind of file, as x.mp3 does; it exists and is not a folder, or is a folder with
            entries that are not the command's own; it is in an input, or an input is in it; or it cannot be written.
    """
    check_kept_folder(out)
    _check_writable_folder(out)
    folder = true_path(out)
    for each in _given(inputs):
        if folder in true_path(each).parents:
            raise UserError(f"{shown(each)} is an input of this command and is in {out}: give --out another folder.")
        if Path(each).is_dir() and true_path(each) in (folder, *folder.parents):
            raise UserError(f"{out} is in {shown(each)}, an input of this command: give --out another folder.")
    if not out.is_dir():
        return
    foreign = [name for name in sorted(entries(out)) if is_own is None or not is_own(out / name)]
    if foreign:
        raise UserError(
            f"{out} already exists and contains {shown(foreign[0])}, which would be lost; give a new folder."
        )


def entries(folder: Path) -> list[str]:
    """Names in a folder, without leftovers of killed processes, which the next one that writes there removes."""
    return [name for name in os.listdir(folder) if not name.startswith(ASIDE)]  # noqa: PTH208 - names are needed


def check_kept_folder(out: Path) -> None:
    """Refuse, before anything is computed, a folder that cannot be made or added to; its existing content stays.

    Raises:
        UserError: `out` names a kind of file, as x.mp3 does; it exists and is not a folder; or it cannot be
            written.
    """
    check_name(out)
    if kind := _file_type(out):
        raise UserError(f"{out} is named like a file ({kind}), but a folder is written: give --out another name.")
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file, but a folder is written: give --out another name.")
    _check_writable_folder(out / "entry")


def check_name(out: Path) -> None:
    """Refuse a name that cannot be written or stored, or that was hardly meant.

    Raises:
        UserError: it is too long, is not UTF-8, holds control characters, ends with a dot or a space, is the root, or
            is one that shells and programs give a meaning (~, -), which it does not have here.
    """
    if fault := _fault_of_name(os.fspath(out)) or _fault_of_output(out):
        raise UserError(f"{shown(out)} {fault}; give --out another name.")
    if any(len(part.encode()) > _LONGEST_NAME for part in out.parts):
        raise UserError(f"{out.name[:40]}... has a name that is too long; give --out a shorter one.")


def _fault_of_output(out: Path) -> str:
    """The reason why a name does not suit a new file or folder; "" if it does."""
    is_home = out.parts[:1] == ("~",) or (len(out.parts) > 1 and out.parts[0].startswith("~"))
    faults = {
        "is the root of the file system": not true_path(out).name,
        "begins with ~, which the shell left as it is, so write the path in full": is_home,
        "would be a folder of that name, since nothing is written to the standard output": out == Path("-"),
        "has a name with control characters": any(unicodedata.category(sign) == "Cc" for sign in os.fspath(out)),
        "has a name that ends with a dot or a space": out.name.endswith((".", " ")) and out.name != "..",
    }
    return next((fault for fault, holds in faults.items() if holds), "")


def _fault_of_name(name: str) -> str:
    if "\0" in name:
        return "has a name with a NUL character"
    try:
        name.encode()
    except UnicodeEncodeError:
        return "has a name that is not UTF-8, so rename it"
    return ""


def _nearest(path: Path) -> str:
    """` (did you mean 'x'?)` with a similar file; or nothing."""
    if found := resolve_spelling(path):
        return f" (did you mean {os.fspath(found)!r}?)"
    return did_you_mean(path.name, _neighbours(path.parent))


def _alike(folder: Path, name: str) -> list[str]:
    """Names in a folder that differ from one in case or in how accents are spelled, only."""
    wanted = _plain(name)
    return [each for each in _neighbours(folder) if _plain(each) == wanted]


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _neighbours(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry, _ in zip(entries, range(_MOST_NEIGHBOURS), strict=False)]
    except OSError:
        return []
    return sorted(name for name in names if not name.startswith(".") and not _fault_of_name(name))


def _check_writable_folder(out: Path) -> None:
    folder = next(parent for parent in Path(os.path.abspath(out)).parents if os.path.lexists(parent))  # noqa: PTH100
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise UserError(f"{folder} is not writable: give --out another folder.")


def _check_not_among(out: Path, inputs: Iterable[Path | str | None]) -> None:
    for each in _given(inputs):
        same = true_path(each) == true_path(out)
        if same or (is_file(out) and is_file(each) and out.samefile(each)):
            raise UserError(f"{out} is an input of this command: give --out another name.")


def _given(inputs: Iterable[Path | str | None]) -> list[Path | str]:
    """The inputs that may be paths: a chord chart in words is not a file."""
    return [each for each in inputs if each is not None and not _fault_of_name(os.fspath(each)) and _exists(each)]


def _exists(path: Path | str) -> bool:
    return fault_of(path) in ("", "is a folder")


def _file_type(out: Path) -> str:
    """The file type of a name by its suffix, also if the name is only a suffix, such as `.wav`."""
    name = out.name.lower()
    kind, packed = _FILE_TYPES.guess_type(f"x{name}" if name.startswith(".") else name, strict=False)
    known = kind if kind != "application/octet-stream" else None  # `.a` or `.so`, which may end a folder's name
    return known or packed or ("audio" if Path(f"x{name}").suffix in _AUDIO else "")
