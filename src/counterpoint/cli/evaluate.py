"""`counterpoint evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from counterpoint.cli import scale_options as scaling
from counterpoint.cli.options import Device, Split, reports
from counterpoint.cli.output import Answer


@reports
def evaluate(
    generated: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of clips, one per system: audio, with captions in metadata.jsonl, metadata.csv or 000.txt "
            "beside 000.wav; or such tables. The first is compared with each of the others."
        ),
    ],
    reference: Annotated[Path, typer.Option(help="Reference: a dataset, or a folder of audio.")],
    split: Split = "test",
    out: Annotated[Path | None, typer.Option(help="Also write the scores here, as JSON.")] = None,
    seed: Annotated[int, typer.Option(help="Random seed for resampling.")] = 0,
    controls: Annotated[
        bool,
        typer.Option(
            "--controls",
            help="Instead score how well each clip follows chords, beats and melody of the reference of the same name "
            "(its `id` in metadata.jsonl, or its file name).",
        ),
    ] = False,
    device: Device = "auto",
    workers: scaling.WorkerCount = None,
    address: scaling.WorkerAddress = None,
    *,
    answer: Answer,
) -> None:
    """Score folders of clips against real music, with intervals, floors and tests between systems.

    Clips of two systems are paired by `id` or file name, else by caption; without either they are compared unpaired.
    Outputs of judges are cached in ~/.cache/counterpoint/heard, or in COUNTERPOINT_HEARD; `off` disables the cache.
    """
    from counterpoint.config import write_json
    from counterpoint.config.base import check_seed
    from counterpoint.config.paths import check_output
    from counterpoint.config.tables import LISTINGS, require_clips

    check_seed(seed)
    if out is not None:
        listings = [folder / name for folder in (*generated, reference) for name in LISTINGS]
        known = [*generated, *listings, reference / "dataset.json", reference / "dataset_dict.json"]
        check_output(out, what="scores", suffixes=(".json",), inputs=known)
    for folder in generated:
        require_clips(folder)
    # All that can be refused at once has been, before torch is imported.
    from counterpoint.api import music
    from counterpoint.metrics import print_evaluation

    chosen = answer.device(device)
    how = {"device": chosen, "workers": scaling.read_workers(workers, address=address)}
    with answer.progress("Listening", unit="clips", device=chosen) as progress:
        found = music.evaluate(
            generated, reference, split=split, controls=controls, seed=seed, **how, progress=progress
        )
    if out is not None:
        write_json(out, found.to_json())
    answer.give(found.to_json(), lambda console: print_evaluation(found, console=console))
