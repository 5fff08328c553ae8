"""`counterpoint inpaint`, as a user types it, with a model that ships."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors.torch import save_file
from typer.testing import CliRunner, Result

from counterpoint.cli.app import app
from counterpoint.codec import latent_spec, load_codec
from counterpoint.config import ModelConfig, UserError, parse, write_json
from counterpoint.paradigm import build_paradigm

RATE = 44_100
MODEL = "pocket_flow_matching"


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """6 s in stereo: three notes of a broken chord, four a second."""
    at = np.arange(6 * RATE) / RATE
    hertz = 220 * 2 ** (np.array([0, 4, 7, 4])[(at * 4).astype(int) % 4] / 12)
    tone = np.sin(2 * np.pi * hertz * at) * np.exp(-5 * (at % 0.25))
    path = tmp_path_factory.mktemp("song") / "song.wav"
    soundfile.write(path, np.stack([0.4 * tone, 0.2 * tone], axis=1), RATE, "PCM_24")
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By paradigm, an untrained model of 5 s on the latents of `pocket`, which never learned to inpaint."""
    latent, root = latent_spec(load_codec("pocket")), tmp_path_factory.mktemp("plain")
    for paradigm in ("autoregressive", "flow_matching"):
        values = {"paradigm": paradigm, "backbone": "debug", "text": {"buckets": 64, "width": 16}}
        config = parse(values, ModelConfig, source="test")
        described = {"model": config.model_dump(mode="json"), "latent": latent.model_dump(mode="json"), "segment_s": 5}
        write_json(root / paradigm / "model.json", described)
        save_file(build_paradigm(config, latent, seed=0).state_dict(), root / paradigm / "model.safetensors")
    return {folder.name: folder for folder in root.iterdir()}


def inpaint(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["inpaint", *map(str, arguments)], env={"COLUMNS": "160"})


def test_a_song_is_mended_and_its_takes_are_listed(song: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    asked = ("--prompt", "harp", "--model", MODEL, "--out", out, "--steps", 2, "--num", 2)
    found = inpaint(song, "--span", "2:2.5", "--span", "5:6", "--crossfade-s", 0.02, *asked)
    assert found.exit_code == 0, found.output
    for words in ("take", "seed", "score", "flux", "loudness step", "beat phase", "chord", "6.0 s, filled in by"):
        assert words in found.output
    assert "The new music is mono: the model reads and draws one channel, which is copied to all 2." in found.output
    (before, rate), (after, same_rate) = (soundfile.read(path, dtype="int32") for path in (song, out))
    assert rate == same_rate and soundfile.info(out).subtype == "PCM_24"
    changed = (before != after).any(axis=1)
    at = np.arange(len(before)) / RATE
    allowed = ((at > 1.9799) & (at < 2.5201)) | (at > 4.9799)
    assert not changed[~allowed].any()
    assert changed[(at > 2) & (at < 2.5)].mean() > 0.9 and changed[at > 5].mean() > 0.9
    assert [path.name for path in tmp_path.iterdir()] == ["out.wav"]
    found = inpaint(song, "--span", "2:2.5", *asked, "--keep", "all", "--method", "inversion", "--seed", 3)
    assert found.exit_code == 0 and "out-1.wav: 6.0 s, filled in by inversion" in found.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out-1.wav", "out-2.wav", "out.wav"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--span", "3:3"], "empty"),
        (["--span", "4.5:2"], "write 2:4.5"),
        (["--span", "-1:2"], "starts before"),
        (["--span", "a:b"], "START:STOP"),
        (["--span", "5:9"], "is 6.000 s long"),
        (["--span", "0.5:5.5", "--model", "{flow_matching}"], "at most 4.5 s"),
        (["--span", "1:2", "--span", "1.5:3"], "1:2 and 1.5:3 overlap"),
        (["--span", "0:6"], "counterpoint generate"),
        (["--span", "1:2", "--num", "0"], "--num is 0"),
        (["--span", "1:2", "--crossfade-s", "-1"], "crossfade"),
        (["--span", "1:2", "--method", "magic"], "'magic'; it supports"),
        (["--span", "1:2", "--method", "supervised", "--model", "{flow_matching}"], "it supports"),
        (["--span", "1:2", "--model", "{autoregressive}"], "a model that needs no training for it (flow_matching)"),
        (["--span", "1:2", "--steps", "0"], "steps"),
        (["--span", "1:2", "--model", "no/where/at/all"], "all"),
        (["--span", "1:2", "--out", "x.ogg"], "name it .wav or .flac"),
    ],
)
def test_what_cannot_be_is_one_clear_sentence(
    song: Path, plain: dict[str, Path], tmp_path: Path, arguments: list[str], words: str
) -> None:
    given = [argument.format(**plain) for argument in arguments]
    found = inpaint(song, "--model", MODEL, "--out", tmp_path / "out.wav", *given)
    assert isinstance(found.exception, UserError), found.output
    assert words in str(found.exception) and "\n" not in str(found.exception)
    assert not list(tmp_path.iterdir())


def test_generate_takes_the_same_sampling_options() -> None:
    def options(verb: str) -> set[str]:
        found = CliRunner().invoke(app, [verb, "--help"], env={"COLUMNS": "200"})
        return {word for word in found.output.split() if word.startswith("--")}

    shared = {"--guidance", "--temperature", "--top-k", "--top-p", "--solver", "--steps", "--sway", "--tolerance"}
    assert shared | {"--guidance-interval", "--seed", "--device", "--precision"} <= options("generate") & options(
        "inpaint"
    )
