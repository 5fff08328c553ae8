"""What a user asks for, as tracks: each control on the frames where it holds, and what cannot be asked refused."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import mido
import numpy as np
import pytest
import torch

from counterpoint.analysis.chords import chord_index
from counterpoint.analysis.melody import Melody
from counterpoint.analysis.tracks import NOT_GIVEN, REST
from counterpoint.audio import Sound, save_audio
from counterpoint.codec import blurred_codes, latent_spec, load_codec
from counterpoint.config import BACKBONES, ModelConfig, UserError, pick_sampling, read_json, write_json
from counterpoint.config.checkpoints import write_checkpoint
from counterpoint.generate import ControlSources, GenerationRequest, generate_folder
from counterpoint.generate.controls import read_controls
from counterpoint.generate.model import load_model
from counterpoint.generate.requested import RequestedControls
from counterpoint.paradigm import build_paradigm

DURATION_S, RATE = 4.0, 25
Note = tuple[int, float, float]


@pytest.fixture(scope="module")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A function that writes an untrained run whose controls matter."""
    root = tmp_path_factory.mktemp("runs")
    latent = latent_spec(load_codec("pocket"))

    def make(paradigm: str, controls: Sequence[str]) -> Path:
        run = root / "-".join([paradigm, *controls])
        if run.exists():
            return run
        model = ModelConfig.model_validate(
            {"paradigm": paradigm, "backbone": BACKBONES["debug"], "controls": list(controls)}
        )
        torch.manual_seed(0)
        built = build_paradigm(model, latent)
        if built.controls is not None:
            torch.nn.init.normal_(built.controls.project.weight)
        write_json(run / "model.json", {"model": model.model_dump(), "latent": latent.model_dump()})
        weights = built.state_dict()
        write_checkpoint(run / "checkpoints", step=0, tensors={"model": weights, "ema": weights}, state={}, keep=1)
        return run

    return make


@pytest.fixture(scope="module")
def full(make_run: Callable[..., Path]) -> Path:
    return make_run("flow_matching", ("chords", "melody", "drums"))


@pytest.fixture(scope="module")
def ask(full: Path) -> Callable[..., RequestedControls]:
    model = load_model(full)
    return lambda **sources: read_controls(ControlSources(**sources), model=model, duration_s=DURATION_S)


def write_midi(path: Path, *tracks: tuple[str, Sequence[Note]], drums: bool = False) -> Path:
    import pretty_midi

    midi = pretty_midi.PrettyMIDI()
    for name, notes in tracks:
        part = pretty_midi.Instrument(0, is_drum=drums, name=name)
        part.notes = [pretty_midi.Note(90, pitch, start, end) for pitch, start, end in notes]
        midi.instruments.append(part)
    midi.write(str(path))
    return path


def tone(path: Path, *, hertz: float, duration_s: float, level: float = 0.3) -> Path:
    time = np.arange(round(32_000 * duration_s)) / 32_000
    tones = np.sum([np.sin(2 * np.pi * hertz * n * time) / n for n in range(1, 6)], axis=0)
    save_audio(path, (level * tones).astype(np.float32), sample_rate=32_000)
    return path


def at(track: np.ndarray, time_s: float) -> int:
    return int(track[int(time_s * RATE)])


def test_each_chord_lasts_until_the_next_and_the_last_to_the_end(ask: Callable[..., RequestedControls]) -> None:
    asked = ask(chords="C:1 Am:2 F:3")
    track = asked.tracks[0]
    assert asked.tracks.shape == (3, 100) and (asked.tracks[1:] == NOT_GIVEN).all()
    assert (track[:25] == NOT_GIVEN).all(), "free before the first"
    for time_s, label in ((1.5, "C"), (2.5, "Am"), (3.98, "F")):
        assert at(track, time_s) == chord_index(label)
    assert asked.chords == [(0, None), (1, "C"), (2, "Am"), (3, "F")]
    assert not asked.remarks


def test_chords_of_a_file_end_where_it_ends_and_a_long_one_is_cut(
    ask: Callable[..., RequestedControls], tmp_path: Path
) -> None:
    lab = tmp_path / "a.lab"
    lab.write_text("0 1 C\n1 2 X\n2 3 G9\n")
    asked = ask(chords=str(lab))
    assert [at(asked.tracks[0], t) for t in (0.5, 1.5, 2.5, 3.5)] == [
        chord_index("C"),
        NOT_GIVEN,
        chord_index("G7"),
        NOT_GIVEN,
    ]
    assert asked.remarks == ["G9 is not among the 193 known chords; it became G7."]
    lab.write_text("0 3 C\n3 6 G\n6 9 F\n")
    assert ask(chords=str(lab)).remarks == [f"{lab} is 9.0 s long and was cut to the 4.0 s of the clip."]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("C:0 Am:4", "Am at 4 s, past the end of the 4 s clip"), ("X:0", "has no chord within the clip")],
)
def test_chords_that_ask_nothing_of_the_clip_are_refused(
    ask: Callable[..., RequestedControls], text: str, sentence: str
) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)):
        ask(chords=text)


