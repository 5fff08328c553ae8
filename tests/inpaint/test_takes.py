"""Files with spans filled in: what stays, what changes, which take is kept, what is refused."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from counterpoint.audio import Sound
from counterpoint.codec.encodec import EnCodec
from counterpoint.config import UserError
from counterpoint.generate import load_model, sampling_of
from counterpoint.inpaint import (
    Held,
    Inpainting,
    InpaintingRequest,
    check_files,
    fill_in,
    inpaint_file,
    splice,
    takes,
)
from counterpoint.inpaint.files import Source

FADE_S = 0.03


@pytest.fixture
def save(tmp_path: Path, compose):
    """A function that writes `compose`d music to a file and says where."""

    def write(name: str = "in.wav", *, subtype: str = "PCM_16", duration_s: float = 4.0, rate: int = 8000, channels=1):
        path = tmp_path / name
        soundfile.write(path, compose(duration_s, sample_rate=rate, channels=channels), rate, subtype)
        return path

    return write


def inpaint(source: Path, model: Path, *spans: tuple[float, float], out: Path | None = None, **options) -> Inpainting:
    options.setdefault("prompt", "slow piano")
    options.setdefault("sampling", sampling_of(model, {}, otherwise={"steps": 2}))
    keep, progress = options.pop("keep", "best"), options.pop("progress", None)
    request = InpaintingRequest(spans, crossfade_s=FADE_S, **options)
    job = check_files(source, request, out=out or source.with_stem("out"), keep=keep)
    return inpaint_file(job, request, model=load_model(model), progress=progress)


def raw(path: Path) -> np.ndarray:
    """[N, C] of a type that holds every sample as it is."""
    whole = soundfile.info(path).subtype in ("FLOAT", "DOUBLE")
    return soundfile.read(path, dtype="float64" if whole else "int32", always_2d=True)[0]


def assert_kept(source: Path, out: Path, *spans: tuple[float, float]) -> None:
    """Outside the spans and crossfades every sample is the same, and most of those inside are not."""
    before, after = soundfile.info(source), soundfile.info(out)
    assert (before.samplerate, before.channels, before.frames) == (after.samplerate, after.channels, after.frames)
    at = np.arange(before.frames) / before.samplerate
    fade = FADE_S + 1 / before.samplerate
    touched = np.zeros(before.frames, bool)
    same = (raw(source) == raw(out)).all(axis=1)
    for start, stop in spans:
        touched |= (at > start - fade) & (at < stop + fade)
        assert same[(at > start) & (at < stop)].mean() < 0.2, (start, stop)
    assert same[~touched].all()


@pytest.mark.parametrize(
    ("name", "subtype", "rate", "channels"),
    [
        ("in.wav", "PCM_16", 8000, 1),
        ("in.wav", "PCM_16", 44100, 2),
        ("in.wav", "PCM_24", 11025, 2),
        ("in.wav", "FLOAT", 8000, 2),
        ("in.wav", "DOUBLE", 8000, 1),
        ("in.wav", "PCM_U8", 8000, 1),
        ("in.wav", "PCM_32", 8000, 3),
        ("in.flac", "PCM_16", 22050, 1),
        ("in.flac", "PCM_24", 8000, 2),
    ],
)
def test_what_is_not_filled_in_stays_bit_for_bit(runs, save, name, subtype, rate, channels) -> None:
    source = save(name, subtype=subtype, rate=rate, channels=channels)
    done = inpaint(source, runs["fm"], (1.013, 2.01))
    (take,) = done.takes
    assert take.path == source.with_stem("out") and soundfile.info(take.path).subtype == subtype
    assert done.channels == channels
    assert_kept(source, take.path, (1.013, 2.01))


@pytest.mark.parametrize("keeps_phase", [True, False])
def test_crossfades_suit_the_codec(runs, save, monkeypatch: pytest.MonkeyPatch, keeps_phase: bool) -> None:
    asked = []

    def watched(*args, **options):
        asked.append(options["keeps_phase"])
        return splice(*args, **options)

    monkeypatch.setattr(takes, "splice", watched)
    monkeypatch.setattr(EnCodec, "keeps_phase", keeps_phase)
    source = save()
    inpaint(source, runs["fm"], (1.0, 2.0))
    assert asked == [keeps_phase]
    assert_kept(source, source.with_stem("out"), (1.0, 2.0))


def test_a_lossy_file_is_kept_as_it_is_decoded(runs, save) -> None:
    source = save("in.ogg", subtype="VORBIS", duration_s=40)
    inpaint(source, runs["fm"], (30.0, 31.0), out=source.with_name("out.wav"))
    decoded = soundfile.read(source, dtype="int16")[0]
    written = soundfile.read(source.with_name("out.wav"), dtype="int16")[0]
    rate = 8000
    assert (decoded[: 29 * rate] == written[: 29 * rate]).all() and (decoded[32 * rate :] == written[32 * rate :]).all()
    assert (decoded[30 * rate : 31 * rate] != written[30 * rate : 31 * rate]).mean() > 0.8


@pytest.mark.parametrize("name", ["ar", "fm", "fm_text"])
def test_several_spans_with_a_lead_in_and_a_continuation(runs, save, name: str) -> None:
    source = save(duration_s=12.3, rate=11025, channels=2)
    spans = ((9.9, 12.3), (0.0, 1.0), (4.0, 5.0), (5.6, 6.0))
    done = inpaint(source, runs[name], *spans, num=2)
    assert_kept(source, source.with_stem("out"), *spans)
    assert done.audio_s == pytest.approx(12.3, abs=1e-3)
    assert {take.seed for take in done.takes} == {0, 1}
    assert done.method == ("supervised" if name != "fm_text" else done.method)


@pytest.mark.parametrize("rate", [8000, 11025])
def test_what_the_span_held_leaves_no_trace(runs, save, rate: int) -> None:
    source = save(rate=rate)
    inpaint(source, runs["fm"], (1.0, 2.0), out=source.with_stem("one"))
    audio = soundfile.read(source)[0]
    audio[rate : 2 * rate] = 0.9
    soundfile.write(source, audio, rate, "PCM_16")
    inpaint(source, runs["fm"], (1.0, 2.0), out=source.with_stem("two"))
    assert source.with_stem("one").read_bytes() == source.with_stem("two").read_bytes()


def test_a_later_span_goes_by_what_an_earlier_one_became(runs, save) -> None:
    source = save()
    both, half, again, without = (source.with_stem(stem) for stem in ("both", "half", "again", "without"))
    inpaint(source, runs["fm"], (1.0, 1.5), (2.2, 2.7), out=both)
    audio, mended = (soundfile.read(path, dtype="int16")[0] for path in (source, both))
    audio[:16000] = mended[:16000]
    soundfile.write(half, audio, 8000, "PCM_16")
    second = {"seed": 1 << 32}  # the second span's of a take whose own is 0
    inpaint(half, runs["fm"], (2.2, 2.7), out=again, **second)
    assert (raw(again) == raw(both)).all()
    inpaint(source, runs["fm"], (2.2, 2.7), out=without, **second)
    assert (raw(without) != raw(both))[17600:21600].mean() > 0.2


def test_a_stereo_image_is_kept(runs, save) -> None:
    source = save(channels=2, subtype="FLOAT")
    inpaint(source, runs["fm"], (1.0, 2.0))
    fill = raw(source.with_stem("out"))[8000:16000]
    np.testing.assert_allclose(fill[:, 1], fill[:, 0] / 2, atol=1e-4)
    around = np.concatenate((raw(source)[:7000], raw(source)[17000:]))
    assert 0.2 < np.sqrt((fill**2).mean() / (around**2).mean()) < 5


def test_quiet_music_is_heard_as_if_it_were_loud(runs, compose, tmp_path: Path) -> None:
    fills = []
    for gain in (0.03, 0.003):
        source = tmp_path / f"{gain}.wav"
        soundfile.write(source, gain * compose(4.0), 8000, "FLOAT")
        inpaint(source, runs["fm"], (1.0, 2.0), out=source.with_stem("out"))
        fills.append(raw(source.with_stem("out"))[8000:16000] / gain)
    np.testing.assert_allclose(fills[0], fills[1], atol=0.01 * np.abs(fills[0]).max())


def test_takes_are_ranked_by_their_seams_and_the_best_is_kept(runs, save) -> None:
    source = save()
    told: list[tuple[int, int]] = []
    every = inpaint(
        source,
        runs["fm"],
        (1.0, 2.0),
        num=3,
        seed=7,
        keep="all",
        progress=lambda done, total: told.append((done, total)),
    )
    scores = [take.seams.score for take in every.takes]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) == 3
    assert sorted(take.seed for take in every.takes) == [7, 8, 9]
    assert [take.path for take in every.takes] == [source.with_stem(f"out-{rank}") for rank in (1, 2, 3)]
    assert told[-1] == (3, 3)
    best = inpaint(source, runs["fm"], (1.0, 2.0), num=3, seed=7)
    assert source.with_stem("out").read_bytes() == source.with_stem("out-1").read_bytes()
    assert [take.path for take in best.takes] == [source.with_stem("out"), None, None]
    for take in every.takes:  # a seed gives its take again
        inpaint(source, runs["fm"], (1.0, 2.0), seed=take.seed, out=source.with_stem("again"))
        assert take.path is not None
        np.testing.assert_allclose(raw(source.with_stem("again")) / 2**31, raw(take.path) / 2**31, atol=1e-3)


def test_an_interruption_leaves_what_was_written_whole(runs, save, monkeypatch: pytest.MonkeyPatch) -> None:
    source, write = save(), Source.write

    def interrupted(music: Source, out: Path, **options) -> None:
        if out.stem == "out-2":
            monkeypatch.setattr(soundfile.SoundFile, "write", _interrupt)
        write(music, out, **options)

    monkeypatch.setattr(Source, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        inpaint(source, runs["fm"], (1.0, 2.0), num=3, keep="all")
    assert sorted(path.name for path in source.parent.iterdir()) == ["in.wav", "out-1.wav"]
    assert_kept(source, source.with_stem("out-1"), (1.0, 2.0))


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_what_cannot_be_done_is_refused_before_anything_is_drawn(runs, save, tmp_path: Path) -> None:
    source = save()
    floats = save("float.wav", subtype="FLOAT")
    soundfile.write(tmp_path / "silent.wav", np.zeros(32000), 8000)
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8000)
    broken = np.full(32000, 0.1)
    broken[17000] = np.nan
    soundfile.write(tmp_path / "nan.wav", broken, 8000, "FLOAT")
    (tmp_path / "text.wav").write_text("music")
    span = (1.0, 2.0)
    for given, sentence in (
        ({"num": 0}, "--num is 0"),
        ({"out": source}, "is an input of this command"),
        ({"seed": -1}, "The seed -1 cannot be used"),
        ({"seed": 2**63 - 1}, "cannot be used"),
        ({"num": 10**12}, "1,000,000 takes"),
        ({"prompt": "caf\udce9"}, "not UTF-8"),
        ({"out": tmp_path / "x.mp3"}, "name it .wav or .flac"),
        ({"out": tmp_path}, "name it .wav or .flac"),
        ({"out": tmp_path / "text.wav" / "x.wav"}, "give --out another folder"),
        ({"source": floats, "out": tmp_path / "x.flac"}, "do not support the FLOAT samples"),
        ({"source": tmp_path / "none.wav"}, "no audio file at"),
        ({"source": tmp_path / "text.wav"}, "cannot be read as audio"),
        ({"source": tmp_path / "empty.wav"}, "contains no audio"),
        ({"source": tmp_path / "silent.wav"}, "is silent, which leaves no context"),
        ({"source": tmp_path / "nan.wav"}, "not numbers"),
        ({"method": "magic"}, "cannot inpaint by 'magic'; it supports supervised"),
        ({"model": runs["ar_text"]}, "fine-tune it with"),
        ({"model": runs["fm_text"], "method": "supervised"}, "for which it was not trained; it supports"),
        ({"span": (0.0, 4.0)}, "counterpoint generate"),
        ({"span": (1.0, 3.9)}, "at most 2.5 s"),
        ({"span": (3.0, 4.2)}, "is 4.000 s long"),
        ({"prompt": "very " * 300}, "caption"),
    ):
        options = {"source": source, "model": runs["fm"], "span": span, **given}
        with pytest.raises(UserError) as refused:
            inpaint(options.pop("source"), options.pop("model"), options.pop("span"), **options)
        assert sentence in str(refused.value), refused.value
        assert "\n" not in str(refused.value)
    with pytest.raises(UserError, match="no span to fill in"):
        inpaint(source, runs["fm"])
    assert not list(tmp_path.glob("out*")) and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_what_a_file_holds_beside_its_samples_is_kept(runs, save, tmp_path: Path, suffix: str) -> None:
    source = save("in.wav")
    content = source.read_bytes() + b"bext" + (600).to_bytes(4, "little") + b"T" * 600
    source.write_bytes(content[:4] + (len(content) - 8).to_bytes(4, "little") + content[8:])
    if suffix == ".flac":
        with soundfile.SoundFile(tmp_path / "in.flac", "w", 8000, 1) as file:
            file.title = "Étude"
            file.write(soundfile.read(source)[0])
        source = tmp_path / "in.flac"
    inpaint(source, runs["fm"], (1.0, 2.0))
    assert_kept(source, source.with_stem("out"), (1.0, 2.0))
    if suffix == ".wav":
        assert b"bext" + (600).to_bytes(4, "little") + b"T" * 600 in source.with_stem("out").read_bytes()
    else:
        assert soundfile.SoundFile(source.with_stem("out")).title == "Étude"


@pytest.mark.parametrize("kind", ["cut", "damaged"])
def test_damaged_music_is_one_sentence(runs, save, kind: str) -> None:
    source = save("in.flac", rate=22_050)
    content = source.read_bytes()
    half = len(content) // 2
    source.write_bytes(content[:half] if kind == "cut" else content[:half] + bytes(2000) + content[half + 2000 :])
    for span in ((1.0, 1.5), (2.5, 3.0)):
        with pytest.raises(UserError, match=r"in\.flac (is damaged|cannot be read as audio)"):
            inpaint(source, runs["fm"], span)
    assert not source.with_stem("out").exists()


def test_music_in_memory_is_filled_in_as_its_file_is(runs, save) -> None:
    source = save(subtype="FLOAT", channels=2)
    request = InpaintingRequest([(1.0, 2.0)], sampling=sampling_of(runs["fm"], {}, otherwise={"steps": 2}))
    job, model = check_files(source, request, out=source.with_stem("out")), load_model(runs["fm"])
    filed = inpaint_file(job, request, model=model)
    music = Held(Sound.of(source))
    held = fill_in(music, request, model=model)
    assert held.takes[0].seams == filed.takes[0].seams and held.takes[0].path is None and held.channels == 2
    patched = music.read(0, music.frames, patches=held.takes[0].patches)
    np.testing.assert_array_equal(patched, soundfile.read(job.paths[0], dtype="float32")[0])
