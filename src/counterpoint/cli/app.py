"""Every verb, thin: parse, call the one function that does it, say what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from counterpoint import __version__
from counterpoint.cli.progress import progress_bar
from counterpoint.cli.studio import studio

if TYPE_CHECKING:
    from counterpoint.metrics import Target

Item = TypeVar("Item")


def _group(summary: str) -> typer.Typer:
    return typer.Typer(help=summary, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


app = _group("Text-to-music generation: auto-regressive or flow matching?")
data_app = _group("Make, ingest and encode datasets.")
codec_app = _group("Train codecs.")
study_app = _group("Run a comparison from data to report.")
metrics_app = _group("Get the published judges, and see which are there.")
app.add_typer(data_app, name="data")
app.add_typer(codec_app, name="codec")
app.add_typer(study_app, name="study")
app.add_typer(metrics_app, name="metrics")
app.command()(studio)

Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one key of the configuration; may be given again."),
]

# Sampling options that are not given are the model's own, or else the defaults that the help names.
Guidance = Annotated[float | None, typer.Option(help="Classifier-free guidance; 1 is none, 3 the default.")]
TextGuidance = Annotated[
    float | None,
    typer.Option(help="A weight of the caption alone, in a third pass (JASCO): 0, the default, leaves it out."),
]
Temperature = Annotated[float | None, typer.Option(help="Less than 1, the default, plays safe; 0 is greedy.")]
TopK = Annotated[int | None, typer.Option(help="Auto-regressive: 0 keeps every token, 250 is the default.")]
TopP = Annotated[float | None, typer.Option(help="Auto-regressive: 1, the default, keeps every token.")]
Solver = Annotated[
    str | None,
    typer.Option(help="Flow matching: euler (the default; adams to inpaint), midpoint, heun, adams or dopri5."),
]
Steps = Annotated[
    int | None, typer.Option(help="Flow matching: steps of all solvers but dopri5; 50 by default, 16 to inpaint.")
]
Sway = Annotated[
    float | None, typer.Option(help="Flow matching: smaller steps near the noise (< 0) or the data (> 0).")
]
GuidanceInterval = Annotated[
    tuple[float, float] | None,
    typer.Option(metavar="LOW HIGH", help="Flow matching: guide at these times only, noise is 0 and data 1."),
]
Tolerance = Annotated[float | None, typer.Option(help="Flow matching: of dopri5; 1e-5 by default.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any sampling setting of the model's paradigm, by its name."),
]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
Precision = Annotated[
    str | None, typer.Option(help="Format of the weights: fp32, fp16 or int8 on cpu; bf16, fp16 or fp32 on cuda.")
]


_SETTINGS = (
    "guidance",
    "text_guidance",
    "temperature",
    "top_k",
    "top_p",
    "solver",
    "steps",
    "sway",
    "guidance_interval",
    "tolerance",
)
"""Sampling settings that have an option of their own."""


def _settings(context: typer.Context) -> dict[str, Any]:
    """What a command line says of sampling; None where it says nothing."""
    from counterpoint.config.load import read_settings

    options = {name: value for name, value in context.params.items() if name in _SETTINGS}
    return {**options, **read_settings(context.params["settings"] or ())}


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"counterpoint {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


@data_app.command("compose")
def data_compose(
    out: Annotated[Path, typer.Argument(help="Folder to make.")],
    clips: Annotated[int, typer.Option(help="How many pieces.")] = 200,
    duration_s: Annotated[float, typer.Option("--duration-s", help="Length of each, seconds.")] = 10.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    soundfont: Annotated[
        list[Path] | None,
        typer.Option(
            help="A General MIDI soundfont, .sf2 or .sf3, to play by; may be repeated. By default a small one."
        ),
    ] = None,
) -> None:
    """Compose and render the embedded corpus: captions, audio, and exact chords, melody, beats and drum stems."""
    from counterpoint.compose import compose

    with progress_bar("Composing", unit="clips") as progress:
        compose(out, clips=clips, duration_s=duration_s, seed=seed, soundfonts=soundfont or (), progress=progress)
    typer.echo(f"{clips} clips in {out}")


@data_app.command("ingest")
def data_ingest(
    src: Annotated[Path, typer.Argument(help="Folder of audio, or an audiocraft data.jsonl.")],
    out: Annotated[Path, typer.Argument(help="Dataset to make.")],
    group_by: Annotated[
        Literal["auto", "track", "folder"],
        typer.Option(help="What a split keeps whole: auto is the artist where known, else the track."),
    ] = "auto",
    min_duration_s: Annotated[float, typer.Option("--min-duration-s", help="Shorter files are skipped.")] = 1.0,
) -> None:
    """Make a dataset of your own music; says what it found and names every file it left out."""
    from counterpoint.ingest import ingest, print_report

    with progress_bar("Reading", unit="files") as progress:
        report = ingest(src, out, group_by=group_by, min_duration_s=min_duration_s, progress=progress)
    print_report(report)


@data_app.command("encode")
def data_encode(
    dataset: Annotated[Path, typer.Argument(help="A dataset folder.")],
    codec: Annotated[str, typer.Option(help="A shipped codec, a hub id or a folder.")] = "pocket",
) -> None:
    """Add codes, latents and the App. E.2 statistics of a codec to a dataset."""
    from counterpoint.encode import encode_dataset

    with progress_bar("Encoding", unit="s of audio") as progress:
        spec = encode_dataset(dataset, codec=codec, progress=progress)
    books = f"{spec.num_codebooks} codebooks of {spec.codebook_size}" if spec.num_codebooks else "no codebooks"
    typer.echo(
        f"{spec.frame_rate:g} Hz, {books}, {spec.latent_dim} channels, "
        f"mean {spec.mean:.3f}, mean std {spec.mean_std:.3f}"
    )


@data_app.command("controls")
def data_controls(
    dataset: Annotated[Path, typer.Argument(help="A dataset folder, encoded.")],
    codec: Annotated[str, typer.Option(help="Codec that the dataset was encoded with.")] = "pocket",
    tracks: Annotated[
        str | None, typer.Option(help="With commas: chords.exact, chords.viterbi25, drums.mix, ...; all by default.")
    ] = None,
) -> None:
    """Write the chords, melody and drums of a dataset frame by frame: those it knows, and those it can hear."""
    from counterpoint.extract import extract_controls, print_tracks

    names = None if tracks is None else [name.strip() for name in tracks.split(",")]
    with progress_bar("Listening", unit="s of audio") as progress:
        reports = extract_controls(dataset, codec=codec, tracks=names, progress=progress)
    print_tracks(reports)


@codec_app.command("train")
def codec_train(
    config: Annotated[Path, typer.Argument(help="A YAML file, as in configs/codec.")],
    out: Annotated[Path, typer.Option(help="Run folder; goes on where it was if it exists.")],
    overrides: Overrides = None,
) -> None:
    """Train an EnCodec, a VAE or a spectrogram codec; the run folder loads wherever a codec is asked for."""
    from counterpoint.config import CodecTrainingConfig, load_yaml
    from counterpoint.training import train_codec

    train_codec(load_yaml(config, CodecTrainingConfig, overrides=overrides), out=out)


@codec_app.command("reconstruct")
def codec_reconstruct(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Any audio file, of any length.")],
    out: Annotated[Path, typer.Option(help="A .wav or .flac: mono, at the codec's sample rate, as long as IN.")],
    codec: Annotated[str, typer.Option(help="A shipped codec, a hub id or a folder.")] = "pocket",
    view: Annotated[
        Literal["latents", "codes"] | None,
        typer.Option("--from", help="What to decode; by default the codes, or the latents where the codec has none."),
    ] = None,
) -> None:
    """Hear what a codec keeps of a file: encode it and decode it again."""
    from counterpoint.encode import reconstruct_file

    with progress_bar("Reconstructing", unit="s of audio") as progress:
        done = reconstruct_file(source, out=out, codec=codec, view=view, progress=progress)
    speed = done.duration_s / done.wall_s
    typer.echo(f"{out}: {done.duration_s:.1f} s from the {done.view} of {codec}, {speed:.0f} times real time")


@app.command()
def train(
    config: Annotated[Path, typer.Argument(help="A YAML file, as in configs.")],
    out: Annotated[Path, typer.Option(help="Run folder; goes on where it was if it exists.")],
    overrides: Overrides = None,
) -> None:
    """Train a generative model."""
    from counterpoint.config import TrainingConfig, load_yaml
    from counterpoint.training import train

    result = train(load_yaml(config, TrainingConfig, overrides=overrides), out=out)
    typer.echo(
        f"{result.steps} steps, {result.wall_s:.0f} s; hear it: counterpoint generate CAPTION --model {out} --out x.wav"
    )


@app.command()
def generate(
    context: typer.Context,
    caption: Annotated[str | None, typer.Argument(help="What it should sound like.")] = None,
    *,
    model: Annotated[str, typer.Option(help="A run folder, its name below runs, or a MusicGen: a folder or hub id.")],
    out: Annotated[Path, typer.Option(help="A .wav for one clip, a folder for several.")],
    duration_s: Annotated[float, typer.Option("--duration-s", help="Length, seconds.")] = 10.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same audio; clip i has seed + i.")] = 0,
    num: Annotated[int, typer.Option(min=1, help="Clips a caption.")] = 1,
    captions: Annotated[Path | None, typer.Option(help="A text file, one caption a line.")] = None,
    chords: Annotated[
        str | None,
        typer.Option(
            help='A chart, "C:0 Am:2 F:4 G:6" in seconds or "120 bpm | C | Am F |" in bars; or a .lab, .csv or .json.'
        ),
    ] = None,
    melody: Annotated[Path | None, typer.Option(help="A tune to follow: MIDI, or audio to hear it in.")] = None,
    drums: Annotated[Path | None, typer.Option(help="A drum loop to follow: audio.")] = None,
    guidance: Guidance = None,
    text_guidance: TextGuidance = None,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    solver: Solver = None,
    steps: Steps = None,
    sway: Sway = None,
    guidance_interval: GuidanceInterval = None,
    tolerance: Tolerance = None,
    settings: Settings = None,
    batch_size: Annotated[int, typer.Option(help="Most clips at once; memory may hold fewer.")] = 16,
    device: Device = "cpu",
    precision: Precision = None,
    compiled: Annotated[
        bool, typer.Option("--compile", help="Flow matching: compile the network; a minute that pays for many clips.")
    ] = False,
) -> None:
    """Generate music from a caption, and from chords, a melody and drums where the model knows them."""
    from counterpoint import generate as door

    request = door.GenerationRequest(
        door.repeated(door.read_captions(caption, captions), num=num),
        duration_s=duration_s,
        seed=seed,
        controls=door.ControlSources(chords=chords, melody=melody, drums=drums),
        sampling=door.sampling_of(model, _settings(context)),
        batch_size=batch_size,
    )
    destination = door.check_destination(out, request=request, inputs=[captions])
    with progress_bar("Generating", unit="clips") as progress:
        loaded = door.load_model(model, device=device, precision=precision, compiled=compiled)
        report = door.write_clips(request, model=loaded, out=destination, progress=progress)
    for remark in report.remarks:
        typer.echo(remark)
    typer.echo(
        f"{out}: {report.audio_s:.1f} s of music in {report.latency_s:.1f} s; "
        f"{report.network_evaluations:,} network evaluations a clip, {report.model_evaluations:,} with rows of guidance"
    )


@app.command()
def inpaint(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="IN", help="Any audio file, of any length.")],
    *,
    spans: Annotated[
        list[str], typer.Option("--span", metavar="START:STOP", help="Seconds to replace; may be given again.")
    ],
    prompt: Annotated[str, typer.Option(help="What it should sound like.")] = "",
    model: Annotated[str, typer.Option(help="A run folder, its name below runs, or a model that ships.")],
    out: Annotated[Path, typer.Option(help="A .wav or .flac, in the sample format of IN.")],
    method: Annotated[
        str | None,
        typer.Option(
            help="supervised; or zero-shot, by any flow-matching model: inversion, repaint, projection, gradient. "
            "By default what suits the model best."
        ),
    ] = None,
    num: Annotated[int, typer.Option(help="Takes to draw; take i has seed + i.")] = 1,
    keep: Annotated[
        Literal["best", "all"], typer.Option(help="The take with the best seams, or all: OUT-1 is the best.")
    ] = "best",
    crossfade_s: Annotated[
        float, typer.Option("--crossfade-s", help="Outside the span, on each side; beyond, IN stays bit for bit.")
    ] = 0.05,
    seed: Annotated[int, typer.Option(help="The same seed gives the same audio.")] = 0,
    guidance: Guidance = None,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    solver: Solver = None,
    steps: Steps = None,
    sway: Sway = None,
    guidance_interval: GuidanceInterval = None,
    tolerance: Tolerance = None,
    settings: Settings = None,
    device: Device = "cpu",
    precision: Precision = None,
) -> None:
    """Replace spans of a piece of music with new music that fits what stands around them.

    Models are mono: in a file of several channels each gets the same new music, at its own level.
    """
    from counterpoint.generate import load_model, sampling_of
    from counterpoint.inpaint import SAMPLING, InpaintingRequest, check_files, inpaint_file, parse_span, print_takes

    request = InpaintingRequest(
        [parse_span(span) for span in spans],
        prompt=prompt,
        method=method,
        num=num,
        seed=seed,
        sampling=sampling_of(model, _settings(context), otherwise=SAMPLING),
        crossfade_s=crossfade_s,
    )
    job = check_files(source, request, out=out, keep=keep)
    with progress_bar("Filling in", unit="spans") as progress:
        done = inpaint_file(
            job, request, model=load_model(model, device=device, precision=precision), progress=progress
        )
    print_takes(done.takes)
    if done.channels > 1:
        typer.echo(f"The spans are mono: the model hears and plays one channel, which stands in all {done.channels}.")
    typer.echo(
        f"{done.takes[0].path}: {done.audio_s:.1f} s, filled in by {done.method} in {done.latency_s:.1f} s; "
        f"{done.network_evaluations:,} network evaluations a take, {done.model_evaluations:,} with rows of guidance"
    )


@app.command()
def analyze(
    file: Annotated[Path, typer.Argument(help="Any audio file, of any length.")],
    out: Annotated[Path | None, typer.Option(help="Also draw it, to a .png.")] = None,
    json: Annotated[
        Path | None, typer.Option("--json", help="Also write it here; `generate --chords` reads the chords in it.")
    ] = None,
) -> None:
    """Say what is heard in a piece, and how surely: tempo, chords, melody, downbeats and tags."""
    from counterpoint.analysis.listen import analyze, draw_analysis
    from counterpoint.config import write_json
    from counterpoint.config.paths import check_output

    if out is not None:
        check_output(out, what="a picture", suffixes=(".png",), inputs=[file])
    if json is not None:
        check_output(json, what="what is heard", suffixes=(".json",), inputs=[file])
    found = analyze(file)
    if json is not None:
        write_json(json, found.to_json())
    if out is not None:
        draw_analysis(out, found, source=file, title=file.name)
    typer.echo(found)


@app.command()
def models(
    as_json: Annotated[bool, typer.Option("--json", help="For machines: all that is known, as JSON.")] = False,
) -> None:
    """Name the models that ship and those below runs/: what each takes, its size, licence, and how good it is."""
    from counterpoint.runs.models import list_models
    from counterpoint.runs.text import as_data, describe

    _say(list_models(), describe=describe, as_data=as_data, as_json=as_json)


@app.command()
def codecs(
    as_json: Annotated[bool, typer.Option("--json", help="For machines: all that is known, as JSON.")] = False,
) -> None:
    """Name the codecs that ship and those trained below runs/: latents, size, licence, and how they reconstruct."""
    from counterpoint.runs.codecs import list_codecs
    from counterpoint.runs.text import as_data, describe

    _say(list_codecs(), describe=describe, as_data=as_data, as_json=as_json)


def _say(
    items: Sequence[Item], *, describe: Callable[[Item], str], as_data: Callable[..., object], as_json: bool
) -> None:
    from json import dumps

    typer.echo(dumps(as_data(items), indent=2, ensure_ascii=False) if as_json else "\n\n".join(map(describe, items)))


@app.command()
def export(
    model: Annotated[str, typer.Argument(help="A run folder, or a MusicGen checkpoint: a folder or a hub id.")],
    out: Annotated[Path, typer.Argument(help="Folder to make.")],
    kind: Annotated[
        Literal["musicgen", "weights"],
        typer.Option("--as", help="musicgen: for transformers. weights: a run without what only training needs."),
    ] = "musicgen",
) -> None:
    """Write a model to hand on: an auto-regressive one in MusicGen's format, or any as its averaged weights alone."""
    from counterpoint.generate import export_musicgen, publish_run

    if kind == "weights":
        publish_run(model, out)
        typer.echo(f"{out}: counterpoint generate CAPTION --model {out} --out x.wav")
        return
    export_musicgen(model, out)
    typer.echo(f"{out}: load it with transformers.MusicgenForConditionalGeneration.from_pretrained")


