"""Train configurations for the same time on one core, and write what each came to as a line of JSON.

    python scripts/sweep.py configs/sweep.yaml --seconds 300 --out docs/training.jsonl < scripts/sweep.txt

A line of the input is a name and changes to the configuration, as `counterpoint train --set` takes them; lines that the
output has already are left out, so the same command goes on where it was. Time is processor time of updates
alone, so that a busy machine changes nothing but the wait; steps are as many as fit, and the schedule ends with them.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from counterpoint.config import TrainingConfig, load_yaml
from counterpoint.data import Encoded, open_encoded
from counterpoint.paradigm import build_paradigm
from counterpoint.training.generative import GenerativeStep, calibration_frames

TIMED_UPDATES = 5
VALIDATIONS = 3


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    done = _names_in(arguments.out)
    for line in sys.stdin:
        name, *changes = line.split() or [""]
        if not name or name.startswith("#") or name in done:
            continue
        config = load_yaml(arguments.config, TrainingConfig, overrides=changes)
        found = {"name": name, "changes": changes, **run(config, seconds=arguments.seconds)}
        with arguments.out.open("a") as file:
            file.write(json.dumps(found) + "\n")
        print(json.dumps(found), flush=True)


def run(config: TrainingConfig, *, seconds: float) -> dict[str, Any]:
    """Train for `seconds` of processor time; the losses it came to."""
    encoded = open_encoded(Path(config.data.dataset), codec=config.data.codec)
    per_update_s = _time(_step(config, encoded=encoded))
    steps = max(20, int(seconds / per_update_s))
    step = _step(config.model_copy(update={"steps": steps}), encoded=encoded)
    curve, spent_s, loss = [], 0.0, float("nan")
    for number in range(steps):
        started = time.process_time()
        loss = step.update(number).loss
        spent_s += time.process_time() - started
        if (number + 1) % (steps // VALIDATIONS) == 0:
            curve.append([number + 1, round(step.validate()["valid_loss"], 4)])
    return {
        "steps": steps,
        "per_update_s": round(per_update_s, 3),
        "cpu_s": round(spent_s, 1),
        "valid": round(step.validate()["valid_loss"], 4),
        "train": round(loss, 4),
        "curve": curve,
        "parameters": sum(parameter.numel() for parameter in step.model.parameters()),
    }


def _step(config: TrainingConfig, *, encoded: Encoded) -> GenerativeStep:
    model = build_paradigm(config.model, encoded.spec, seed=config.seed)
    if config.model.preconditioning != "none":
        model.calibrate(calibration_frames(encoded, config=config))
    return GenerativeStep(model.train(), config=config, encoded=encoded, accelerator=Accelerator(cpu=True))


def _time(step: GenerativeStep) -> float:
    """Seconds of processor time an update takes, the first two aside."""
    for number in range(2):
        step.update(number)
    started = time.process_time()
    for number in range(TIMED_UPDATES):
        step.update(2 + number)
    return (time.process_time() - started) / TIMED_UPDATES


def _names_in(path: Path) -> set[str]:
    return {json.loads(line)["name"] for line in path.read_text().split("\n") if line} if path.is_file() else set()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="The configuration that lines change.")
    parser.add_argument("--seconds", type=float, default=300, help="Processor time of each run's updates.")
    parser.add_argument("--out", type=Path, default=Path("docs/training.jsonl"), help="File that lines are added to.")
    return parser.parse_args()


if __name__ == "__main__":
    main()
