"""One report of several studies: it finds what decides a claim, says where it looked, and can be moved."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from typer.testing import CliRunner

from counterpoint.cli.app import app
from counterpoint.config import UserError, write_json
from counterpoint.study.combined import write_report_of
from counterpoint.study.combined_claims import Decision, decide
from counterpoint.study.combined_studies import OWN_SCALE, identify, read_finished
from counterpoint.study.kinds import load_study
from counterpoint.claims.paper import paper_claims, paper_scores
from counterpoint.study.shipped import CONFIGS

LOWER, HIGHER = "lower", "higher"
FAD, TAGS = "fad_musicnn", "tag_match_musicnn"
PAPER = paper_claims()


@cache
def shipped(study: str, scale: str | None) -> dict[str, Any]:
    return load_study(CONFIGS / f"{study}.yaml", scale=scale).model_dump(mode="json")


def config_of(study: str, *, scale: str | None = None, **changed: Any) -> dict[str, Any]:
    return {**shipped(study, scale), **changed}


def score(value: float, reach: float = 0.5) -> dict[str, float]:
    return {"value": value, "low": value - reach, "high": value + reach, "n": 48}


def difference(metric: str, first: str, second: str, value: float, reach: float, p: float) -> dict[str, Any]:
    low, high = value - reach, value + reach
    found = {"metric": metric, "first": first, "second": second, "value": value, "low": low, "high": high}
    return {**found, "p": p, "p_holm": p, "n": 48, "paired": True}


def finish(
    folder: Path,
    config: Mapping[str, Any],
    *,
    scores: Mapping[str, Mapping[str, Any]],
    better: Mapping[str, str] | None = None,
    differences: Sequence[Mapping[str, Any]] = (),
    **more: Any,
) -> Path:
    """A finished study as `study run` leaves it; scores are numbers or whole scores."""
    systems = dict.fromkeys(system for of_metric in scores.values() for system in of_metric)
    directions = {name: LOWER if name.startswith("fad") else HIGHER for name in scores} | dict(better or {})
    data = {
        "name": folder.name,
        "made": "1 January 2026",
        "command": "counterpoint study run study.yaml",
        "headline_facts": [{"label": "Time, everything", "value": "9 min 01 s"}],
        "facts": [{"label": "Music", "value": "made-up: 9 clips (train 5, test 4), 1 min; fingerprint f"}],
        "systems": [{"key": key, "name": key, "short": key.upper(), "what": f"What {key} is."} for key in systems],
        "metrics": [
            {"key": name, "better": directions[name], "what": f"What {name} is.", "unit": "", "chance": None}
            for name in scores
        ],
        "scores": {
            name: {key: value if isinstance(value, dict) else score(value) for key, value in of_metric.items()}
            for name, of_metric in scores.items()
        },
        "differences": list(differences),
        "examples": [],
        "notes": [],
        "verdict": {"sentence": f"{folder.name} <found> & said.", "points": []},
        **more,
    }
    write_json(folder / "report" / "data.json", data)
    (folder / "report" / "study.yaml").write_text(yaml.safe_dump(dict(config)))
    (folder / "report" / "index.html").write_text("<p>Its own report</p>")
    (folder / "report" / "audio").mkdir(exist_ok=True)
    (folder / "report" / "audio" / "01.ogg").write_bytes(b"a clip")
    for name, seconds in {"train": 60.0, "report": 5.0}.items():
        write_json(folder.parent / "store" / f"{name}-{folder.name}" / "step.json", {"seconds": seconds})
        (folder / "steps").mkdir(exist_ok=True)
        (folder / "steps" / name).unlink(missing_ok=True)
        (folder / "steps" / name).symlink_to(f"../../store/{name}-{folder.name}")
    return folder


def quick(folder: Path, *, ahead: float = 10.0, **more: Any) -> Path:
    """AR is `ahead` of FM."""
    found = difference(FAD, "autoregressive", "flow_matching", -ahead, 1.0, 0.002)
    scores = {FAD: {"ground_truth": 10.0, "autoregressive": 50.0, "flow_matching": 50.0 + ahead}}
    return finish(folder, config_of("quick"), scores={**scores, **more}, differences=[found])


def grid(folder: Path, study: str, values: Mapping[str, float], *, metric: str = FAD, **more: Any) -> Path:
    return finish(folder, config_of(study), scores={metric: values}, **more)


def speed(folder: Path, latencies: Mapping[tuple[str, int, int], float]) -> Path:
    """Figure 5, by (what draws, clips, seconds each)."""
    header = ["Draws", "Engine", "Layers", "Clips", "Seconds each", "Latency, s", "Quartiles", "Clips/s"]
    rows = [
        [draws, "fast", "24", f"{batch}", f"{seconds}", f"{value}", f"{0.9 * value} to {1.1 * value}", "1"]
        for (draws, batch, seconds), value in latencies.items()
    ]
    rows.append(["AR", "fast", "24", "999", "10", "out of memory", "", ""])
    return finish(
        folder,
        config_of("fig5", scale="paper"),
        scores={},
        lines=["Fast."],
        points={"header": header, "rows": rows},
        crossings={"header": ["AR is faster"], "rows": [["never"]]},
    )


def decided(words: str, *folders: Path) -> Decision:
    """What comes of the one claim that has these words."""
    claims = [claim for row in PAPER.rows for claim in row.claims if words in claim.claim]
    assert len(claims) == 1, words
    studies = {found.study: found for found in read_finished([str(folder) for folder in folders])}
    return decide(claims[0], studies=studies, judges=PAPER.judges)


def test_what_the_paper_says_is_there_to_be_tested() -> None:
    there = {path.stem for path in CONFIGS.glob("*.yaml")}
    claims = [claim for row in PAPER.rows for claim in row.claims]
    assert PAPER.rows[0].axis == "Text-to-music fidelity"
    assert sum(row.in_table for row in PAPER.rows) == 5
    assert {source.study for claim in claims for source in claim.sources} <= there
    assert {claim.judges for claim in claims} <= set(PAPER.judges)
    assert len({claim.claim for claim in claims}) == len(claims)
    for name, rows in {"table_6": 9, "table_7": 7, "table_8_full": 12, "figure_8": 0, "appendix_a": 4}.items():
        table = paper_scores(name)
        assert len(table.rows) == rows
        assert all(row.scores.keys() == table.measures.keys() for row in table.rows)


def test_a_study_is_what_its_configuration_says(tmp_path: Path) -> None:
    for name in ("quick", "fig3", "table2", "fig4", "table8", "fig5", "fig10", "table3"):
        assert identify(config_of(name)) == name
    assert identify({**config_of("table2"), "reproduces": ""}) == ""
    assert identify({}) == "quick", "a configuration of before there were kinds"
    found = read_finished([str(quick(tmp_path / "renamed"))])[0]
    assert (found.study, found.name, found.scale, found.seeds) == ("quick", "renamed", "quick", 1)
    config = config_of("table2", scale="paper", seeds=[0, 1, 2])
    found = read_finished([str(finish(tmp_path / "g", config, scores={}))])[0]
    assert (found.study, found.scale, found.seeds) == ("table2", "paper", 3)
    config["codec"] = "another"
    assert read_finished([str(finish(tmp_path / "g", config, scores={}))])[0].scale == OWN_SCALE


@pytest.mark.parametrize(
    ("ahead", "directed", "close"), [(10.0, "supported", "contradicted"), (-10.0,) + ("contradicted",) * 2]
)
def test_who_is_ahead_decides(tmp_path: Path, ahead: float, directed: str, close: str) -> None:
    folder = quick(tmp_path / "quick", ahead=ahead)
    found = decided("AR has the better fidelity, at every", folder)
    assert (found.outcome, found.judge) == (directed, FAD)
    assert found.passed_over[0] == "fad_vggish"
    assert found.effects[0][0].paired
    assert decided("comparable in fidelity, at every", folder).outcome == close


def test_a_small_clear_lead_is_both_comparable_and_ahead(tmp_path: Path) -> None:
    scores = {FAD: {"ground_truth": 10.0, "autoregressive": 50.0, "flow_matching": 51.5}}
    apart = difference(FAD, "flow_matching", "autoregressive", 1.5, 1.0, 0.01)
    folder = finish(tmp_path / "quick", config_of("quick"), scores=scores, differences=[apart])
    assert decided("AR has the better fidelity, at every", folder).outcome == "supported", "whichever way round"
    close = decided("comparable in fidelity, at every", folder)
    assert close.outcome == "supported"
    assert close.effects[0][0].margin == pytest.approx(0.1 * (50.75 - 10)), "above the true music"


def test_the_papers_judge_comes_before_a_stand_in(tmp_path: Path) -> None:
    better = {"autoregressive": 0.9, "flow_matching": 0.2}
    found = decided("AR has the better fidelity, at every", quick(tmp_path / "quick", fad_vggish=better))
    assert (found.judge, found.outcome, found.passed_over) == ("fad_vggish", "undecided", [])
    assert not found.effects[0][0].paired


def test_a_grid_is_asked_before_the_small_study_and_at_every_frame_rate(tmp_path: Path) -> None:
    small = quick(tmp_path / "quick")
    values = {"ar_enc_25hz": 40, "fm_enc_25hz": 45, "ar_enc_50hz": 42, "fm_enc_50hz": 47, "fm_vae_50hz": 60}
    table2 = grid(tmp_path / "t", "table2", {**values, "fm_vae_25hz": 59, "reconstruction_pocket_codes": 3})
    found = decided("AR has the better fidelity, at every", small, table2)
    assert found.study is not None and found.study.study == "table2"
    assert (found.outcome, len(found.effects)) == ("supported", 2)
    mixed = grid(tmp_path / "t", "table2", {**values, "fm_enc_50hz": 42.1})
    assert decided("AR has the better fidelity, at every", mixed).outcome == "undecided"
    turned = grid(tmp_path / "t", "table2", {**values, "fm_enc_50hz": 30})
    assert decided("AR has the better fidelity, at every", turned).outcome == "contradicted"


def test_a_grid_judged_apart_tells_frame_rate_from_length(tmp_path: Path) -> None:
    paper = {row.system: score(row.scores["fad"], 0.005) for row in paper_scores("table_7").rows}
    folder = finish(tmp_path / "fig4", config_of("fig4", scale="paper"), scores={FAD: paper})
    assert decided("FM loses fidelity as the frame rate doubles", folder).outcome == "supported", (
        "on the paper's numbers"
    )
    loose = {system: score(found["value"], 0.5) for system, found in paper.items()}
    folder = finish(tmp_path / "fig4", config_of("fig4", scale="paper"), scores={FAD: loose})
    assert decided("FM loses fidelity as the frame rate doubles", folder).outcome == "undecided"
    short = {system: found for system, found in paper.items() if system.endswith("_10s")}
    folder = finish(tmp_path / "fig4", config_of("fig4"), scores={FAD: short})
    found = decided("FM loses fidelity as the frame rate doubles", folder)
    assert found.outcome == "untested" and "--scale paper" in found.reason


def test_what_the_true_music_of_a_duration_scores_is_taken_off(tmp_path: Path) -> None:
    truths = {"10s": 10.0, "20s": 6.0, "40s": 2.0}
    cells = {
        f"fm_{rate}hz_{duration}": score(truth + 5, 0.5) for rate in (25, 50, 100) for duration, truth in truths.items()
    }
    folder = finish(tmp_path / "fig4", config_of("fig4"), scores={FAD: cells})
    assert decided("FM loses fidelity as the frame rate doubles", folder).outcome == "supported", "shorter clips do"
    cells |= {f"ground_truth_{duration}": score(truth, 0.1) for duration, truth in truths.items()}
    folder = finish(tmp_path / "fig4", config_of("fig4"), scores={FAD: cells})
    found = decided("FM loses fidelity as the frame rate doubles", folder)
    assert found.outcome == "undecided"
    assert found.effects[0][0].value == pytest.approx(0)
    assert found.effects[0][0].size == pytest.approx(5)


def test_trends_over_the_batch(tmp_path: Path) -> None:
    values = {
        f"{paradigm}_b{batch}_{duration}": top - slope * step
        for paradigm, top, slope in (("ar", 90.0, 10.0), ("fm", 60.0, 2.0))
        for step, batch in enumerate((4, 8, 16, 128))
        for duration in ("2.5s", "5s")
    }
    folder = grid(tmp_path / "fig8", "fig8", values)
    assert decided("AR gains more fidelity", folder).outcome == "supported"
    gains = decided("AR gains fidelity as", folder)
    assert (gains.outcome, len(gains.effects)) == ("supported", 2)
    near = decided("From an eighth of the largest batch", folder)
    assert [effect.what for effect, _ in near.effects] == [
        f"FM_B16_{duration} − FM_B128_{duration}" for duration in ("2.5S", "5S")
    ]
    swapped = {name.translate(str.maketrans({"a": "f", "r": "m", "f": "a", "m": "r"})): v for name, v in values.items()}
    assert decided("AR gains more fidelity", grid(tmp_path / "fig8", "fig8", swapped)).outcome == "contradicted"


def test_a_slope_uses_what_was_tested_clip_by_clip(tmp_path: Path) -> None:
    values = {"euler_10": 71.0, "euler_50": 70.6, "euler_200": 70.5}
    settings = [
        {
            "system": f"solver-euler-{label}",
            "label": label,
            "difference": None
            if label == "euler_50"
            else difference(FAD, label, "euler_50", value - 70.6, 0.05, 0.001),
        }
        for label, value in values.items()
    ]
    more = {"settings": settings, "autoregressive": {"system": "autoregressive", "label": "a", "difference": None}}
    scores = {FAD: {f"solver-euler-{label}": score(value, 1.5) for label, value in values.items()}}
    folder = finish(tmp_path / "fig3", config_of("fig3"), scores=scores, beside=[["Steps"], ["10"]], **more)
    assert decided("FM gains fidelity from every doubling", folder).outcome == "supported"
    for item in settings:
        item["difference"] = None
    folder = finish(tmp_path / "fig3", config_of("fig3"), scores=scores, beside=[["Steps"], ["10"]], **more)
    assert decided("FM gains fidelity from every doubling", folder).outcome == "undecided"


def test_times_are_compared_where_both_were_measured(tmp_path: Path) -> None:
    times = {
        ("AR", 8, 10): 9.0,
        ("FM-50", 8, 10): 3.0,
        ("AR", 256, 10): 40.0,
        ("FM-50", 256, 10): 70.0,
        ("AR", 4, 10): 1.0,
    }
    folder = speed(tmp_path / "fig5", times)
    small, large = decided("In batches of up to 64", folder), decided("In batches of more than 64", folder)
    assert (small.outcome, large.outcome) == ("supported", "supported")
    assert [len(each.effects) for each in (small, large)] == [1, 1]
    close = speed(tmp_path / "fig5", times | {("AR", 8, 10): 3.1})
    assert decided("In batches of up to 64", close).outcome == "undecided", "quartiles overlap"


def test_what_is_not_tested_says_what_would(tmp_path: Path) -> None:
    folder = quick(tmp_path / "quick")
    assert "`counterpoint study run fig8`" in decided("AR gains fidelity as", folder).reason
    assert "quick has no judge of enjoyment" in decided("content enjoyment", folder).reason


@pytest.fixture(scope="module")
def combined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of three studies, moved away from them."""
    root = tmp_path_factory.mktemp("combined")
    runs = root / "runs"
    quick(runs / "quick")
    grid(runs / "fig8", "fig8", {"ar_b2_5s": 3, "ar_b4_5s": 2, "fm_b2_5s": 4, "fm_b4_5s": 3}, metric=TAGS)
    speed(runs / "a & b", {("AR", 8, 10): 9.0, ("FM-50", 8, 10): 3.0})
    write_report_of(["quick", "fig8", "a & b"], out=root / "report", runs=runs)
    shutil.move(root / "report", root / "moved")
    shutil.rmtree(runs)
    return root / "moved"