@app.command()
def evaluate(
    generated: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of clips, one a system: audio, and captions in metadata.jsonl, metadata.csv or 000.txt "
            "beside 000.wav; or listings themselves. The first is compared with each of the others."
        ),
    ],
    reference: Annotated[Path, typer.Option(help="What to compare with: a dataset, or a folder of audio.")],
    split: Annotated[str, typer.Option(help="Split of the dataset to use.")] = "test",
    out: Annotated[Path | None, typer.Option(help="Also write the scores here, as JSON.")] = None,
    seed: Annotated[int, typer.Option(help="Random seed for resampling.")] = 0,
    controls: Annotated[
        bool,
        typer.Option(
            "--controls",
            help="Score instead how each clip follows chords, beats and melody of the reference it is named after (its "
            "`id` in metadata.jsonl, or its file).",
        ),
    ] = False,
) -> None:
    """Score folders of clips against real music, with intervals, floors and tests between systems.

    Clips of two systems are paired by `id` or file name, else by caption; without either they are compared unpaired.
    What judges hear is kept in ~/.cache/counterpoint/heard, or where COUNTERPOINT_HEARD says; `off` keeps nothing.
    """
    from dataclasses import replace

    from counterpoint.config import write_json
    from counterpoint.config.base import check_seed
    from counterpoint.config.paths import check_output
    from counterpoint.config.tables import LISTINGS
    from counterpoint.metrics import evaluate, evaluate_adherence, load_generated, print_evaluation

    check_seed(seed)
    if out is not None:
        listings = [folder / name for folder in (*generated, reference) for name in LISTINGS]
        known = [*generated, *listings, reference / "dataset.json", reference / "dataset_dict.json"]
        check_output(out, what="scores", suffixes=(".json",), inputs=known)
    notes: list[str] = []
    names = [folder.resolve().name for folder in generated]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in generated]
    systems = {name: load_generated(folder, notes=notes) for name, folder in zip(names, generated, strict=True)}
    pairs = [(names[0], other) for other in names[1:]]
    targets = _targets(reference, split=split, notes=notes)
    with progress_bar("Listening", unit="clips") as progress:
        if controls:
            evaluation = evaluate_adherence(systems, targets=targets, pairs=pairs, seed=seed, progress=progress)
        else:
            clips = [target.reference for target in targets.values() if target.reference]
            evaluation = evaluate(systems, reference=clips, pairs=pairs, seed=seed, progress=progress)
    evaluation = replace(evaluation, notes=(*notes, *evaluation.notes))
    print_evaluation(evaluation)
    if out is not None:
        write_json(out, evaluation.to_json())


