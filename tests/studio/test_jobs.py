"""What the worker does, with small untrained models: takes, sound while it is made, edits, and repeating exactly."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tests.generate.conftest import audiocraft, peer, publish, published, tiny  # noqa: F401 - fixtures
from typer.testing import CliRunner

from counterpoint.cli import app
from counterpoint.codec import latent_spec, load_codec
from counterpoint.codec.encodec import build_encodec, encodec_config, save_encodec
from counterpoint.config import BACKBONES, ModelConfig, UserError, write_json
from counterpoint.config.checkpoints import write_checkpoint
from counterpoint.generate import load_model
from counterpoint.paradigm import build_paradigm
from counterpoint.recipe import preview
from counterpoint.studio import jobs, readers
from counterpoint.studio.settings import find_models, shown_models
from counterpoint.studio.worker import CancelledError

RATE = 8000


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Run folders of an untrained model of each paradigm, which follows chords and fills in, on a codec of 8 kHz."""
    root = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    config = encodec_config(
        sample_rate=RATE, strides=(8, 8, 5), filters=2, latent_dim=16, codebook_size=32, lstm_layers=1
    )
    codec = build_encodec(config)
    for layer in codec.quantizer.layers:
        layer.codebook.embed.copy_(torch.randn(32, 16))
    save_encodec(root / "codec", config=config, state=codec.state_dict())
    latent = latent_spec(load_codec(str(root / "codec")), mean=0.0, mean_std=1.0)
    for name, paradigm in (("ar", "autoregressive"), ("fm", "flow_matching")):
        model = ModelConfig(paradigm=paradigm, backbone=BACKBONES["debug"], inpainting=0.5, controls=("chords",))
        write_json(
            root / name / "model.json",
            {"model": model.model_dump(), "latent": latent.model_dump(), "segment_s": 3.0},
        )
        weights = build_paradigm(model, latent).state_dict()
        write_checkpoint(
            root / name / "checkpoints", step=0, tensors={"model": weights, "ema": weights}, state={}, keep=1
        )
    return {name: str(root / name) for name in ("ar", "fm")}


class RecordingTask:
    """A task that records its reports."""

    def __init__(self) -> None:
        self.reports: list[dict] = []
        self.checks, self.ends_at = 0, 10**9

    def report(self, message) -> None:
        self.reports.append(dict(message))

    def check(self) -> None:
        self.checks += 1
        if self.checks > self.ends_at:
            raise CancelledError

    def of(self, kind: str) -> list:
        return [report[kind] for report in self.reports if kind in report]


@pytest.fixture
def library(tmp_path: Path) -> Path:
    for name in ("sounds", "scratch"):
        (tmp_path / name).mkdir()
    generator = np.random.default_rng(0)
    at = np.arange(4 * RATE) / RATE
    music = generator.uniform(-0.5, 0.5, len(at)) * np.exp(-6 * (at % 0.5))
    soundfile.write(tmp_path / "sounds" / "song.wav", np.stack([music, 0.5 * music], axis=1), RATE, "PCM_24")
    return tmp_path


def do(library: Path, *recipes: dict, model: str, task: RecordingTask | None = None) -> RecordingTask:
    task = task or RecordingTask()
    jobs.carry_out(
        {"model": model, "recipes": [{"model": model, **one} for one in recipes], "library": str(library)}, task
    )
    return task


@pytest.mark.parametrize("model", ["ar", "fm"])
def test_a_clip_is_reported_step_by_step_and_then_whole(models, library, model):
    wanted = [{"kind": "generate", "duration_s": 2.0, "seed": seed} for seed in (3, 4)]
    task = do(library, *wanted, model=models[model])
    shares = task.of("share")
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] <= 1
    first, second = task.of("take")
    assert (first["recipe"]["seed"], second["recipe"]["seed"]) == (3, 4)
    assert first["facts"]["duration_s"] == 2.0 and len(first["facts"]["peaks"]) == 600
    assert "guidance" in first["recipe"]["sampling"]  # all settings are written out
    heard = np.frombuffer(b"".join(task.of("sound")), "<i2")
    whole, _ = soundfile.read(library / "scratch" / first["made"], dtype="int16")
    assert len(heard) == len(whole)  # what was heard on the way is the clip, and only the first is heard
    assert np.abs(heard[-800:] - whole[-800:].astype(int)).max() <= 1


