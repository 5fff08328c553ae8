"""The page of samples: complete, small, chosen without ears, opened from disk."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from counterpoint.cli.app import app
from counterpoint.config import UserError
from counterpoint.results.schema import Results
from counterpoint.study.samples import write_samples

Fabricate = Callable[..., Results]
FILLED = ("ar", "fm", "fm_inversion")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, fabricate_inpainting: Fabricate) -> Path:
    """A study of inpainting whose clips lie where its results say."""
    folder = tmp_path_factory.mktemp("runs") / "table4"
    results = fabricate_inpainting(folder)
    places = {key: "prompts/truth" if key == "ground_truth" else f"generate_{key}" for key in results.systems}
    systems = {
        key: system.model_copy(update={"clips": (places[key],) if (folder / places[key]).is_dir() else ()})
        for key, system in results.systems.items()
    }
    evaluations = dict(results.evaluations)
    results.model_copy(update={"systems": systems, "evaluations": evaluations}).write(folder)
    return folder


def test_rows_are_the_first_prompts_and_columns_the_systems(study: Path, tmp_path: Path) -> None:
    page = write_samples([str(study)], out=tmp_path / "page", prompts=2, systems=["ground_truth", *FILLED])
    html = page.read_text(encoding="utf-8")
    assert len(re.findall("data-example>", html)) == 2
    assert re.findall(r'data-player="(\w+)"', html) == ["ground_truth", *FILLED] * 2
    assert "A calm &lt;b&gt;waltz&lt;/b&gt;" in html and "Filled in:" in html
    assert "counterpoint study samples" in html
    rows = json.loads((page.parent / "samples.json").read_text(encoding="utf-8"))
    assert [row["id"] for row in rows] == ["track-0", "track-1"] and list(rows[0]["systems"])[1:] == [*FILLED]


def test_the_page_opens_from_disk_with_small_files_of_its_own(study: Path, tmp_path: Path) -> None:
    page = write_samples([str(study)], out=tmp_path / "page", prompts=1, systems=list(FILLED))
    html = page.read_text(encoding="utf-8")
    targets = re.findall(r'(?:src|href)="([^"#]+)"', html)
    assert targets and not [target for target in targets if target.startswith(("http", "/", "data:"))]
    assert all((page.parent / target).is_file() for target in targets)
    sounds = list((page.parent / "audio").iterdir())
    assert {path.suffix for path in sounds} <= {".ogg", ".mp3"} and len(sounds) == 3
    assert all(path.stat().st_size < 16_000 for path in sounds), "2 s at about 50 kbit/s"
    pictures = list((page.parent / "pictures").iterdir())
    assert all(path.suffix == ".webp" and path.stat().st_size < 12_000 for path in pictures)


def test_all_systems_with_clips_but_silence_are_heard_by_default(study: Path, tmp_path: Path) -> None:
    html = write_samples([str(study)], out=tmp_path / "page", prompts=1).read_text(encoding="utf-8")
    heard = re.findall(r'data-player="(\w+)"', html)
    assert heard[0] == "ground_truth" and heard[-1] == "other_clip" and "silence" not in heard
    assert {*FILLED, "fm_best"} < {*heard}


def test_what_cannot_be_shown_is_said_and_leaves_other_folders_alone(study: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no clips of a system 'musicgen'; it has ground_truth, ar"):
        write_samples([str(study)], out=tmp_path / "page", systems=["musicgen"])
    with pytest.raises(UserError, match="no value of 'seam_flux' for each clip"):
        write_samples([str(study)], out=tmp_path / "page", by="seam_flux")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note.txt").write_text("keep me")
    with pytest.raises(UserError, match=r"contains note\.txt, which would be lost"):
        write_samples([str(study)], out=tmp_path / "mine")
    assert (tmp_path / "mine" / "note.txt").exists() and not (tmp_path / "page").exists()


def test_the_verb_writes_a_page_and_replaces_its_own(study: Path, tmp_path: Path) -> None:
    command = ["study", "samples", str(study), "--out", str(tmp_path / "page"), "--prompts", "1", "--systems", "ar,fm"]
    for _ in range(2):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0 and "MB" in done.output, done.output


def test_folders_of_audio_are_columns(study: Path, tmp_path: Path) -> None:
    """Any clips can stand beside each other, such as those of models without a study."""
    folders = [f"Real music={study / 'prompts' / 'truth'}", f"Auto-regression={study / 'generate_ar'}"]
    page = write_samples(folders, out=tmp_path / "page", prompts=2)
    rows = json.loads((page.parent / "samples.json").read_text(encoding="utf-8"))
    assert [list(row["systems"].values()) for row in rows] == [["Real music", "Auto-regression"]] * 2
    assert len(list((page.parent / "audio").iterdir())) == 4
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="contains no audio"):
        write_samples([*folders, f"Nothing={tmp_path / 'empty'}"], out=tmp_path / "other")