@app.command()
def follow(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A run folder, its name below runs, or a model that ships.")],
    ask: Annotated[
        str | None,
        typer.Option(
            help="With commas: chords,melody,drums,tempo (in words); by default what the model takes, and tempo."
        ),
    ] = None,
    captions: Annotated[
        Path | None, typer.Option(help="A text file, one caption a line; ten plain ones by default.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Clips a caption.")] = 5,
    charts: Annotated[
        list[str] | None,
        typer.Option(
            "--chart", help='"C:0 Am:2 F:4 G:6" or a file; may be given again: half of the clips have the first.'
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="A dataset with exact chords, melodies and drums: asks for those, and measures it beside."),
    ] = None,
    split: Annotated[str, typer.Option(help="Dataset split to use.")] = "test",
    duration_s: Annotated[float, typer.Option("--duration-s", help="Length of a clip, seconds.")] = 8.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same clips and figures.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder of clips and following.json; runs/follow/MODEL by default.")
    ] = None,
    card: Annotated[bool, typer.Option("--card", help="Write the figures into the model's card.json, too.")] = False,
    guidance: Guidance = None,
    text_guidance: TextGuidance = None,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    solver: Solver = None,
    steps: Steps = None,
    sway: Sway = None,
    guidance_interval: GuidanceInterval = None,
    tolerance: Tolerance = None,
    settings: Settings = None,
    batch_size: Annotated[int, typer.Option(help="Most clips at once; memory may hold fewer.")] = 16,
    device: Device = "cpu",
    precision: Precision = None,
    compiled: Annotated[bool, typer.Option("--compile", help="Flow matching: compile the network.")] = False,
) -> None:
    """Measure how well a model follows chords, melodies, drum loops and tempi, beside chance and real music.

    The same command goes on where it was.
    """
    from counterpoint.follow import FollowConfig, print_following
    from counterpoint.follow import follow as measure
    from counterpoint.generate import sampling_of

    config = FollowConfig(
        ask=None if ask is None else [name.strip() for name in ask.split(",")],
        captions=captions,
        seeds=seeds,
        charts=charts,
        data=data,
        split=split,
        duration_s=duration_s,
        seed=seed,
        sampling=sampling_of(model, _settings(context)),
        batch_size=batch_size,
        device=device,
        precision=precision,
        compiled=compiled,
    )
    with progress_bar("Drawing and listening", unit="clips") as progress:
        done = measure(model, config, out=out, card=card, progress=progress)
    print_following(done)
    typer.echo(f"{done.folder}/following.json holds all of it, and the clips lie beside it.")


