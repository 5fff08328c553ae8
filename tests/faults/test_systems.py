"""No call that Linux alone has goes without a guard: macOS and Windows, as far as Linux can play them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import counterpoint

ROOT = Path(counterpoint.__file__).parent
POSIX_ALONE = {"fcntl", "resource", "termios", "pwd", "grp", "pty", "syslog"}

WITHOUT = """
import os, pkgutil, importlib, signal, sys
from pathlib import Path
import accelerate, datasets, diffusers, librosa.beat, librosa.feature, librosa.util, platformdirs, pretty_midi, psutil
import torch, transformers  # all of which have guards of their own

for name in {modules!r}:
    sys.modules[name] = None
for holder, names in ((os, {of_os!r}), (signal, {of_signal!r})):
    for name in names:
        if hasattr(holder, name):
            delattr(holder, name)
read = Path.read_text
def without_proc(self, *args, **kwargs):
    if str(self).startswith(("/proc", "/sys")):
        raise FileNotFoundError(2, "No such file or directory", str(self))
    return read(self, *args, **kwargs)
Path.read_text = without_proc

import counterpoint
for module in pkgutil.walk_packages(counterpoint.__path__, "counterpoint."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)

from counterpoint.audio.librosa_import import import_librosa
from counterpoint.bench.limits import _memory
from counterpoint.bench.machine import Busy
from counterpoint.compose import compose
from counterpoint.config import machine, write_json
from counterpoint.config.locks import sole_writer
from counterpoint.data import open_dataset
from counterpoint.ingest import ingest
from counterpoint.training.loop import _peak_memory

out = Path(sys.argv[1])
assert machine.cores() >= 1 and isinstance(machine.processor(), str) and machine.free_memory() > 0
machine.reset_peak_memory()
machine.resident_memory()
assert _peak_memory(torch.device("cpu")) >= 0 and _memory("cpu") > 2**20
assert Busy.now().foreign_since(Busy.now()) is None
with sole_writer(out / "held"):
    write_json(out / "held" / "x.json", 1)
import_librosa()
compose(out / "corpus", clips=3, duration_s=1.0, seed=0, workers=1)
ingest(out / "corpus" / "audio", out / "dataset", group_by="track")
assert len(open_dataset(out / "dataset").splits["train"])
print("fine")
"""
SYSTEMS = {
    "macos": {"modules": [], "of_os": ["sched_getaffinity", "sched_setaffinity"], "of_signal": []},
    "windows": {
        "modules": ["fcntl", "resource", "pwd", "grp", "termios"],
        "of_os": ["sched_getaffinity", "fork", "getuid", "geteuid", "sysconf", "mkfifo", "getpgid", "register_at_fork"],
        "of_signal": ["pthread_sigmask", "SIGKILL", "SIGHUP"],
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_package_works_without_what_linux_has(system: str, tmp_path: Path) -> None:
    code = WITHOUT.format(**SYSTEMS[system])
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0 and done.stdout.strip().endswith("fine"), done.stderr[-3000:]


def unguarded(tree: ast.AST) -> list[int]:
    """Lines of imports of modules that Windows lacks, outside `try`."""
    tried = {inner for node in ast.walk(tree) if isinstance(node, ast.Try) for inner in ast.walk(node)}
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Import) and node not in tried and POSIX_ALONE & {alias.name for alias in node.names}
    ]


def test_the_search_finds_what_it_looks_for() -> None:
    assert unguarded(ast.parse("import fcntl\ndef f():\n    import resource\n")) == [1, 3]
    assert unguarded(ast.parse("try:\n    import fcntl\nexcept ImportError:\n    fcntl = None\n")) == []


def test_modules_of_posix_are_imported_with_a_guard() -> None:
    found = {str(path): unguarded(ast.parse(path.read_text(encoding="utf-8"))) for path in ROOT.rglob("*.py")}
    assert {path: lines for path, lines in found.items() if lines} == {}
