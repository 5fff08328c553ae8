"""`counterpoint data`: make, ingest and encode datasets."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from counterpoint.cli import scale_options as scaling
from counterpoint.cli.groups import group
from counterpoint.cli.options import CodecName, Device, names, reports
from counterpoint.cli.output import Answer

app = group("Make, ingest and encode datasets.")


@app.command()
@reports
def compose(
    out: Annotated[Path, typer.Argument(help="New folder of the dataset.")],
    clips: Annotated[int, typer.Option(help="Number of pieces.")] = 200,
    duration_s: Annotated[float, typer.Option("--duration-s", help="Length of each in seconds.")] = 10.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    soundfont: Annotated[
        list[Path] | None,
        typer.Option(
            help="A General MIDI soundfont (.sf2 or .sf3) that plays the music; may be repeated. The default is a "
            "small installed one."
        ),
    ] = None,
    *,
    answer: Answer,
) -> None:
    """Compose and render the embedded corpus: captions, audio, and exact chords, melody, beats and drum stems."""
    from counterpoint import compose as composing

    with answer.progress("Composing", unit="clips") as progress:
        composing.compose(
            out, clips=clips, duration_s=duration_s, seed=seed, soundfonts=soundfont or (), progress=progress
        )
    answer.give({"folder": str(out), "clips": clips}, f"{clips} clips in {out}")


@app.command()
@reports
def ingest(
    src: Annotated[
        Path,
        typer.Argument(
            help="Folder of audio and of tars; a tar, or its URL (several: music-{000..127}.tar); or an audiocraft "
            "data.jsonl."
        ),
    ],
    out: Annotated[
        Path,
        typer.Argument(
            help="New folder of the dataset, which refers to your files without copying them, and unpacks tars."
        ),
    ],
    group_by: Annotated[
        Literal["auto", "track", "folder"],
        typer.Option(help="Unit that splits keep whole: auto is the artist if known, else the track."),
    ] = "auto",
    min_duration_s: Annotated[float, typer.Option("--min-duration-s", help="Shorter files are skipped.")] = 1.0,
    workers: Annotated[int | None, typer.Option(help="Files decoded at once; by default one per core.")] = None,
    *,
    answer: Answer,
) -> None:
    """Make a dataset of your own music, and report its content and every file that was left out."""
    from counterpoint import ingest as ingesting

    with answer.progress("Reading", unit="files") as progress:
        report = ingesting.ingest(
            src, out, group_by=group_by, min_duration_s=min_duration_s, workers=workers, progress=progress
        )
    answer.give(report.to_dict(), lambda console: ingesting.print_report(report, console=console))


@app.command()
@reports
def encode(
    dataset: Annotated[Path, typer.Argument(help="A dataset folder.")],
    codec: CodecName = "pocket",
    device: Device = "auto",
    workers: scaling.WorkerCount = None,
    address: scaling.WorkerAddress = None,
    *,
    answer: Answer,
) -> None:
    """Add a codec's codes, latents and their statistics (App. E.2) to a dataset."""
    from counterpoint.data.layout import check_dataset

    check_dataset(dataset)  # refused before torch is imported
    from counterpoint.encode import encode_dataset

    chosen = answer.device(device)
    there = scaling.read_workers(workers, address=address)
    with answer.progress("Encoding", unit="s of audio", device=chosen) as progress:
        spec = encode_dataset(dataset, codec=codec, device=chosen, workers=there, progress=progress)
    books = f"{spec.num_codebooks} codebooks of {spec.codebook_size}" if spec.num_codebooks else "no codebooks"
    answer.give(
        spec,
        f"{spec.frame_rate:g} Hz, {books}, {spec.latent_dim} channels, "
        f"mean {spec.mean:.3f}, mean std {spec.mean_std:.3f}",
    )


@app.command()
@reports
def controls(
    dataset: Annotated[Path, typer.Argument(help="An encoded dataset folder.")],
    codec: Annotated[str, typer.Option(help="Codec that the dataset was encoded with.")] = "pocket",
    tracks: Annotated[
        str | None,
        typer.Option(
            help="Tracks separated by commas: chords.exact, chords.viterbi25, drums.mix, ...; all by default."
        ),
    ] = None,
    device: Device = "auto",
    workers: scaling.WorkerCount = None,
    address: scaling.WorkerAddress = None,
    *,
    answer: Answer,
) -> None:
    """Write the chords, melody and drums of a dataset frame by frame: exact ones, and those detected in its audio."""
    from counterpoint.data.layout import check_dataset

    check_dataset(dataset)  # refused before torch is imported
    from counterpoint.extract import extract_controls, print_tracks

    chosen = answer.device(device)
    how = {"device": chosen, "workers": scaling.read_workers(workers, address=address)}
    with answer.progress("Extracting", unit="s of audio", device=chosen) as progress:
        found = extract_controls(dataset, codec=codec, tracks=names(tracks), **how, progress=progress)
    data = {name: asdict(report) for name, report in found.items()}
    answer.give(data, lambda console: print_tracks(found, console=console))