def _targets(reference: Path, *, split: str, notes: list[str]) -> dict[str, Target]:
    """What there is to follow in each row of a split, by its id; or in each clip of a folder of audio."""
    from counterpoint.analysis.annotation import Annotation
    from counterpoint.config import UserError
    from counterpoint.data.layout import INFO_FILE, open_dataset
    from counterpoint.metrics import Clip, Target, load_generated

    if reference.exists() and not (reference / INFO_FILE).is_file():
        return {clip.key: Target(reference=clip) for clip in load_generated(reference, notes=notes)}
    opened = open_dataset(reference)
    if split not in opened.splits:
        raise UserError(f"{reference} has no split {split!r}; it has {', '.join(opened.splits)}.")
    known = ["id", "audio", "caption", "duration_s", "chords", "melody", "beats"]
    return {
        row["id"]: Target(
            exact=Annotation.of_row(row),
            reference=Clip(audio=opened.audio_path(row), caption=row["caption"], id=row["id"]),
        )
        for row in opened.splits[split].select_columns(known).to_list()
    }


@app.command()
def bench(
    batch: Annotated[str, typer.Option(help="Clips at once; several, as all lists here, with commas: 2,8,32.")] = "1",
    duration_s: Annotated[str, typer.Option("--duration-s", help="Length of a clip, seconds; a list.")] = "10",
    layers: Annotated[str | None, typer.Option(help="In place of the backbone's own; a list.")] = None,
    steps: Annotated[str, typer.Option(help="Euler steps, or dopri5, of a paradigm with a solver; a list.")] = "50",
    paradigm: Annotated[str, typer.Option(help="The paradigm that draws, by name; all of them, or a list.")] = "all",
    engine: Annotated[
        Literal["fast", "reference", "both", "compiled"],
        typer.Option(help="reference: a plain loop like the paper's; compiled: compiled whole, where it can be."),
    ] = "fast",
    backbone: Annotated[str, typer.Option(help="A named size: musicgen-small, pocket, debug.")] = "musicgen-small",
    device: Annotated[
        str, typer.Option(help="cpu or cuda; to predict, a100, h100, two-cores or a limits.json, too.")
    ] = "cpu",
    dtype: Annotated[
        Literal["fp32", "fp16", "bf16", "int8"] | None, typer.Option(help="bf16 on a GPU, fp32 on a CPU.")
    ] = None,
    repeats: Annotated[int, typer.Option(help="Undisturbed runs of each point.")] = 3,
    out: Annotated[Path, typer.Option(help="Folder of results; the same command goes on there.")] = Path("runs/bench"),
    predict: Annotated[bool, typer.Option("--predict", help="Run nothing: say what the device could do.")] = False,
    floor_ms: Annotated[float, typer.Option("--floor-ms", help="To predict: a pass takes no less.")] = 0.0,
    device_limits: Annotated[
        bool, typer.Option("--device-limits", help="Measure the device's ceilings alone.")
    ] = False,
) -> None:
    """Time sampling over batch, duration, depth and steps, beside the limits of the device; or predict those."""
    from counterpoint.bench.run import bench_command

    bench_command(
        batches=batch,
        durations_s=duration_s,
        layers=layers,
        steps=steps,
        paradigms=None if paradigm == "all" else paradigm.split(","),
        engines=("fast", "reference") if engine == "both" else (engine,),
        backbone=backbone,
        device=device,
        dtype=dtype,
        repeats=repeats,
        out=out,
        mode="predict" if predict else "limits" if device_limits else "measure",
        floor_s=floor_ms / 1000,
        progress_bar=progress_bar,
    )


