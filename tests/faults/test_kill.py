"""A process that is killed while it writes a folder leaves the old one, the new one, or one that is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TRIALS = """
import os, random, signal, sys, time
from pathlib import Path
import datasets
from counterpoint.config import UserError, aside, write_json
from counterpoint.config.files import replace_folder
from counterpoint.data import open_dataset, save_dataset

root, seed = Path(sys.argv[1]), int(sys.argv[2])
rng = random.Random(seed)

def fill(folder, version):
    for index in range(20):
        (folder / f"{index}.txt").write_text(str(version))

def clips(version):
    replace_folder(root / "clips", lambda folder: fill(folder, version))

def rows(version):
    row = {"id": "a", "audio": "/a.wav", "caption": str(version), "duration_s": 1.0, "sample_rate": 1, "channels": 1}
    save_dataset(root / "rows", {"train": [row]}, info={"name": "x", "kind": "x"}, audio_digests={"a": "0"})

def check_clips():
    if not (root / "clips").exists():  # killed between two renames: the old one lies beside
        assert list(root.glob(".part-*/old/clips")), "nothing is left"
        aside._tidied.clear()  # as a new process, which puts it back
        write_json(root / "other.json", 0)
    found = {path.read_text() for path in (root / "clips").iterdir()}
    assert len(found) == 1 and len(list((root / "clips").iterdir())) == 20, found

def check_rows():
    try:
        open_dataset(root / "rows")
    except UserError as refused:
        assert "interrupted" in str(refused) or "is not a dataset" in str(refused), refused
    rows(0)
    assert open_dataset(root / "rows").splits["train"]["caption"][0] == "0"

for write, check, longest_s in ((clips, check_clips, 0.02), (rows, check_rows, 0.1)):
    for trial in range(int(sys.argv[3])):
        write(0)
        process = os.fork()
        if not process:
            try:
                for version in range(1, 1000):
                    write(version)
            finally:
                os._exit(1)
        time.sleep(rng.uniform(0, longest_s))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        check()
        aside._tidied.clear()
        write(0)
        left = [path for path in root.rglob(".part-*")]
        assert not left, left
print("held")
"""


def test_killed_at_random_a_folder_is_whole_or_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TRIALS, str(tmp_path), "0", "15"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and done.stdout.strip() == "held", done.stderr