def test_sound_comes_while_it_is_drawn(models, library, monkeypatch):
    """Of auto-regression the first part is there long before the last code is."""
    monkeypatch.setattr(jobs, "_EVERY_S", 0.0)
    task = do(library, {"kind": "generate", "duration_s": 3.0, "seed": 3}, model=models["ar"])
    order = [
        "sound" if "sound" in report else "share" for report in task.reports if "sound" in report or "share" in report
    ]
    assert "share" in order[order.index("sound") :] and len(task.of("sound")) > 2


def test_parts_of_the_sound_join_without_a_gap(models):
    model = load_model(models["ar"])
    codes = torch.randint(
        0, 32, (1, model.paradigm.latent.num_codebooks, 100), generator=torch.Generator().manual_seed(1)
    )
    parts: list[np.ndarray] = []
    listen = preview.Preview(model.codec, parts.append)
    from counterpoint.codec import decode
    from counterpoint.paradigm.watch import Drawing

    for ready in range(1, 101):
        listen(Drawing(ready, 100, share=ready / 100, ready=ready, codes=lambda ready=ready: codes[:, :, :ready]))
    whole = decode(model.codec, codes=codes)[0].clamp(-1, 1).numpy()
    listen.finish(whole)
    assert len(parts) > 3 and sum(map(len, parts)) == len(whole)
    assert np.abs(np.concatenate(parts) - whole).max() < 2e-2


@pytest.mark.parametrize("model", ["ar", "fm"])
def test_a_passage_is_filled_in_and_the_rest_is_kept(models, library, model):
    task = do(library, {"kind": "inpaint", "source": "song.wav", "spans": [[1.0, 2.0]], "seed": 1}, model=models[model])
    (take,) = task.of("take")
    before, after = (
        soundfile.read(path, dtype="int32")[0]
        for path in (library / "sounds" / "song.wav", library / "scratch" / take["made"])
    )
    fade = round(0.05 * RATE) + 1
    assert (before[: RATE - fade] == after[: RATE - fade]).all()
    assert (before[2 * RATE + fade :] == after[2 * RATE + fade :]).all()
    assert (before[RATE : 2 * RATE] != after[RATE : 2 * RATE]).any()
    assert take["facts"]["new"] == [[1.0, 2.0]] and take["facts"]["seams"]["score"] <= 0


def test_what_was_asked_is_listened_for(models, library):
    task = do(library, {"kind": "generate", "duration_s": 2.0, "chords": "C:0 Asus4:1", "seed": 0}, model=models["fm"])
    (heard,) = task.of("heard")
    assert "requested C A" in heard["heard"]["svg"]
    assert [each["of"] for each in heard["heard"]["measures"]] == ["chords"]
    assert "Asus4" in task.of("take")[0]["facts"]["remarks"][0]
    assert task.reports.index({"heard": heard}) > next(
        place for place, report in enumerate(task.reports) if "take" in report
    )


def test_a_cancelled_job_ends_between_two_passes(models, library):
    task = RecordingTask()
    task.ends_at = 5
    with pytest.raises(CancelledError):
        do(library, {"kind": "generate", "duration_s": 3.0}, model=models["ar"], task=task)
    assert task.checks == 6 and not task.of("take") and not list((library / "scratch").iterdir())