@study_app.command("run")
def study_run(
    study: Annotated[str, typer.Argument(help="A shipped study (quick, table2, fig5, ...) or a YAML file.")],
    data: Annotated[Path | None, typer.Option(help="Your own dataset, from `data ingest`.")] = None,
    scale: Annotated[str | None, typer.Option(help="quick (the default) or paper, where a study has both.")] = None,
    out: Annotated[Path | None, typer.Option(help="For report and models; runs/STUDY[-DATA] by default.")] = None,
    systems: Annotated[
        list[str] | None,
        typer.Option(
            "--system",
            metavar="NAME=FOLDER",
            help="Judge these clips too: those whose ids or captions are the study's; may be given again.",
        ),
    ] = None,
    strict_code: Annotated[
        bool,
        typer.Option("--strict-code", help="Compute a step again if its code is another than when it was computed."),
    ] = False,
    overrides: Overrides = None,
) -> None:
    """Run a study from data to report; finished steps are kept, so run it again to go on."""
    from counterpoint.study import run_study

    name = Path(study).stem + (f"-{scale}" if scale not in (None, "quick") else "")
    name += f"-{data.resolve().name}" if data else ""
    run_study(
        study,
        data=data,
        out=out or Path("runs") / name,
        systems=systems or (),
        overrides=overrides,
        scale=scale,
        strict_code=strict_code,
    )