def test_every_link_leads_inside_the_folder(combined: Path) -> None:
    page = (combined / "index.html").read_text(encoding="utf-8")
    ids = set(re.findall(r'id="([^"]+)"', page))
    links = [link.replace("&amp;", "&") for link in re.findall(r'(?:src|href)="([^"]+)"', page)]
    assert len(links) > 20
    for link in links:
        if link.startswith("#"):
            assert link[1:] in {each.replace("&amp;", "&") for each in ids}, link
        else:
            assert (combined / unquote(link)).is_file(), link
    assert (combined / "studies" / "quick" / "audio" / "01.ogg").read_bytes() == b"a clip"


def test_the_page_says_what_decided_and_what_is_missing(combined: Path) -> None:
    page = (combined / "index.html").read_text(encoding="utf-8")
    for words in (
        "quick &lt;found&gt; &amp; said.",
        "quick and fig8 were not run at the paper",
        "counterpoint metrics fetch",
        "<code>fad_vggish</code>",
        "stand-in",
        "counterpoint study run table3",
    ):
        assert words in page, words
    assert page.count('class="takeaway"') == len(PAPER.rows)
    assert "3 min 15 s" in page, "every step once"


def test_the_numbers_are_in_files_too(combined: Path) -> None:
    data = json.loads((combined / "data.json").read_text(encoding="utf-8"))
    assert [row["axis"] for row in data["rows"]] == [row.axis for row in PAPER.rows]
    with (combined / "tables" / "table1.csv").open() as file:
        rows = list(csv.DictReader(file))
    own = next(row for row in rows if row["claim"].startswith("AR has the better fidelity"))
    assert (own["says"], own["judge"], float(own["value"]), float(own["p"])) == ("supported", FAD, -10.0, 0.002)
    assert {row["claim"] for row in rows} == {claim.claim for row in PAPER.rows for claim in row.claims}
    assert "supported" in (combined / "tables" / "table1.md").read_text(encoding="utf-8")
    latex = (combined / "tables" / "table1.tex").read_text(encoding="utf-8")
    assert r"p{0.3\linewidth}" in latex and r"\ensuremath{\geq} 64" in latex
    assert (combined / "tables" / "study-quick.md").is_file()


