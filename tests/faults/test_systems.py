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
import os, pkgutil, importlib, shutil, signal, sys
from pathlib import Path
import accelerate, datasets, diffusers, librosa.beat, librosa.feature, librosa.util, platformdirs, pretty_midi, psutil
import torch, transformers  # all of which have guards of their own

for name in {modules!r}:
    sys.modules[name] = None
for holder, names in ((os, {of_os!r}), (signal, {of_signal!r})):
    for name in names:
        if hasattr(holder, name):
            delattr(holder, name)
if "statvfs" in {of_os!r}:  # Windows has its own way, which shutil chooses when it is imported
    shutil.disk_usage = lambda path: shutil._ntuple_diskusage(2**40, 2**39, 2**39)
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
from counterpoint.training.devices import peak_memory_of

out = Path(sys.argv[1])
assert machine.cores() >= 1 and isinstance(machine.processor(), str) and machine.free_memory() > 0
machine.reset_peak_memory()
machine.resident_memory()
assert peak_memory_of(torch.device("cpu")) >= 0 and _memory("cpu") > 2**20
assert Busy.now().foreign_since(Busy.now()) is None
with sole_writer(out / "held"):
    write_json(out / "held" / "x.json", 1)
import_librosa()
compose(out / "corpus", clips=3, duration_s=1.0, seed=0, workers=1)
ingest(out / "corpus" / "audio", out / "dataset", group_by="track")
assert len(open_dataset(out / "dataset").splits["train"])
print("fine")
"""
_LINUX_ALONE = """
    sched_getaffinity sched_setaffinity sched_getscheduler posix_fadvise posix_fallocate memfd_create pidfd_open eventfd
    splice copy_file_range setresuid O_TMPFILE O_DIRECT O_PATH
"""
_POSIX_ALONE = """
    fork forkpty getuid geteuid getgid getegid getgroups sysconf mkfifo mknod getpgid setpgid killpg setsid nice
    getpriority register_at_fork statvfs fstatvfs uname getloadavg chown lchown chroot wait wait3 wait4 pread pwrite
    sendfile lockf initgroups O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_SYNC
"""
_SIGNALS_OF_POSIX = """
    pthread_sigmask SIGKILL SIGHUP SIGUSR1 SIGUSR2 SIGALRM SIGPIPE SIGXFSZ SIGSTOP SIGCONT alarm setitimer sigwait
"""
SYSTEMS = {
    "macos": {"modules": [], "of_os": _LINUX_ALONE.split(), "of_signal": []},
    "windows": {
        "modules": ["fcntl", "resource", "pwd", "grp", "termios"],
        "of_os": (_LINUX_ALONE + _POSIX_ALONE).split(),
        "of_signal": _SIGNALS_OF_POSIX.split(),
    },
}
LACKING: dict[str, set[str]] = {
    "os": set((_LINUX_ALONE + _POSIX_ALONE).split()),
    "signal": set(_SIGNALS_OF_POSIX.split()),
    "socket": {"AF_UNIX", "SO_REUSEPORT", "socketpair", "CMSG_LEN"},
    "time": {"tzset", "clock_gettime", "CLOCK_MONOTONIC"},
}
"""By module: names that macOS or Windows lacks."""


@pytest.mark.slow
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_package_works_without_what_linux_has(system: str, tmp_path: Path) -> None:
    code = WITHOUT.format(**SYSTEMS[system])
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0 and done.stdout.strip().endswith("fine"), done.stderr[-3000:]


def unguarded(tree: ast.AST) -> list[int]:
    """Lines that need what Windows or macOS lacks, outside `try` and in no function (or module) that asks for it by
    `hasattr` or reads /proc, which only Linux has; and lines with dates of another form than all systems know."""
    tried = {inner for node in ast.walk(tree) if isinstance(node, ast.Try) for inner in ast.walk(node)}
    asked = {inner for scope in _scopes(tree) if _asks(scope) for inner in ast.walk(scope)}
    return [node.lineno for node in ast.walk(tree) if _lacks(node) and node not in tried | asked]  # type: ignore[attr-defined]


def _lacks(node: ast.AST) -> bool:
    match node:
        case ast.Import(names=names):
            return bool(POSIX_ALONE & {alias.name for alias in names})
        case ast.ImportFrom(module=module, names=names):
            return bool((LACKING.get(module or "", set())) & {alias.name for alias in names}) or module in POSIX_ALONE
        case ast.Attribute(value=ast.Name(id=module), attr=name):
            return name in LACKING.get(module, ())
        case ast.Call(func=ast.Attribute(attr="strftime"), args=[ast.Constant(value=str(form)), *_]):
            return "%-" in form
    return False


def _scopes(tree: ast.AST) -> list[ast.AST]:
    """Functions, and statements of a module that are none."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [*functions, *(node for node in ast.iter_child_nodes(tree) if not isinstance(node, kinds))]


def _asks(scope: ast.AST) -> bool:
    names = {node.func.id for node in ast.walk(scope) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return bool({"hasattr", "read_proc"} & names)


@pytest.mark.parametrize(
    "code",
    [
        "import fcntl",
        "from resource import getrusage",
        "def f():\n    os.fork()",
        "x = os.O_TMPFILE",
        "signal.signal(signal.SIGUSR1, f)",
        "from os import killpg",
        "time.strftime('%-d')",
        "if hasattr(os, 'fork'):\n    pass\nos.fork()",
    ],
)
def test_the_search_finds_each_kind(code: str) -> None:
    assert len(unguarded(ast.parse(code))) == 1


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    return os.fork() if hasattr(os, 'fork') else None",
        "def f():\n    return read_proc('stat') and os.sysconf('SC_CLK_TCK')",
        "signal.signal(signal.SIGINT, f)",
        "time.strftime('%d')",
    ],
)
def test_the_search_passes_what_is_guarded(code: str) -> None:
    assert unguarded(ast.parse(code)) == []


def test_the_search_finds_what_it_looks_for() -> None:
    assert unguarded(ast.parse("import fcntl\ndef f():\n    import resource\n")) == [1, 3]
    assert unguarded(ast.parse("try:\n    import fcntl\nexcept ImportError:\n    fcntl = None\n")) == []


def test_what_other_systems_lack_is_used_with_a_guard() -> None:
    found = {str(path): unguarded(ast.parse(path.read_text(encoding="utf-8"))) for path in ROOT.rglob("*.py")}
    assert {path: lines for path, lines in found.items() if lines} == {}
