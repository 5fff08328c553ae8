"""What `counterpoint doctor` says of a machine."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from counterpoint import doctor
from counterpoint.cli.app import app


def test_it_shows_what_is_here_and_how_to_get_the_rest() -> None:
    found = {each.part: each for each in doctor.examine_machine()}
    assert not any(each.is_fault for each in found.values())
    assert {"torch", "GPU", "kernels", "ViSQOL", "ffmpeg", "vggish", "chordino"} <= found.keys()
    assert all(each.remedy for each in found.values() if not each.found)
    assert "metrics fetch vggish" in found["vggish"].remedy, "the judges of the tests' own empty folder are missing"


def test_a_needed_part_that_is_missing_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = doctor.Finding("torch", "networks", "", needed=True, remedy="pip install torch")
    spare = doctor.Finding("ffmpeg", "formats", "", remedy="install it")
    monkeypatch.setattr(doctor, "examine_machine", lambda: [lost, spare])
    said = CliRunner().invoke(app, ["doctor"])
    assert said.exit_code == 1
    assert "missing but needed" in said.output and "torch: pip install torch" in said.output
    answered = CliRunner().invoke(app, ["doctor", "--json"])
    assert [each["part"] for each in json.loads(answered.stdout)] == ["torch", "ffmpeg"]
