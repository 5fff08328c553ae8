"""`counterpoint study`: comparisons from data to report."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from counterpoint.cli import completion
from counterpoint.cli import scale_options as scaling
from counterpoint.cli.groups import group
from counterpoint.cli.options import Device, Overrides, names, refuse_options, reports
from counterpoint.cli.output import Answer

app = group("Run a comparison from data to report.")

Name = Annotated[
    str,
    typer.Argument(
        autocompletion=completion.studies,
        help="A study from `study list`, or a YAML file.",
    ),
]
Data = Annotated[Path | None, typer.Option(help="Your own dataset, from `counterpoint data ingest`.")]
Scale = Annotated[str | None, typer.Option(help="quick (the default), laptop or paper, if the study has it.")]


@app.command()
@reports
def run(
    study: Name,
    data: Data = None,
    scale: Scale = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the report and the models; by default runs/STUDY[-DATA].")
    ] = None,
    systems: Annotated[
        list[str] | None,
        typer.Option(
            "--system",
            metavar="NAME=FOLDER",
            help="Also evaluate these clips, matched by id or caption with the study's; may be repeated.",
        ),
    ] = None,
    strict_code: Annotated[
        bool,
        typer.Option("--strict-code", help="Repeat steps whose code has changed since they were computed."),
    ] = False,
    device: Device = "auto",
    engine: scaling.Engine = "local",
    jobs: scaling.Jobs = None,
    address: scaling.Address = None,
    processes: scaling.Processes = 1,
    engine_options: scaling.EngineOptions = None,
    store: scaling.Store = None,
    dry_run: scaling.DryRun = False,
    overrides: Overrides = None,
    *,
    answer: Answer,
) -> None:
    """Run a study from data to report; finished steps are kept, so that the same command continues an interrupted
    one."""
    from counterpoint.study.run import STORE, run_study, usual_folder

    where = scaling.where(engine, jobs=jobs, address=address, processes=processes, options=engine_options or ())
    if dry_run:
        chosen = {"data": data, "systems": systems or (), "overrides": overrides, "scale": scale}
        scaling.show_steps(study, answer, store=store or STORE, engine=engine, **chosen)
        return
    done = run_study(
        study,
        data=data,
        out=out or usual_folder(study, scale=scale, data=data),
        systems=systems or (),
        overrides=overrides,
        scale=scale,
        strict_code=strict_code,
        device=device,
        store=store or STORE,
        where=where,
        say=answer.remark,
        show=not answer.quiet,
    )
    if answer.as_json:
        steps = {name: asdict(step) for name, step in done.steps.items()}
        answer.give({"report": str(done.report), "folder": str(done.results.folder), "steps": steps}, "")


@app.command()
def results(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A finished study: its name below runs/, or its folder.")],
    kind: Annotated[
        Literal["json", "csv"], typer.Option("--format", help="All results as json, or a table as csv.")
    ] = "json",
    table: Annotated[
        str,
        typer.Option(help="Table for csv: scores, differences, clips, models, curves, generations, speed or steps."),
    ] = "scores",
) -> None:
    """Print the results of a finished study, for programs."""
    from counterpoint.study.finished import find_results

    if kind == "json":
        refuse_options(context, "without --format csv, since json has all tables", named=["table"])
    found = find_results(name)
    from counterpoint.results.tables import to_csv  # after a name that is unknown was refused

    typer.echo(found.model_dump_json(indent=2) if kind == "json" else to_csv(found, table), nl=kind == "json")


@app.command("list")
@reports
def list_studies(*, answer: Answer) -> None:
    """List the studies of the package: what each reproduces, compares and costs, and which are finished below runs/."""
    from counterpoint.study.catalog import catalog, listing

    found = catalog()
    answer.give(found, "\n\n".join(map(listing, found)))


@app.command()
@reports
def status(
    study: Name,
    data: Data = None,
    scale: Scale = None,
    store: scaling.Store = None,
    overrides: Overrides = None,
    *,
    answer: Answer,
) -> None:
    """Say which steps of a study run, wait, failed or are finished, on whatever machine, and how its losses go."""
    from counterpoint.study.run import read_study, store_in_use
    from counterpoint.study.status import print_status, status_of

    steps = read_study(study, data=data, overrides=overrides, scale=scale).plan(dataset=data)
    found = status_of(steps, store=store_in_use(store))
    answer.give(found, lambda console: print_status(found, console))


@app.command()
@reports
def plan(
    context: typer.Context,
    study: Name,
    scale: Scale = None,
    device: Annotated[
        str | None,
        typer.Option(help="h100, a100 or two-cores; by default the one that suits the scale.", show_default=False),
    ] = None,
    data: Data = None,
    gpus: scaling.Gpus = None,
    processes: scaling.Processes = 1,
    price: scaling.Price = None,
    overrides: Overrides = None,
    *,
    answer: Answer,
) -> None:
    """Show the cost of a study before anything starts: runs, clips, hours, disk, memory, and finished steps."""
    from counterpoint.cli.study_plan import as_data, print_plan, progress_sentence
    from counterpoint.study.plan import make_plan, progress_of
    from counterpoint.study.run import STORE

    if gpus is None:
        refuse_options(context, "without --gpus", named=["processes", "price"])
    made = make_plan(study, scale=scale, device=device, data=data, overrides=overrides)
    clusters = None if gpus is None else scaling.read_forecast(made, gpus=gpus, processes=processes, price=price)
    data_of = as_data(made) if clusters is None else {**as_data(made), "clusters": asdict(clusters)}
    answer.give(data_of, lambda console: print_plan(made, console))
    if clusters is not None and not answer.as_json and not answer.quiet:
        scaling.show_forecast(clusters, price=price)
    if not answer.as_json:
        answer.remark(progress_sentence(progress_of(made, store=STORE)))


@app.command()
@reports
def report(
    finished: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME",
            help="Finished studies below runs/, or their folders; or folders of audio, one per system, as NAME=FOLDER.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("runs/report"),
    *,
    answer: Answer,
) -> None:
    """Make one report of finished studies, with the paper's Table 1 re-derived from their results."""
    from counterpoint.study.combined import write_report_of

    page = write_report_of(finished, out=out)
    answer.give({"report": str(page)}, f"Report: {page}")


