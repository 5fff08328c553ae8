"""The README and the pages of `docs/`: every command exists with its options, and the guides run at debug scale."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile
import typer.main

import counterpoint

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
GUIDES = ["start", "tutorial", *(f"guides/{path.stem}" for path in sorted((ROOT / "docs" / "guides").glob("*.md")))]
NOT_RUN = re.compile(r"<!-- not run: .+? -->\n```sh\n.*?```", re.DOTALL)
SHELL = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`(counterpoint [^`\n]+)`")
AT_DEBUG_SCALE = (
    (r"(study run quick)$", r"\1 --scale debug --out runs/quick"),
    (r"(study run quick --data my-data)$", r"\1 --scale debug --out runs/quick-my-data"),
    (r"--set training\.steps=\d+", "--scale debug --set training.steps=4"),
    (r"(data compose composed) --clips 96 --duration-s 10", r"\1 --clips 40 --duration-s 4"),
    (r"(data compose composed --clips 24) --duration-s 10", r"\1 --duration-s 4"),
    (r"(generate .+ --num 8) --duration-s 5", r"\1 --duration-s 2"),
)
"""How the commands of a page become short enough for a test: patterns and what takes their place."""


@dataclass(frozen=True)
class Command:
    """A call of the command line on a page.

    Attributes:
        arguments: without the program's name.
        whole: it stands in a block that is meant to be copied, so nothing may be missing.
    """

    page: str
    arguments: tuple[str, ...]
    whole: bool

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.arguments)}"


def commands() -> list[Command]:
    found = []
    for page in PAGES:
        name, text = str(page.relative_to(ROOT)), page.read_text(encoding="utf-8")
        blocks = "\n".join(SHELL.findall(text)).replace("\\\n", " ")
        whole = [line.strip() for line in blocks.splitlines() if line.strip().startswith("counterpoint ")]
        found += [Command(name, tuple(shlex.split(line, comments=True)[1:]), whole=True) for line in whole]
        found += [Command(name, tuple(shlex.split(line)[1:]), whole=False) for line in INLINE.findall(text)]
    return found


def find_verb(arguments: tuple[str, ...]) -> tuple[click.Command, list[str]]:
    """The command that a line names, and what it is given."""
    from counterpoint.cli.app import app

    verb, rest = typer.main.get_command(app), [each for each in arguments if each != "--offline"]
    while isinstance(verb, click.Group) or hasattr(verb, "commands"):
        known = verb.commands  # pyright: ignore[reportAttributeAccessIssue]
        if not rest or rest[0] not in known:
            break
        verb = known[rest.pop(0)]
    return verb, rest


@pytest.mark.parametrize("command", commands(), ids=str)
def test_every_command_of_a_page_exists_with_its_options(command: Command) -> None:
    if "COMMAND" in command.arguments:
        return
    verb, rest = find_verb(command.arguments)
    if hasattr(verb, "commands"):
        assert all(part.startswith("-") for part in rest), f"no command is named {' '.join(rest)}"
        return
    placeholders = {"...", "…"}
    given = [part.removesuffix("...") for part in rest if part not in placeholders]
    context = verb.make_context(verb.name, given, resilient_parsing=not command.whole)
    assert context.params is not None


def test_every_verb_is_on_the_page_of_commands() -> None:
    from counterpoint.cli.app import app

    def verbs(command: click.Command, name: str) -> list[str]:
        below = getattr(command, "commands", {})
        return [each for key, one in below.items() for each in verbs(one, f"{name} {key}")] or [name]

    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    missing = [verb for verb in verbs(typer.main.get_command(app), "counterpoint") if f"`{verb}" not in page]
    assert not missing


def test_every_study_is_on_the_page_of_reproduction() -> None:
    page = (ROOT / "docs" / "reproduction.md").read_text(encoding="utf-8")
    studies = [path.stem for path in (ROOT / "configs" / "study").glob("*.yaml")]
    assert studies and all(re.search(rf"study (run|report) .*\b{name}\b", page) for name in studies)


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    assert not [page for page in pages if f'"{page}"' not in navigation and not page.startswith("results/")]


@pytest.mark.parametrize("name", counterpoint.__all__)
def test_every_public_name_is_described_and_on_the_page_of_the_api(name: str) -> None:
    thing = getattr(counterpoint, name)
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert f"::: counterpoint.{name}\n" in page
    parts = vars(thing).items() if inspect.isclass(thing) else ()
    own = {
        key: part for key, part in parts if not key.startswith("_") and (callable(part) or isinstance(part, property))
    }
    bare = [key for key, part in {name: thing, **own}.items() if not inspect.getdoc(part)]
    assert not bare, "every public name says what it is"


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 600


@pytest.mark.slow
@pytest.mark.parametrize("page", GUIDES)
def test_the_commands_of_a_guide_run_in_order(page: str, tmp_path: Path) -> None:
    text = NOT_RUN.sub("", (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8"))
    lines = "\n".join(SHELL.findall(text)).splitlines()
    script = "\n".join(_at_debug_scale(line) for line in lines)
    assert "counterpoint" in script
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    _some_music(tmp_path / "Music")
    environment = {**os.environ, "HOME": str(tmp_path), "PATH": f"{_programs(tmp_path)}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def _at_debug_scale(line: str) -> str:
    for pattern, instead in AT_DEBUG_SCALE:
        line = re.sub(pattern, instead, line)
    return line


def _some_music(folder: Path) -> None:
    """Twelve short files, of which each is another tone."""
    folder.mkdir()
    for index in range(12):
        seconds = np.arange(5 * 32_000) / 32_000
        soundfile.write(
            folder / f"tone_{index:02d}.wav", 0.3 * np.sin(2 * np.pi * (220 + 20 * index) * seconds), 32_000
        )
        (folder / f"tone_{index:02d}.txt").write_text("calm piano", encoding="utf-8")


def _programs(folder: Path) -> Path:
    """A folder with `counterpoint` and `python`, both of the interpreter that runs this test."""
    programs = folder / "programs"
    programs.mkdir()
    for name, call in (("counterpoint", "-m counterpoint"), ("python", "")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {call} "$@"\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    return programs
