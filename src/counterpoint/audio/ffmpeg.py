"""Conversion of audio that libsndfile does not decode, such as .m4a, by the program ffmpeg if it is installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from counterpoint.config import UserError
from counterpoint.config.text import split_lines

PROGRAM = "ffmpeg"


def is_installed() -> bool:
    """Whether the program is on the PATH."""
    return shutil.which(PROGRAM) is not None


@contextmanager
def converted(path: Path) -> Iterator[Path]:
    """The first audio stream of a file as a .wav of float samples, which lasts as long as the context.

    Only the file itself is read: playlists and streams that a file may name are not followed.

    Raises:
        UserError: ffmpeg is not installed, or finds no audio that it can decode.
    """
    if not is_installed():
        raise UserError(
            f"{path} cannot be read as audio without ffmpeg: install ffmpeg, or convert the file to .flac or .wav."
        )
    with TemporaryDirectory(prefix="counterpoint-") as folder:
        out = Path(folder, "converted.wav")
        command = [PROGRAM, "-nostdin", "-v", "error", "-protocol_whitelist", "file", "-i", f"file:{path}"]
        command += ["-map", "0:a:0", "-c:a", "pcm_f32le", "-rf64", "auto", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode or not out.is_file():
            reason = (split_lines(done.stderr.strip()) or ["it found no audio"])[-1]
            raise UserError(f"{path} cannot be read as audio (ffmpeg: {reason}); export it again or leave it out.")
        yield out