@app.command()
@reports
def stimuli(
    study: Annotated[str, typer.Argument(help="A finished study of inpainting: table4.")],
    out: Annotated[Path, typer.Argument(help="New folder.")],
    source: Annotated[
        Path | None, typer.Option("--from", help="Folder of the study; by default runs/STUDY.", show_default=False)
    ] = None,
    items: Annotated[int, typer.Option(help="Number of clips, spread evenly over those of the study.")] = 12,
    seed: Annotated[int, typer.Option(help="Seed of file names and order; the same seed gives the same bytes.")] = 0,
    systems: Annotated[
        str | None,
        typer.Option(help="Separated by commas: ar,fm,fm_inversion for the paper's; by default all of the study."),
    ] = None,
    *,
    answer: Answer,
) -> None:
    """Write the stimuli of a listening test: blinded clips and waveforms, the true music, a low anchor, a manifest."""
    from counterpoint.listen.stimuli import write_stimuli

    with answer.progress("Writing", unit="items") as progress:
        done = write_stimuli(
            study,
            out,
            folder=source or Path("runs") / study,
            items=items,
            seed=seed,
            systems=names(systems),
            progress=progress,
        )
    described = f"{done.items} items, each as {', '.join(done.conditions)}"
    answer.give(
        {"folder": str(out), **asdict(done)},
        f"{out}: {described}{'' if done.is_new else '; they existed already'}. Keep {out / 'key.json'} to yourself.",
    )


@app.command()
@reports
def samples(
    finished: Annotated[list[str], typer.Argument(metavar="NAME", help="Finished studies below runs/, or folders.")],
    out: Annotated[Path, typer.Option(help="Folder of the page.")] = Path("runs/samples"),
    prompts: Annotated[int, typer.Option(help="Number of rows of each study, which are its first prompts.")] = 12,
    systems: Annotated[
        str | None, typer.Option(help="Columns, separated by commas; by default every system with clips.")
    ] = None,
    by: Annotated[
        str, typer.Option(help="A metric with one value per clip, whose best, median and worst prompts are added.")
    ] = "",
    *,
    answer: Answer,
) -> None:
    """Write a page to compare systems by listening; it opens from disk and loads nothing from elsewhere."""
    from counterpoint.study.samples import write_samples

    with answer.progress("Writing", unit="clips") as progress:
        page = write_samples(finished, out=out, prompts=prompts, systems=names(systems), by=by, progress=progress)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 1e6
    answer.give({"samples": str(page), "megabytes": size}, f"Samples: {page}, {size:.1f} MB")
