"""What a study takes on clusters, from its steps alone."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from counterpoint.study.engine import LocalEngine
from counterpoint.study.engines.simulated import Cluster
from counterpoint.study.forecast import dry_run, forecast, print_dry_run, print_forecast
from counterpoint.study.kinds import load_study
from counterpoint.study.plan import make_plan
from counterpoint.study.shipped import find_study
from counterpoint.study.surroundings import Unseen
from counterpoint.study.work import in_order


def test_table_2_at_paper_scale_needs_no_codec_and_no_more_gpus_than_trainings() -> None:
    plan = make_plan("table2", scale="paper")
    found = forecast(plan, [Cluster(size) for size in (1, 8, 64)])
    walls = [calm.wall_s for calm in found.calm]
    assert walls[0] > walls[1] > 0.99 * walls[2] >= 0.99 * found.critical_s
    assert walls[0] > plan.estimate.training_s
    assert all(likely.wall_s >= calm.wall_s for calm, likely in zip(found.calm, found.likely, strict=True))
    console = Console(record=True, width=100)
    print_forecast(found, console, price=2.0)
    text = console.export_text()
    assert "GPU-hours" in text and "Cost" in text and "longest chain of dependent steps" in text


def test_several_gpus_a_training_shorten_the_longest_chain() -> None:
    plan = make_plan("table2", scale="paper")
    alone, shared = (forecast(plan, [Cluster(64, processes=count)]).calm[0].wall_s for count in (1, 8))
    assert alone / 8 < shared < alone / 4


def test_a_dry_run_names_what_would_run_and_starts_nothing(tmp_path: Path) -> None:
    steps = {step.name: step for step in load_study(find_study("quick"), scale="debug").steps_in(Unseen())}
    console = Console(record=True, width=140)
    found = dry_run(steps, local=LocalEngine(tmp_path / "store"))
    print_dry_run(found, console, store=tmp_path / "store", engine="ray")
    text = console.export_text()
    count = len(in_order(steps.values()))
    assert f"{count} of {count} steps would run" in text and "train_autoregressive" in text and "engine 'ray'" in text
    assert not (tmp_path / "store").exists()
