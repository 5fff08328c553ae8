"""Hostile inputs of every family that the package reads, made by a seeded generator.

A family is a function that writes an input into an empty folder and returns the call that reads it. Whatever the input
is, the call may succeed or raise a UserError, soon, in little memory, and without a change of what lies in the folder.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import struct
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from functools import cache, partial
from pathlib import Path
from random import Random
from unittest.mock import patch

import numpy as np

Call = Callable[[], object]
Family = Callable[[Random, Path], Call]
REPOSITORY = Path(__file__).parents[2]
RATE = 8000
_EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_ENCODINGS = ("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1", "cp1252")
_FRAGMENTS = (
    *"\"'[]{}:,;|\t\r\n#&*!%@`\\/-.0",
    "\0",
    "\x0b",
    "\x85",
    "\u2028",
    "\ufeff",
    "ö",
    "\U0001f3b5",
    "\\ud800",
    "null",
    "true",
    "nan",
    ".inf",
    "1e309",
    "-1",
    "9" * 5000,
    "[" * 3000,
    "a: " * 50,
    "x" * 70_000,
    "!!python/object/apply:os.system",
    "&a [*a]",
    "2001-99-99",
    "../" * 20,
    "/dev/zero",
    "<script>",
)


def mangled(random: Random, data: bytes) -> bytes:
    """Bytes with one to four of the faults that files come with: flipped, cut, doubled, missing, or extreme numbers."""
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(data) + 1)
        stop = min(len(data), place + random.choice((1, 4, 64, 4096)))
        extreme = struct.pack(random.choice("<>") + "I", random.choice(_EXTREMES))
        data = random.choice(
            (
                data[:place],
                data[:place] + random.randbytes(stop - place) + data[stop:],
                data[:place] + data[stop:],
                data[:place] + data[place:stop] * random.randint(2, 9) + data[stop:],
                data[:place] + extreme + data[place + 4 :],
                data[: place // 64] + extreme + data[place // 64 + 4 :],  # headers stand at the beginning
            )
        )
    return data


def mangled_text(random: Random, text: str) -> str:
    """Text with one to six hostile fragments put in, or pieces left out."""
    for _ in range(random.randint(1, 6)):
        place = random.randrange(len(text) + 1)
        stop = place + random.choice((0, 0, 1, 5, 50))
        text = text[:place] + random.choice(("", *_FRAGMENTS)) + text[stop:]
    return text


def written(random: Random, path: Path, text: str) -> Path:
    """The text in a file, in some encoding."""
    path.write_bytes(text.encode(random.choice(_ENCODINGS), errors="replace"))
    return path


@cache
def sounds() -> dict[str, bytes]:
    """A tone by suffix, in the formats that are read."""
    import soundfile

    tone = 0.3 * np.sin(np.arange(RATE // 4) / 5)[:, None] * np.ones(2)
    found: dict[str, bytes] = {}
    for suffix, (kind, subtype) in {
        ".wav": ("WAV", "PCM_16"),
        ".flac": ("FLAC", "PCM_16"),
        ".ogg": ("OGG", "VORBIS"),
        ".mp3": ("MP3", "MPEG_LAYER_III"),
        ".aiff": ("AIFF", "PCM_24"),
    }.items():
        buffer = io.BytesIO()
        soundfile.write(buffer, tone, RATE, format=kind, subtype=subtype)
        found[suffix] = buffer.getvalue()
    return found


def audio(random: Random, folder: Path) -> Call:
    """Damaged audio, or audio under the suffix of another kind."""
    from counterpoint.audio import audio_duration_s, load_audio, stream_audio
    from counterpoint.ingest.probe import probe

    suffix = random.choice(list(sounds()))
    path = folder / f"a{random.choice((suffix, suffix, *sounds()))}"
    path.write_bytes(mangled(random, sounds()[suffix]))
    return random.choice(
        (
            lambda: load_audio(path, sample_rate=random.choice((RATE, 16_000)), duration_s=random.choice((None, 0.1))),
            lambda: sum(map(len, stream_audio(path, sample_rate=16_000))),
            lambda: audio_duration_s(path),
            lambda: probe(path),
        )
    )


def headers(random: Random, folder: Path) -> Call:
    """Wavs whose header says anything, with chunks before and after the samples, carried over into a copy."""
    import soundfile

    from counterpoint.audio import load_audio
    from counterpoint.audio.metadata import carry_over

    def number(size: str) -> bytes:
        return struct.pack(f"<{size}", random.choice(_EXTREMES) & ((1 << 8 * struct.calcsize(size)) - 1))

    usual = struct.pack("<HHIIHH", 1, 2, RATE, 4 * RATE, 4, 16)
    form = usual if random.random() < 0.5 else b"".join(number(size) for size in "HHIIHH")
    chunks = [(b"fmt ", form), (b"data", bytes(1000))]
    for name in random.sample((b"bext", b"smpl", b"LIST", b"cue ", b"iXML", b"fact", b"fmt "), random.randint(0, 4)):
        chunks.insert(random.randrange(len(chunks) + 1), (name, random.randbytes(random.choice((0, 1, 60)))))
    body = b"WAVE"
    for name, content in chunks:
        length = number("I") if random.random() < 0.1 else struct.pack("<I", len(content))
        body += name + length + content
    path = folder / "a.wav"
    path.write_bytes(b"RIFF" + (number("I") if random.random() < 0.3 else struct.pack("<I", len(body))) + body)

    def copy() -> None:
        load_audio(path, sample_rate=RATE)
        with tempfile.TemporaryDirectory() as aside:
            out = Path(aside) / "b.wav"
            soundfile.write(out, np.zeros((10, 2)), RATE)
            carry_over(path, out)

    return copy


def tables(random: Random, folder: Path) -> Call:
    """Tables in any dialect, damaged."""
    from counterpoint.config.tables import read_table

    delimiter = random.choice(",;\t|")
    rows = [("file_name", "caption", "artist")] + [(f"{index}.wav", f'a "tune" {index}', "me") for index in range(5)]
    lines = [delimiter.join(f'"{cell}"' if random.random() < 0.3 else cell for cell in row) for row in rows]
    text = random.choice(("\n", "\r\n", "\r")).join(lines)
    path = written(random, folder / random.choice(("metadata.csv", "captions.TSV")), mangled_text(random, text))
    return lambda: read_table(path)


def json_lines(random: Random, folder: Path) -> Call:
    """Lines of JSON, damaged, perhaps packed and damaged again."""
    from counterpoint.config.tables import read_table

    line = json.dumps({"path": "a.wav", "caption": "a tune", "info": {"artist": ["me", 5, None]}, "duration": 1.5})
    text = mangled_text(random, "\n".join([line] * 4))
    path = written(random, folder / "data.jsonl", text)
    if random.random() < 0.3:
        packed = gzip.compress(path.read_bytes())
        path = path.rename(folder / "data.jsonl.gz")
        path.write_bytes(mangled(random, packed))
    return lambda: read_table(path)


def libraries(random: Random, folder: Path) -> Call:
    """A folder of music with hostile sidecars, tables, links and names, ingested or evaluated."""
    from counterpoint.ingest import ingest
    from counterpoint.metrics import load_generated

    names = ["a.wav", random.choice(("b.WAV", "n" * 251 + ".wav", "ö.wav", os.fsdecode(b"caf\xe9.wav")))]
    for name in names:
        (folder / name).write_bytes(sounds()[".wav"] if random.random() < 0.8 else b"RIFF")
    for name in random.sample(("a.txt", "a.json", "b.caption", "metadata.csv", "metadata.jsonl"), 2):
        written(random, folder / name, mangled_text(random, '{"file_name": "a.wav", "caption": "a tune"}'))
    hostile = random.choice(("fifo", "dangling", "loop", "folder", "none"))
    match hostile:
        case "fifo":
            os.mkfifo(folder / "c.txt")
        case "dangling":
            (folder / "c.wav").symlink_to("/nowhere")
        case "loop":
            (folder / "c.wav").symlink_to("c.wav")
        case "folder":
            (folder / "c.wav").mkdir()
    if random.random() < 0.5:
        return lambda: load_generated(folder, notes=[])

    def into_a_new_place() -> None:
        with tempfile.TemporaryDirectory() as aside:
            ingest(folder, Path(aside) / "out", min_duration_s=0.01, workers=1)

    return into_a_new_place


def configurations(random: Random, folder: Path) -> Call:
    """Configurations of trainings and studies, damaged, or overridden with anything."""
    from counterpoint.config import CodecTrainingConfig, TrainingConfig, load_yaml
    from counterpoint.study.kinds import load_study
    from counterpoint.study.shipped import CONFIGS

    source = random.choice(sorted((REPOSITORY / "configs").glob("*.yaml")) + sorted(CONFIGS.glob("*.yaml")))
    text = source.read_text(encoding="utf-8")
    key = random.choice(("steps", "seed", "optimizer.betas", "model.backbone.width", "data", "scales", "a.b.c", ""))
    overrides = [f"{key}={random.choice(_FRAGMENTS)}"] if random.random() < 0.5 else []
    path = written(random, folder / "x.yaml", text if overrides else mangled_text(random, text))
    kind = random.choice((TrainingConfig, CodecTrainingConfig))
    if source.parent == CONFIGS:
        return lambda: load_study(path, overrides=overrides)
    return lambda: load_yaml(path, kind, overrides=overrides, refuse_idle=True)


def charts(random: Random, folder: Path) -> Call:
    """Chords in words and in files of every form."""
    from counterpoint.generate.chart import read_chords

    roots = [root + sign for root in "ABCDEFGHabx" for sign in ("", "#", "b", "♯", "𝄫", "##")]
    kinds = ("", "m", "maj7", "sus4", "°", "ø7", "6/9", "alt", "^", "(add9)", ":maj(9,*3)/5", "7#5b9", "-", "+", "/G")
    chords = [random.choice(roots) + random.choice(kinds) for _ in range(random.randint(1, 8))]
    times = [random.choice((index, -1, "nan", "1:30", "1e400", "0,5", "")) if random.random() < 0.2 else index
             for index in range(len(chords))]  # fmt: skip
    pairs = list(zip(chords, times, strict=True))
    form = random.choice(("words", "bars", ".lab", ".csv", ".json", ".txt"))
    text = {
        "words": " ".join(f"{chord}:{time}" for chord, time in pairs),
        "bars": f"{random.choice((120, 0, '1e9', 'x'))} bpm 4/4 | {' | '.join(chords)} |",
        ".json": json.dumps([{"start_s": time, "label": chord} for chord, time in pairs]),
        ".lab": "\n".join(f"{time} {index + 1} {chord}" for index, (chord, time) in enumerate(pairs)),
    }.get(form, "\n".join(f'{time},"{chord}"' for chord, time in pairs))
    text = mangled_text(random, text) if random.random() < 0.6 else text
    if not form.startswith("."):
        return lambda: read_chords(text)
    path = written(random, folder / f"chords{form}", text)
    return lambda: read_chords(path)


@cache
def song() -> bytes:
    """A short MIDI file."""
    import pretty_midi

    midi, buffer = pretty_midi.PrettyMIDI(initial_tempo=90), io.BytesIO()
    part = pretty_midi.Instrument(0)
    part.notes = [pretty_midi.Note(80, 60 + step, step / 2, step / 2 + 0.4) for step in range(8)]
    midi.instruments.append(part)
    midi.write(buffer)
    return buffer.getvalue()


def midi(random: Random, folder: Path) -> Call:
    """Damaged MIDI."""
    from counterpoint.generate.midi import load_midi

    path = folder / "a.mid"
    path.write_bytes(mangled(random, song()))
    return lambda: load_midi(path)


@cache
def model_files() -> dict[str, bytes]:
    """The files of a tiny run that was handed on, by their names."""
    from safetensors.torch import save

    from counterpoint.config import LatentSpec, ModelConfig
    from counterpoint.paradigm import build_paradigm

    config = ModelConfig.model_validate({"paradigm": "flow_matching", "backbone": "debug", "text": {"buckets": 16}})
    latent = LatentSpec(
        codec="pocket", sample_rate=RATE, frame_rate=25.0, num_codebooks=2, codebook_size=4, latent_dim=4
    )
    weights = {name: tensor.contiguous() for name, tensor in build_paradigm(config, latent).state_dict().items()}
    described = {"model": config.model_dump(mode="json"), "latent": latent.model_dump(mode="json"), "segment_s": 1.0}
    return {"model.json": json.dumps(described, indent=1).encode(), "model.safetensors": save(weights)}


def models(random: Random, folder: Path) -> Call:
    """Runs whose description or weights are damaged, or whose weights lie in parts that a damaged index lists."""
    from counterpoint.config.weights import read_weights
    from counterpoint.runs import load_run

    if random.random() < 0.2:
        listed = {"weight_map": {"a.weight": "part.safetensors", "b.weight": random.choice(_FRAGMENTS)}}
        (folder / "part.safetensors").write_bytes(model_files()["model.safetensors"])
        text = json.dumps(listed)
        text = text if random.random() < 0.5 else mangled_text(random, text)
        written(random, folder / "model.safetensors.index.json", text)
        return lambda: read_weights(folder)
    hit = random.choice(list(model_files()))
    for name, content in model_files().items():
        (folder / name).write_bytes(content)
    if hit == "model.json":
        written(random, folder / hit, mangled_text(random, model_files()[hit].decode()))
    else:
        (folder / hit).write_bytes(mangled(random, model_files()[hit]))
    return lambda: load_run(folder)


@cache
def checkpoint_folder() -> Path:
    """A tiny checkpoint, for copies to be made of."""
    import torch

    from counterpoint.config.checkpoints import write_checkpoint

    root = Path(tempfile.mkdtemp())
    write_checkpoint(root, step=1, tensors={"model": {"a.weight": torch.ones(3)}}, state={"spent": 1.0}, keep=1)
    return root


def checkpoints(random: Random, folder: Path) -> Call:
    """Checkpoints of a training, damaged."""
    from counterpoint.config.checkpoints import newest_checkpoint

    shutil.copytree(checkpoint_folder(), folder, dirs_exist_ok=True)
    hit = random.choice(sorted(folder.rglob("*.*")))
    if hit.suffix == ".json":
        written(random, hit, mangled_text(random, hit.read_text(encoding="utf-8")))
    elif hit.is_file():
        hit.write_bytes(mangled(random, hit.read_bytes()))
    return lambda: newest_checkpoint(folder)


@cache
def pickled() -> bytes:
    """Tensors as torch saves them."""
    import torch

    buffer = io.BytesIO()
    torch.save({"state_dict": {"a.weight": torch.ones(3)}, "xp.cfg": "a: 1"}, buffer)
    return buffer.getvalue()


def pickles(random: Random, folder: Path) -> Call:
    """Damaged pickles, and what is none."""
    from counterpoint.config.weights import read_pickle

    path = folder / "w.bin"
    path.write_bytes(mangled(random, random.choice((pickled(), b"root:x:0:0\n" * 9, b"\x80\x04."))))
    return lambda: read_pickle(path)


_VERBS: tuple[tuple[str, ...], ...] = (
    ("generate", "TEXT", "--model", "NAME", "--out", "OUT", "--seed", "NUMBER", "--duration-s", "NUMBER"),
    ("generate", "--captions", "FILE", "--model", "NAME", "--out", "OUT", "--num", "NUMBER", "--set", "SETTING"),
    ("inpaint", "FILE", "--span", "TEXT", "--model", "NAME", "--out", "OUT", "--seed", "NUMBER"),
    ("follow", "NAME", "--out", "OUT", "--seeds", "NUMBER", "--seed", "NUMBER", "--ask", "TEXT"),
    ("analyze", "BROKEN", "--out", "OUT"),
    ("train", "FILE", "--out", "OUT", "--set", "SETTING"),
    ("codec", "train", "FILE", "--out", "OUT", "--set", "SETTING"),
    ("codec", "reconstruct", "FILE", "--out", "OUT", "--codec", "NAME"),
    ("data", "compose", "OUT", "--clips", "0", "--duration-s", "NUMBER", "--seed", "NUMBER"),
    ("data", "ingest", "BROKEN", "OUT", "--min-duration-s", "NUMBER"),
    ("data", "encode", "FILE", "--codec", "NAME"),
    ("data", "controls", "FILE", "--tracks", "TEXT"),
    ("evaluate", "BROKEN", "FILE", "--reference", "BROKEN", "--out", "OUT", "--seed", "NUMBER"),
    ("export", "NAME", "--out", "OUT", "--as", "TEXT"),
    ("bench", "--predict", "--batch", "TEXT", "--device", "NAME", "--out", "OUT"),
    ("study", "run", "NAME", "--out", "OUT", "--set", "SETTING"),
    ("study", "plan", "NAME", "--set", "SETTING"),
    ("study", "report", "NAME", "--out", "OUT"),
    ("study", "results", "NAME", "--table", "TEXT"),
    ("study", "stimuli", "NAME", "OUT", "--items", "NUMBER"),
    ("metrics", "fetch", "NAME", "--from", "FILE", "--sha256", "TEXT"),
)
_TEXTS = ("", " ", "a tune", "\ud800", "x" * 9000, "0:1", "-1:0", "nan:inf", "1:0", "--", "ö", "\n", "2,x,")
_BROKEN = ("a.txt", "a.yaml", "empty", "gone.wav", "folder", "/dev/null", "x" * 300, "\ud800.wav", "", "loop")
_VALUES: dict[str, tuple[str, ...]] = {
    "TEXT": _TEXTS,
    "NUMBER": ("0", "-1", "nan", "inf", "1e308", str(2**63), str(2**64), "x", "", "true", "1_0", "0x10", "٣"),
    "NAME": ("no-such", "", "/", ".", "..", "no/such", "x" * 300, "\ud800", "~nobody", "a b", "-", "no\nsuch"),
    "BROKEN": _BROKEN,
    "FILE": ("a.wav", *_BROKEN),
    "OUT": ("a.wav", "a.txt", ".", "x.mp3", "new", "x" * 300, "\ud800", "", "/dev/null", "loop", "new.wav", "a.wav/b"),
    "SETTING": ("", "=", "steps", "steps=[", "steps=true", "a.b=1", "steps=-1", "\ud800=1", "seed=1e400", "data=1"),
}


def command_lines(random: Random, folder: Path) -> Call:
    """Verbs with hostile values; no model and no dataset that they name is there, so none of them gets to work."""
    (folder / "a.wav").write_bytes(sounds()[".wav"])
    (folder / "a.txt").write_text("a tune\n", encoding="utf-8")
    (folder / "a.yaml").write_text("model: {paradigm: flow_matching}\ndata: {dataset: none}\n", encoding="utf-8")
    (folder / "empty").write_bytes(b"")
    (folder / "loop").symlink_to("loop")
    (folder / "folder").mkdir()
    words = [random.choice(_VALUES[word]) if word in _VALUES else word for word in random.choice(_VERBS)]
    if random.random() < 0.2:
        words.insert(random.randrange(len(words) + 1), random.choice(("--no-such", "--help", "--seed", *_TEXTS)))
    return partial(_run, ["counterpoint", *words], folder)


def _run(words: list[str], folder: Path) -> None:
    from counterpoint.cli import main
    from counterpoint.config import UserError
    from counterpoint.config.network import OFFLINE_VARIABLE

    with ExitStack() as held:
        held.enter_context(patch.dict(os.environ, {OFFLINE_VARIABLE: "1"}))
        held.enter_context(patch("huggingface_hub.constants.HF_HUB_OFFLINE", True))
        held.enter_context(patch.object(sys, "argv", words))
        held.enter_context(chdir(folder))
        held.enter_context(redirect_stdout(io.StringIO()))
        said = held.enter_context(redirect_stderr(io.StringIO()))
        try:
            main()
        except SystemExit as ended:
            if ended.code:
                raise UserError(said.getvalue()) from None


FAMILIES: dict[str, Family] = {
    family.__name__: family
    for family in (
        audio,
        headers,
        tables,
        json_lines,
        libraries,
        configurations,
        charts,
        midi,
        models,
        checkpoints,
        pickles,
        command_lines,
    )
}