def test_the_papers_numbers_stand_beside_ours(combined: Path) -> None:
    text = (combined / "tables" / "study-quick.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    names = [row[0] for row in rows[2:]]
    assert names == [
        "GROUND_TRUTH",
        "AUTOREGRESSIVE",
        "The paper: AR, 25 Hz",
        "FLOW_MATCHING",
        "The paper: FM (EnC), 25 Hz",
    ]
    assert rows[4][1] == "0.40" and rows[3][1].startswith("50")


def test_a_report_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    quick(tmp_path / "runs" / "quick")
    out = tmp_path / "out"
    for _ in range(2):
        assert write_report_of(["quick"], out=out, runs=tmp_path / "runs") == out / "index.html"
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "out"}, "nothing is left aside"
    with pytest.raises(UserError, match="holds something else"):
        write_report_of(["quick"], out=tmp_path / "runs" / "quick", runs=tmp_path / "runs")
    assert (tmp_path / "runs" / "quick" / "report" / "data.json").is_file()


def broken(folder: Path, **changed: Any) -> None:
    """The report of `quick` in another form; what is None is left out."""
    path = quick(folder) / "report" / "data.json"
    data = json.loads(path.read_text()) | changed
    path.write_text(json.dumps({key: value for key, value in data.items() if value is not None}))