@pytest.mark.parametrize(
    "recipe",
    [
        {"kind": "generate", "duration_s": 2.0, "chords": "C:0 F:1"},
        {"kind": "inpaint", "source": "song.wav", "spans": [[1.0, 2.0], [3.0, 3.5]]},
        {"kind": "continue", "source": "song.wav", "duration_s": 3.0},
        {"kind": "continue", "source": "song.wav", "duration_s": 1.0, "side": "start"},
    ],
)
def test_the_command_line_repeats_a_request_exactly(models, library, recipe):
    task = do(library, {**recipe, "seed": 5, "caption": "slow piano"}, model=models["fm"])
    (take,) = task.of("take")
    request = library / "sounds" / "request.json"
    request.write_text(json.dumps(take["recipe"]))
    again = library / "again.wav"
    result = CliRunner().invoke(app, ["generate", "--request", str(request), "--out", str(again)])
    assert result.exit_code == 0, result.output
    assert again.read_bytes() == (library / "scratch" / take["made"]).read_bytes()


def test_models_are_kept_and_the_oldest_makes_room(models, monkeypatch):
    monkeypatch.setattr(jobs, "MODELS_KEPT", 1)
    monkeypatch.setattr(jobs, "_models", type(jobs._models)())
    first = jobs._model(models["ar"], device="cpu")
    assert jobs._model(models["ar"], device="cpu") is first
    jobs._model(models["fm"], device="cpu")
    assert list(jobs._models) == [models["fm"]]


def test_the_pace_of_a_model_is_measured_when_it_is_loaded(models):
    task = RecordingTask()
    jobs.carry_out({"warm": ["mine"]}, task, places={"mine": models["ar"]})
    (pace,) = task.of("pace")
    assert 1e-3 < pace["mine"] < 60, "a second of music was drawn, not only asked for"


@pytest.mark.parametrize("layout", ["published", "audiocraft"])
def test_a_folder_of_musicgen_is_a_model_of_the_studio(request, tmp_path, library, layout):
    """A tiny random one in each published format, called by its folder's name and repeated by its place."""
    given = request.getfixturevalue(layout)
    folder = given if isinstance(given, Path) else given()
    places = find_models([str(folder)])
    assert places == {folder.name: str(folder)}
    (shown,) = shown_models(places)
    assert (shown["name"], shown["paradigm"], shown["streams"]) == (folder.name, "autoregressive", True)
    assert str(folder.parent) not in json.dumps(shown)
    task = RecordingTask()
    recipe = {"kind": "generate", "model": folder.name, "caption": "slow warm piano", "duration_s": 1.0, "seed": 5}
    asked = {"model": folder.name, "recipes": [recipe], "library": str(library)}
    jobs.carry_out(asked, task, places=places)
    (take,) = task.of("take")
    assert take["facts"]["duration_s"] == 1.0 and take["recipe"]["model"] == folder.name
    wanted = library / "request.json"
    wanted.write_text(json.dumps(take["recipe"]))
    again = library / "again.wav"
    options = ["--request", str(wanted), "--model", str(folder), "--out", str(again)]
    result = CliRunner().invoke(app, ["generate", *options])
    assert result.exit_code == 0, result.output
    assert again.read_bytes() == (library / "scratch" / take["made"]).read_bytes()


def test_models_that_cannot_be_distinguished_or_found_are_refused(models, tmp_path):
    with pytest.raises(UserError, match="There is no model 'nonsense'"):
        find_models(["nonsense"])
    other = tmp_path / "other" / "fm"
    other.mkdir(parents=True)
    (other / "model.json").write_bytes((Path(models["fm"]) / "model.json").read_bytes())
    with pytest.raises(UserError, match="Two models have the name 'fm'"):
        find_models([models["fm"], str(other)])
    assert find_models(["owner/hub-id"]) == {"owner/hub-id": "owner/hub-id"}
    labels = [model["label"] for model in shown_models(find_models([models["ar"], "owner/hub-id"]))]
    assert labels == ["Auto-regression, ar", "Auto-regression, owner/hub-id"]


def test_every_reader_is_a_function_of_plain_values():
    assert set(readers.UPLOADS) <= set(readers.READERS)
    json.dumps(readers.READERS["chart"]({"chords": "C:0 Am:2"}))