def test_a_file_that_begins_after_the_clip_is_refused(ask: Callable[..., RequestedControls], tmp_path: Path) -> None:
    (tmp_path / "a.lab").write_text("8 9 C\n")
    with pytest.raises(UserError, match="past the end of the 4 s clip"):
        ask(chords=str(tmp_path / "a.lab"))


def test_the_melody_is_the_named_track_and_its_highest_note(
    ask: Callable[..., RequestedControls], tmp_path: Path
) -> None:
    tune = [(60, 0.4, 1.2), (64, 0.8, 1.2), (65, 2.0, 2.4)]
    high = [(84, 0.0, 3.0)]
    for name, expected in (("Lead synth", 60 - 43), ("other", 84 - 43)):
        midi = write_midi(tmp_path / "a.mid", ("piano", high), (name, tune))
        track = ask(melody=midi).tracks[1]
        assert at(track, 0.6) == expected
    track = ask(melody=write_midi(tmp_path / "b.mid", ("melody", tune))).tracks[1]
    assert [at(track, t) for t in (0.2, 0.6, 1.0, 1.6, 2.2, 2.6)] == [REST, 17, 21, REST, 22, NOT_GIVEN]


def test_a_midi_is_cut_and_brought_into_the_range(ask: Callable[..., RequestedControls], tmp_path: Path) -> None:
    midi = write_midi(tmp_path / "a.mid", ("", [(31, 0, 1), (43, 1, 2), (95, 2, 3), (108, 3, 6)]))
    asked = ask(melody=midi)
    assert [at(asked.tracks[1], t) for t in (0.5, 1.5, 2.5, 3.5)] == [0, 0, 52, 84 - 43]
    assert asked.remarks == [
        f"2 of the 4 notes of {midi} are outside G2-B6 and were transposed into it by octaves.",
        f"{midi} is 6.0 s long and was cut to the 4.0 s of the clip.",
    ]
    assert asked.notes[-1] == (3.0, 4.0, 84)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("missing", "There is no MIDI file at"),
        ("damaged", "cannot be read as MIDI"),
        ("truncated", "cannot be read as MIDI"),
        ("empty", "contains no notes"),
        ("drums", "contains only drums"),
        ("late", "begins at 9.0 s, after the end of the clip"),
    ],
)
def test_a_midi_without_a_melody_is_one_sentence(
    ask: Callable[..., RequestedControls], tmp_path: Path, kind: str, sentence: str
) -> None:
    path = tmp_path / "a.mid"
    if kind == "damaged":
        path.write_bytes(b"not a MIDI file")
    elif kind != "missing":
        notes = [] if kind == "empty" else [(60, 9.0, 10.0)]
        write_midi(path, ("", notes), drums=kind == "drums")
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match=f"{re.escape(str(path))}.*{sentence}|{sentence}.*{re.escape(str(path))}"):
        ask(melody=path)


def test_a_melody_is_heard_in_audio_and_the_rest_left_free(
    ask: Callable[..., RequestedControls], tmp_path: Path
) -> None:
    track = ask(melody=tone(tmp_path / "a.wav", hertz=440, duration_s=2.0, level=0.01)).tracks[1]
    inside = track[10:40]
    assert (inside == 69 - 43).mean() > 0.8, "A4, however softly"
    assert (track[50:] == NOT_GIVEN).all() and not (track[:50] == NOT_GIVEN).any()


def test_an_unsure_melody_is_said_to_be(
    ask: Callable[..., RequestedControls], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tone(tmp_path / "a.wav", hertz=440, duration_s=1.0)
    assert not ask(melody=path).remarks, "one voice is clear"
    for certainty, says in ((0.3, True), (0.9, False)):

        def unsure(*_: object, frames: int, certainty: float = certainty, **__: object) -> Melody:
            return Melody(np.full(frames, 5, dtype=np.int16), np.full(frames, certainty))

        monkeypatch.setattr("counterpoint.generate.controls.follow_melody", unsure)
        assert any("low confidence (0.30)" in remark for remark in ask(melody=path).remarks) == says


def test_a_slow_tempo_on_a_later_track_counts(ask: Callable[..., RequestedControls], tmp_path: Path) -> None:
    path = write_midi(tmp_path / "a.mid", ("melody", [(60, 0.0, 0.5), (64, 0.5, 1.0)]))
    midi = mido.MidiFile(str(path))
    midi.tracks[0] = mido.MidiTrack(event for event in midi.tracks[0] if event.type != "set_tempo")
    midi.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(60))]))
    midi.save(str(path))
    assert [at(ask(melody=path).tracks[1], time_s) for time_s in (0.9, 1.1, 2.1)] == [17, 21, NOT_GIVEN]


def test_intervals_without_length_are_said_to_be_left_out(
    ask: Callable[..., RequestedControls], tmp_path: Path
) -> None:
    (tmp_path / "a.lab").write_text("0 2 C\n2 2 N\n2 4 A:min\n")
    asked = ask(chords=str(tmp_path / "a.lab"))
    assert [at(asked.tracks[0], time_s) for time_s in (1.0, 3.0)] == [chord_index("C"), chord_index("Am")]
    assert asked.remarks == [f"Intervals of {tmp_path / 'a.lab'} without a positive length were left out: 1."]