@study_app.command("results")
def study_results(
    name: Annotated[str, typer.Argument(help="A finished study: its name below runs/, or its folder.")],
    kind: Annotated[Literal["json", "csv"], typer.Option("--format", help="All as json, a table as csv.")] = "json",
    table: Annotated[
        str, typer.Option(help="For csv: scores, differences, clips, models, curves, generations, speed or steps.")
    ] = "scores",
) -> None:
    """Print what a finished study found, for programs to read."""
    from counterpoint.results.tables import to_csv
    from counterpoint.study.finished import find_results

    results = find_results(name)
    typer.echo(results.model_dump_json(indent=2) if kind == "json" else to_csv(results, table), nl=kind == "json")


@study_app.command("list")
def study_list() -> None:
    """Name the studies that ship: what each reproduces, compares and costs here, and which are finished below runs/."""
    from counterpoint.study.catalog import catalog, listing

    typer.echo("\n\n".join(map(listing, catalog())))


@study_app.command("plan")
def study_plan(
    study: Annotated[str, typer.Argument(help="A shipped study, as `study list` names it, or a YAML file.")],
    scale: Annotated[str | None, typer.Option(help="quick (the default) or paper, where a study has both.")] = None,
    device: Annotated[
        str | None,
        typer.Option(help="h100, a100 or two-cores; by default what the scale is meant for.", show_default=False),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Your own dataset, from `data ingest`.")] = None,
    overrides: Overrides = None,
) -> None:
    """Say what a study would take, before anything starts: runs, clips, hours, disk, memory, and what is finished."""
    from rich.console import Console

    from counterpoint.study.plan import make_plan, print_plan, progress_of, progress_sentence
    from counterpoint.study.run import STORE

    console = Console()
    plan = make_plan(study, scale=scale, device=device, data=data, overrides=overrides)
    print_plan(plan, console)
    with console.status(f"Looking for finished steps in {STORE}"):
        progress = progress_of(plan, store=STORE)
    console.print(progress_sentence(progress), highlight=False, soft_wrap=True)


@study_app.command("report")
def study_report(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Finished studies below runs/, or folders.")],
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("runs/report"),
) -> None:
    """Make one report of finished studies, with the paper's Table 1 re-derived from their results."""
    from counterpoint.study.combined import write_report_of

    typer.echo(f"Report: {write_report_of(names, out=out)}")


@study_app.command("stimuli")
def study_stimuli(
    study: Annotated[str, typer.Argument(help="A study of inpainting that is finished: table4.")],
    out: Annotated[Path, typer.Argument(help="Folder to make.")],
    source: Annotated[
        Path | None, typer.Option("--from", help="Where the study lies; runs/STUDY by default.", show_default=False)
    ] = None,
    items: Annotated[int, typer.Option(help="Clips, spread evenly over those of the study.")] = 12,
    seed: Annotated[int, typer.Option(help="Seed of file names and order; the same seed gives the same bytes.")] = 0,
    systems: Annotated[
        str | None, typer.Option(help="With commas: ar,fm,fm_inversion for the paper's; all of the study by default.")
    ] = None,
) -> None:
    """Write what a listening test needs: blinded clips and waveforms, the hidden truth, a low anchor, a manifest."""
    from counterpoint.study.stimuli import write_stimuli

    with progress_bar("Writing", unit="items") as progress:
        done = write_stimuli(
            study,
            out,
            folder=source or Path("runs") / study,
            items=items,
            seed=seed,
            systems=None if systems is None else [name.strip() for name in systems.split(",")],
            progress=progress,
        )
    heard = f"{done.items} items, each as {', '.join(done.conditions)}"
    typer.echo(
        f"{out}: {heard}{'' if done.is_new else '; they were there already'}. Keep {out / 'key.json'} to yourself."
    )


@metrics_app.command("fetch")
def metrics_fetch(
    name: Annotated[str, typer.Argument(help="A judge, as `metrics status` names it.")],
    source: Annotated[
        str | None, typer.Option("--from", help="A hub id, a URL or a path; the published place by default.")
    ] = None,
    sha256: Annotated[str | None, typer.Option(help="Expected SHA-256 of the content.")] = None,
) -> None:
    """Get the weights of a judge; a local file or folder is used where it lies, so keep it there."""
    from counterpoint.metrics.checkpoints import get

    with progress_bar("Fetching", unit="MB") as progress:
        found = get(name, source=source, sha256=sha256, progress=lambda done, all_: progress(done / 1e6, all_ / 1e6))
    typer.echo(f"{name}: {found.label}, {found.megabytes:.0f} MB, in {found.path}")


@metrics_app.command("status")
def metrics_status() -> None:
    """Which judges are there, from which weights, under which licence, and how to get the others."""
    from counterpoint.metrics.checkpoints import print_statuses, statuses

    print_statuses(statuses())
