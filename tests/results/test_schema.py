"""`results.json` is read back as it was written, and its evaluations make one table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from counterpoint.config import UserError, write_json
from counterpoint.metrics import Difference, Evaluation
from counterpoint.results.parts import Prompts
from counterpoint.results.records import read_header
from counterpoint.results.schema import HALVES, Judged, Results, read_results


def test_results_survive_their_file(results: Results, tmp_path: Path) -> None:
    path = results.write(tmp_path)
    json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    again = read_results(tmp_path)
    assert again.model_dump() == results.model_dump()
    assert again.path("steps/generate_flow_matching") == tmp_path / "steps" / "generate_flow_matching"
    assert read_header(tmp_path).study == results.study


def test_another_schema_is_refused_with_a_remedy(results: Results, tmp_path: Path) -> None:
    path = results.write(tmp_path)
    write_json(path, {**json.loads(path.read_text(encoding="utf-8")), "schema_version": 99})
    with pytest.raises(UserError, match=r"schema version 99.*run its study again"):
        read_results(tmp_path)


def test_a_damaged_file_names_the_place(results: Results, tmp_path: Path) -> None:
    path = results.write(tmp_path)
    plain = json.loads(path.read_text(encoding="utf-8"))
    plain["evaluations"]["evaluate"]["scores"]["flow_matching"]["fad_musicnn"]["value"] = "low"
    write_json(path, plain)
    with pytest.raises(UserError, match=r"evaluations\.evaluate\.scores\.flow_matching\.fad_musicnn\.value"):
        read_results(tmp_path)


def test_a_part_of_another_version_is_refused_with_a_remedy(tmp_path: Path) -> None:
    write_json(tmp_path / Prompts.FILE, {"seconds": 5, "windows": []})
    with pytest.raises(UserError, match=r"by another version.*at duration_s.*run the study again") as error:
        Prompts.read(tmp_path)
    assert f"delete {tmp_path}" in str(error.value)


def test_halves_of_the_reference_are_a_system_of_distances_alone(results: Results) -> None:
    judged = results.judged()
    assert set(judged.scores["fad_musicnn"]) == {"autoregressive", "flow_matching", "ground_truth", HALVES}
    assert HALVES not in judged.scores["tag_match_musicnn"]
    assert (
        judged.score("fad_musicnn", "autoregressive")
        == results.evaluations["evaluate"].scores["autoregressive"]["fad_musicnn"]
    )


def test_a_difference_is_found_either_way_round(results: Results) -> None:
    judged = results.judged()
    tested = judged.difference("fad_musicnn", "autoregressive", "flow_matching")
    turned = judged.difference("fad_musicnn", "flow_matching", "autoregressive")
    assert isinstance(tested, Difference) and isinstance(turned, Difference)
    assert (turned.value, turned.low, turned.high, turned.effect) == (2.0, 1.0, 3.0, 0.5)
    assert turned.reversed() == tested
    assert judged.difference("fad_musicnn", "autoregressive", "ground_truth") is None


def test_what_two_evaluations_know_gets_a_name_of_its_own(results: Results) -> None:
    own = results.evaluations["evaluate"]

    def of(cell: str) -> Evaluation:
        scores = {cell: own.scores["autoregressive"], "ground_truth": own.scores["ground_truth"]}
        return Evaluation(own.n, own.seed, own.metrics, scores, own.floors, (), own.ids)

    judged = Judged({"evaluate_5s": of("fm_5s"), "evaluate_10s": of("fm_10s")})
    truths = ["ground_truth_5s", "ground_truth_10s"]
    assert set(judged.scores["fad_musicnn"]) == {"fm_5s", "fm_10s", *truths, f"{HALVES}_5s", f"{HALVES}_10s"}


def test_the_note_names_steps_of_other_code(results: Results) -> None:
    assert "1 of 2 steps" in results.provenance.code_note and "train" in results.provenance.code_note
    assert not results.provenance.model_copy(update={"changed": ()}).code_note
    assert results.provenance.seconds == 5.0