@pytest.mark.parametrize("level", [0.0, 1e-4])
def test_a_silent_melody_is_refused(ask: Callable[..., RequestedControls], tmp_path: Path, level: float) -> None:
    with pytest.raises(UserError, match="is silent"):
        ask(melody=tone(tmp_path / "a.wav", hertz=440, duration_s=1, level=level))


def test_drums_are_the_codes_of_the_codec(ask: Callable[..., RequestedControls], full: Path, tmp_path: Path) -> None:
    codec = load_model(full).codec
    noise = np.random.default_rng(0).normal(0, 0.3, 2 * 32_000)
    audio = (noise * np.exp(-(np.arange(len(noise)) % 16_000) / 2000)).astype(np.float32)
    save_audio(tmp_path / "short.wav", audio, sample_rate=32_000)
    asked = ask(drums=tmp_path / "short.wav")
    track = asked.tracks[2]
    assert np.array_equal(track[:50], blurred_codes(codec, np.round(audio * 32767) / 32768)) and not asked.remarks
    assert (track[50:] == NOT_GIVEN).all()
    assert len(np.unique(track[:50])) > 1
    save_audio(tmp_path / "long.wav", np.tile(audio, 3), sample_rate=32_000)
    asked = ask(drums=tmp_path / "long.wav")
    assert not (asked.tracks[2] == NOT_GIVEN).any()
    assert asked.remarks == [f"{tmp_path / 'long.wav'} is 6.0 s long and was cut to the 4.0 s of the clip."]


def test_sounds_in_memory_ask_what_their_files_do(ask: Callable[..., RequestedControls], tmp_path: Path) -> None:
    path = tone(tmp_path / "a.wav", hertz=440, duration_s=6.0)
    sound = Sound.of(path)
    filed, given = ask(melody=path, drums=path), ask(melody=sound, drums=sound)
    np.testing.assert_array_equal(filed.tracks, given.tracks)
    assert len(given.remarks) == len(filed.remarks) and "the melody in memory is 6.0 s long" in given.remarks[0]
    with pytest.raises(UserError, match="the melody in memory is silent"):
        ask(melody=Sound(np.zeros(800), 8000))


@pytest.mark.parametrize(
    ("controls", "sentence"),
    [
        ((), "accepts only a caption and no chords or melody: train one with model.controls"),
        (("melody",), "trained without chords; it has melody"),
    ],
)
def test_a_control_that_the_model_does_not_know_is_refused(
    make_run: Callable[..., Path], tmp_path: Path, controls: Sequence[str], sentence: str
) -> None:
    model = load_model(make_run("autoregressive", controls))
    sources = ControlSources(chords="C:0", melody=tmp_path / "none.mid")
    with pytest.raises(UserError, match=re.escape(sentence)):
        read_controls(sources, model=model, duration_s=DURATION_S)


@pytest.mark.parametrize("paradigm", ["autoregressive", "flow_matching"])
def test_what_is_asked_steers_the_clips_and_is_written_down(
    make_run: Callable[..., Path], tmp_path: Path, paradigm: str
) -> None:
    model = load_model(make_run(paradigm, ("chords", "drums")))

    def draw(name: str, **sources: str) -> bytes:
        request = GenerationRequest(
            ["piano"] * 2,
            duration_s=1.0,
            sampling=pick_sampling(paradigm, {"steps": 2}),
            controls=ControlSources(**sources),  # pyright: ignore[reportArgumentType]
        )
        generate_folder(request, model=model, out=tmp_path / name)
        return (tmp_path / name / "001.wav").read_bytes()

    free, steered = draw("free"), draw("steered", chords="C:0 Am:0.52")
    assert free != steered
    assert read_json(tmp_path / "free" / "generation.json")["controls"] is None
    assert read_json(tmp_path / "steered" / "generation.json")["controls"] == {
        "sources": {"chords": "C:0 Am:0.52"},
        "chords": [[0, "C"], [0.52, "Am"]],
        "notes": [],
    }


def test_the_command_says_what_it_changed(make_run: Callable[..., Path], tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from counterpoint.cli.app import app

    run = make_run("flow_matching", ("chords", "melody", "drums"))
    midi = write_midi(tmp_path / "a.mid", ("", [(31, 0, 1)]))
    command = ["generate", "piano", "--model", run, "--out", tmp_path / "x.wav", "--duration-s", "1", "--steps", "2"]
    command += ["--chords", "C:0 G9:0.5", "--melody", midi, "--text-guidance", "0.5"]
    result = CliRunner().invoke(app, list(map(str, command)))
    assert result.exit_code == 0, result.output
    said = result.output.splitlines()
    assert "G9 is not among the 193 known chords; it became G7." in said
    assert any("1 of the 1 notes of" in line for line in said) and "network evaluations" in said[-1]
    assert (tmp_path / "x.wav").is_file()
