"""Three hundred hostile inputs of all families; `make fuzz` runs three thousand others in processes of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fuzz_inputs import FAMILIES

from fuzz import run_input

INPUTS = 300
SEED = 1


@pytest.mark.parametrize("family", FAMILIES)
def test_hostile_inputs_are_read_or_refused(family: str) -> None:
    outcomes = [run_input(family, number, seed=SEED) for number in range(INPUTS // len(FAMILIES))]
    faults = [f"--only {family}:{n} --seed {SEED}: {each.kind}\n{each.said}" for n, each in enumerate(outcomes)
              if each.is_fault]  # fmt: skip
    assert not faults, "\n".join(faults)
    assert any(outcome.kind == "refused" for outcome in outcomes), "inputs that nothing refuses are not hostile"