@pytest.fixture(scope="module")
def poor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs, of which one alone can be read."""
    root = tmp_path_factory.mktemp("poor")
    runs = root / "runs"
    quick(runs / "quick")
    quick(runs / "again")
    (runs / "unfinished" / "steps").mkdir(parents=True)
    broken(runs / "older", scores=None)
    broken(runs / "stranger", scores={FAD: {"autoregressive": 3.5}})
    finish(runs / "foreign", {"kind": "dance"}, scores={})
    broken(runs / "unread")
    (runs / "unread" / "report" / "data.json").write_text("{")
    write_report_of(["quick"], out=runs / "report", runs=runs)
    return root


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["table4"], "There is no study 'table4'.*counterpoint study run table4"),
        (["mine"], "There is no study 'mine'.*finished in runs are: .*quick"),
        (["unfinished"], "has no finished report.*goes on where it stopped"),
        (["quick", "again"], "runs/quick and runs/again are both the study quick"),
        (["quick", "runs/quick"], "are both the study quick"),
        (["older"], "older/report/data.json was written by another version.*scores"),
        (["stranger"], "written by another version.*another form"),
        (["foreign"], "another version.*its kind is 'dance'"),
        (["unread"], "not valid JSON"),
        (["report"], "itself a report of several studies"),
    ],
)
def test_what_cannot_be_is_one_clear_sentence(
    poor: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], words: str
) -> None:
    monkeypatch.chdir(poor)
    found = CliRunner().invoke(app, ["study", "report", *names, "--out", "new"])
    assert isinstance(found.exception, UserError)
    assert re.search(words, str(found.exception)), str(found.exception)
    assert "\n" not in str(found.exception)
    assert not Path("new").exists()


def test_the_verb_says_where_the_report_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    quick(Path("runs") / "quick")
    found = CliRunner().invoke(app, ["study", "report", "quick"])
    assert found.exit_code == 0, found.output
    assert "Report: runs/report/index.html" in found.output
    assert Path("runs/report/studies/quick/index.html").is_file()
