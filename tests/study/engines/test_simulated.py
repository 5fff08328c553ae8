"""The simulated cluster: what can be worked out by hand, and what more machines, losses and stragglers change."""

from __future__ import annotations

import time

import pytest

from counterpoint.config import DataConfig, ModelConfig, TrainingConfig, UserError
from counterpoint.study.engines.simulated import EFFICIENCY, Cluster, simulate
from counterpoint.study.work import Step, Work, computes
from counterpoint.study.workload import nothing as no_work


@computes("nothing", version=1, workload=no_work)
def nothing(work: Work) -> None:
    """Never called here."""


def training(name: str, *, steps: int = 100) -> Step:
    config = TrainingConfig(
        model=ModelConfig(paradigm="autoregressive"),
        data=DataConfig(dataset=name),
        steps=steps,
        checkpoint_every=10,
    )
    return Step(name, nothing, config)


def study(trainings: int) -> tuple[list[Step], dict[str, float]]:
    """Trainings of an hour each, and 60 s of judging after all."""
    models = [training(f"train{number}") for number in range(trainings)]
    judged = Step("judge", nothing, {}, {step.name: step for step in models})
    return [*models, judged], {**{step.key: 3600.0 for step in models}, judged.key: 60.0}


def calm(gpus: int, *, processes: int = 1) -> Cluster:
    return Cluster(gpus, processes=processes, hours_between_losses=None, straggling=0)


@pytest.mark.parametrize(("gpus", "rounds"), [(1, 12), (4, 3), (5, 3), (12, 1), (64, 1)])
def test_trainings_take_turns_on_the_gpus_there_are(gpus: int, rounds: int) -> None:
    plan, seconds = study(12)
    found = simulate(plan, seconds=seconds, cluster=calm(gpus))
    assert found.wall_s == rounds * 3600 + 60 and found.busy_s == 12 * 3600
    assert found.gpu_hours == pytest.approx(gpus * found.wall_s / 3600) and 0 < found.busy <= 1


def test_several_gpus_shorten_a_training_by_what_they_do_together() -> None:
    plan, seconds = study(1)
    found = simulate(plan, seconds=seconds, cluster=calm(8, processes=8))
    assert found.wall_s == pytest.approx(3600 / (8 * EFFICIENCY) + 60)


def test_a_lost_machine_costs_what_was_made_since_the_last_checkpoint_and_its_repair() -> None:
    plan, seconds = study(8)
    still = simulate(plan, seconds=seconds, cluster=calm(8))
    lossy = [
        simulate(plan, seconds=seconds, cluster=Cluster(8, hours_between_losses=1, straggling=0, seed=seed))
        for seed in range(20)
    ]
    assert any(found.losses for found in lossy)
    for found in lossy:
        assert found.wall_s >= still.wall_s + 1800 * bool(found.losses)
        assert found.repeated_s <= found.losses * 8 * 360, "checkpoints are six minutes apart"
        assert found.busy_s == pytest.approx(8 * 3600 + found.repeated_s)


def test_the_same_seed_gives_the_same_fate() -> None:
    plan, seconds = study(9)
    clusters = [Cluster(8, hours_between_losses=2, seed=seed) for seed in (0, 0, 1)]
    first, again, other = (simulate(plan, seconds=seconds, cluster=cluster) for cluster in clusters)
    assert first.wall_s == again.wall_s != other.wall_s


def test_what_is_finished_takes_no_time() -> None:
    plan, seconds = study(3)
    found = simulate(plan[2:], seconds=seconds, cluster=calm(1))
    assert found.wall_s == 3660


def test_a_training_does_not_span_machines() -> None:
    with pytest.raises(UserError, match="16 GPUs with 9 for each training are impossible"):
        Cluster(16, processes=9)


def test_two_thousand_trainings_on_512_gpus_are_simulated_in_seconds() -> None:
    plan, seconds = study(2000)
    started = time.process_time()
    found = simulate(plan, seconds=seconds, cluster=Cluster(512))
    assert found.wall_s >= 4 * 3600 and time.process_time() - started < 20
