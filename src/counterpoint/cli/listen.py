"""Verbs of listening tests."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from counterpoint.cli.groups import group
from counterpoint.cli.options import refuse_options
from counterpoint.cli.progress import progress_bar

app = group("Make, serve and analyse listening tests.")
Test = Annotated[Path, typer.Argument(help="Folder of the test.")]


@app.command("new")
def listen_new(
    test: Annotated[Path, typer.Argument(help="New folder of the test.")],
    source: Annotated[
        list[str],
        typer.Option(
            "--from",
            metavar="STUDY|[NAME=]FOLDER",
            help="A finished study, or a folder of audio for each system; repeat it for each folder.",
        ),
    ],
    design: Annotated[
        str,
        typer.Option(help="ratings, mos, ab, mushra or a YAML file; by default ratings for filled-in spans, else mos."),
    ] = "",
    items: Annotated[int, typer.Option(help="Number of clips per system, spread evenly over all clips.")] = 12,
    seed: Annotated[int, typer.Option(help="Seed of file names and orders; the same seed gives the same test.")] = 0,
    systems: Annotated[
        str | None,
        typer.Option(help="Systems to compare, separated by commas; by default the paper's, or all with a model."),
    ] = None,
    reference: Annotated[str, typer.Option(help="Name of the folder with the true music.")] = "",
) -> None:
    """Make a listening test from a finished study, or from folders of audio."""
    from counterpoint.listen.make import make_test

    with progress_bar("Writing", unit="items") as progress:
        made = make_test(
            test,
            places=source,
            design=design,
            items=items,
            seed=seed,
            systems=None if systems is None else [name.strip() for name in systems.split(",")],
            reference=reference,
            progress=progress,
        )
    typer.echo(f"{test}: {made.items} items, each as {', '.join(made.conditions)}; design {made.design.design}.")
    typer.echo(f"Read and edit {test / 'test.yaml'}, then run counterpoint listen plan {test} and listen serve {test}.")


@app.command("serve")
def listen_serve(
    test: Test,
    port: Annotated[int, typer.Option(help="Port; 0 takes any free one.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 allows other machines.")] = "127.0.0.1",
    url: Annotated[str, typer.Option(help="The public https address, if the server is behind a proxy.")] = "",
) -> None:
    """Serve a test to many raters at once, until it is interrupted."""
    from counterpoint.listen.answers import Answers
    from counterpoint.listen.folder import read_test
    from counterpoint.listen.progress import watch_key
    from counterpoint.listen.server import create_server, own_hosts
    from counterpoint.web import lock_folder, open_socket, serve

    opened = read_test(test)
    opened.check_files()
    with lock_folder(test), open_socket(host, port) as listening:
        answers = Answers(opened)
        app = create_server(opened, answers, hosts=own_hosts(host, url))
        place = url.rstrip("/") or f"http://{host}:{listening.getsockname()[1]}"
        typer.echo(f"{opened.design.title}\nRaters enter at {place}/ (interrupt to stop; answers are kept).")
        typer.echo(
            f"The progress of the test is shown at {place}/watch/{watch_key(answers)} (keep this address to yourself)."
        )
        serve(app, listening=listening)


@app.command("invite")
def listen_invite(
    test: Test,
    raters: Annotated[int, typer.Option(help="Number of links.")] = 1,
    url: Annotated[str, typer.Option(help="The public address of the test.")] = "http://127.0.0.1:8000",
) -> None:
    """Make personal links, one per rater."""
    from counterpoint.listen.answers import Answers
    from counterpoint.listen.folder import read_test

    for token in Answers(read_test(test)).invite(raters):
        typer.echo(f"{url.rstrip('/')}/r/{token}")


@app.command("plan")
def listen_plan(
    test: Test,
    raters: Annotated[
        int | None, typer.Option(help="Raters whose answers count; by default the number in the design.")
    ] = None,
) -> None:
    """Show the number of raters, minutes and judgments that a test needs."""
    from counterpoint.listen.folder import read_test
    from counterpoint.listen.planning import make_plan, plan_sentences

    typer.echo("\n".join(plan_sentences(make_plan(read_test(test), raters=raters))))


@app.command("delete")
def listen_delete(
    test: Test,
    rater: Annotated[str, typer.Argument(help="The rater's link, the token in it, or the recruiting platform's id.")],
) -> None:
    """Delete a rater with all answers."""
    from counterpoint.config import UserError
    from counterpoint.config.documents import quoted
    from counterpoint.config.text import check_text
    from counterpoint.listen.answers import Answers
    from counterpoint.listen.folder import read_test

    who = rater.rstrip("/").rpartition("/")[2]
    check_text(who, what="rater")
    if not Answers(read_test(test), create=False).delete(who):
        raise UserError(f"{test} has no rater {quoted(who)}; use the link, its token or the platform's id.")
    typer.echo(f"All data of {who} are deleted.")


@app.command("results")
def listen_results(
    context: typer.Context,
    test: Test,
    csv: Annotated[
        Path | None, typer.Option(help="Also write the raw judgments to this CSV file, with the reasons for exclusion.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Also write the results to this JSON file.")] = None,
    width: Annotated[
        float | None,
        typer.Option(
            help="Desired half width of the interval of each mean, for which the number of raters is estimated."
        ),
    ] = None,
    with_ids: Annotated[
        bool, typer.Option("--with-ids", help="Include the recruiting platform's ids in the CSV file.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Add the results to the report of the study of the clips.")
    ] = False,
) -> None:
    """Count and analyse the answers so far; the test may still be running."""
    from counterpoint.config import UserError, atomic_write
    from counterpoint.config.paths import check_output
    from counterpoint.listen.answers import Answers
    from counterpoint.listen.folder import read_test
    from counterpoint.listen.printing import print_results
    from counterpoint.listen.results import collect, raw_csv

    if csv is None:
        refuse_options(context, "without --csv", named=["with_ids"])
    for out, suffix in ((csv, ".csv"), (json, ".json")):
        if out is not None:
            check_output(out, what="results", suffixes=(suffix,), inputs=list(test.glob("*")))
    opened = read_test(test)
    if report and opened.study is None:
        raise UserError(
            f"{test} was made from folders, not from a study, so there is no report to which they can be added."
        )
    answers = Answers(opened, create=False)
    found = collect(answers, half_width=width)
    print_results(found, goal=opened.design.judgments_per_cell)
    texts = ((csv, partial(raw_csv, answers, with_ids=with_ids)), (json, partial(found.model_dump_json, indent=2)))
    for out, text in texts:
        if out is not None:
            atomic_write(out, partial(Path.write_text, data=text(), encoding="utf-8"))
    if report and opened.study is not None:
        from counterpoint.study.listening import add_listening

        typer.echo(f"Report: {add_listening(opened.study, found)}")


@app.command("export")
def listen_export(
    test: Test,
    out: Annotated[Path, typer.Argument(help="New folder.")],
) -> None:
    """Write the test for other tools: webMUSHRA's configuration, a table of trials, and all clips in one folder."""
    from counterpoint.listen.exchange import export_test
    from counterpoint.listen.folder import read_test

    typer.echo(f"{export_test(read_test(test), out)}; copy {out / 'configs'} into webMUSHRA's folder.")


@app.command("import")
def listen_import(
    test: Test,
    table: Annotated[
        Path, typer.Argument(help="CSV with the columns rater, item, system, question, value; for pairs also other.")
    ],
) -> None:
    """Add ratings that were collected elsewhere."""
    from counterpoint.listen.answers import Answers
    from counterpoint.listen.exchange import import_ratings
    from counterpoint.listen.folder import read_test

    typer.echo(f"Ratings of {import_ratings(Answers(read_test(test)), table)} raters added.")
