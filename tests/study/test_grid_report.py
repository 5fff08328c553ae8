"""The report of a grid says what the tests allow, marks a best value only where it is shown, and opens from disk."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from counterpoint.study.report.cells import read_axes, told
from counterpoint.study.report.content import Grid, GridContent
from counterpoint.study.report.grid import assemble_grid, write_grid_report
from counterpoint.study.report.read import Folders
from counterpoint.study.steps.grid_report import make_grid_report

from counterpoint.audio import save_audio
from counterpoint.config import write_json
from counterpoint.study import load_study
from counterpoint.study.engine import Work
from counterpoint.study.shipped import find_study

PARADIGMS = {"ar": "autoregressive", "fm": "flow_matching"}
METRICS = {"fad_musicnn": "lower", "tag_match_musicnn": "higher", "sig_flatness": "neither"}
RUN = {"parameters": 1_234_567, "steps": 300, "examples": 2400, "audio_s": 12_000.0, "wall_s": 60.0}
TABLE_2 = {
    "paradigm": {"keys": ["paradigm"], "values": {"ar": "autoregressive", "fm": "flow_matching"}},
    "latent": {"keys": [], "values": {"enc": "encodec", "vae": "vae"}},
    "rate": {"keys": [], "values": {"25hz": "25hz", "50hz": "50hz", "100hz": "100hz"}},
}
FIG_4 = {
    "paradigm": {"keys": ["paradigm"], "values": {"fm": "flow_matching"}},
    "rate": {"keys": [], "values": {"25hz": "25hz", "50hz": "50hz"}},
    "duration": {"keys": ["prompts.duration_s"], "values": {"0.5s": 0.5, "1s": 1.0, "2s": 2.0}},
}
FIG_8 = {
    "paradigm": TABLE_2["paradigm"],
    "batch": {"keys": [], "values": {f"b{size}": {"training.batch_size": size} for size in (8, 16, 32, 64)}},
    "segment": {"keys": ["training.segment_s"], "values": {"10s": 10.0, "30s": 30.0}},
}
CONFIG = {
    "evaluation": {"primary": "fad_musicnn", "seed": 0},
    "prompts": {"seed": 1000, "batch_size": 16},
    "sampling": {
        "autoregressive": {"guidance": 3, "temperature": 1, "top_k": 250, "top_p": 1},
        "flow_matching": {"guidance": 3, "solver": "euler", "steps": 25},
    },
    "training": {
        "backbone": {"layers": 2, "width": 64, "heads": 2, "feed_forward": 128},
        "text": {"encoder": "lut"},
        "optimizer": {"learning_rate": 1e-3, "warmup_steps": 4, "weight_decay": 0.1, "clip_norm": 1, "ema_decay": 0.9},
        "steps": 300,
        "batch_size": 8,
        "segment_s": 5,
        "seed": 0,
        "precision": "fp32",
    },
    "systems": {},
    "seeds": [],
    "examples": 2,
}


class Made:
    """A finished grid, made up.

    Attributes:
        values: the primary metric by system; a system that is not there scores 10.
        clear: by pair of systems, whether its differences have passed their tests; by default they have.
    """

    def __init__(
        self,
        axes: Mapping[str, Any],
        *,
        x: str,
        paper: str = "",
        values: Mapping[str, float] | None = None,
        blurred: Sequence[tuple[str, str]] = (),
        seeds: Sequence[int] = (),
        outside: Sequence[str] = (),
        metrics: Mapping[str, str] = METRICS,
        primary: str = "fad_musicnn",
        with_effects: bool = False,
    ):
        self.axes, self.values, self.blurred, self.metrics = axes, values or {}, blurred, metrics
        self.seeds, self.outside, self.with_effects = seeds, outside, with_effects
        self.study = {**CONFIG, "axes": axes, "x": x, "paper": paper, "seeds": [0, *seeds] if seeds else []}
        self.study |= {"evaluation": {"primary": primary, "seed": 0}}
        self.study |= {"systems": {name: f"/elsewhere/clips of {name}" for name in outside}}
        combinations = product(*(axis["values"] for axis in axes.values()))
        self.cells = [cell for labels in combinations if (cell := self._cell(labels))]
        self.codecs = {cell["codec"]: f"/models/pocket_{cell['codec']}" for cell in self.cells}

    def _cell(self, names: Sequence[str]) -> dict[str, Any] | None:
        labels = dict(zip(self.axes, names, strict=True))
        if labels.get("latent") == "vae" and labels["paradigm"] == "ar":
            return None
        duration = float(labels["duration"].rstrip("s")) if "duration" in labels else 1.0
        codec = "_".join(labels[key] for key in ("latent", "rate") if key in labels) or "pocket"
        paradigm = PARADIGMS[labels.get("paradigm", "fm")]
        return {
            "system": "_".join(names),
            "model": "_".join(label for key, label in labels.items() if key not in ("duration", "steps")) or "one",
            "labels": labels,
            "paradigm": paradigm,
            "codec": codec,
            "duration_s": duration,
            "evaluate": f"evaluate_{duration:g}s",
        }

    def write(self, root: Path, *, clips: bool = True) -> Folders:
        info = {"kind": "composed", "name": "made-up", "fingerprint": "f", "rows": {"train": 9, "test": 8}}
        write_json(root / "data" / "dataset.json", {**info, "hours": {"train": 1.0}})
        for duration in {cell["duration_s"] for cell in self.cells}:
            self._ground(root, duration, clips=clips)
            self._evaluation(root, duration)
        for cell in self.cells:
            for suffix in ("", *(f"@{seed}" for seed in self.seeds)):
                _write_run(root / f"train_{cell['model']}{suffix}")
            report = {"clips": 8, "audio_s": 8.0, "latency_s": 4.0, "network_evaluations": 25}
            write_json(root / f"generate_{cell['system']}" / "generation.json", {"report": report})
        return Folders({path.name: path for path in root.iterdir()})

    def _ground(self, root: Path, duration: float, *, clips: bool) -> None:
        own = [cell for cell in self.cells if cell["duration_s"] == duration]
        ids = [f"{duration:g}-{index}" for index in range(8)]
        windows = [{"id": key, "row": key, "split": "test", "caption": f"Song {key} & <b>more</b>"} for key in ids]
        write_json(root / f"prompts_{duration:g}s" / "prompts.json", {"duration_s": duration, "windows": windows})
        places = [f"prompts_{duration:g}s/truth", *(f"generate_{cell['system']}" for cell in own)]
        several = len({cell["duration_s"] for cell in self.cells}) > 1
        places += [f"generate_{name}{f'_{duration:g}s' if several else ''}" for name in self.outside]
        for number, (place, key) in enumerate(product(places, ids)):
            if clips:
                tune = 0.2 * np.sin(np.arange(int(8000 * duration)) * (0.05 + 0.001 * number))
                save_audio(root / place / f"{key}.wav", tune.astype(np.float32), sample_rate=32_000)
        for codec in {cell["codec"] for cell in own}:
            measures = {"si_snr_db": 3.0, "log_spectral_distance_db": 11.0}
            views = {"latents": measures, **({} if "vae" in codec else {"codes": measures})}
            write_json(root / f"reconstruct_{codec}_{duration:g}s" / "reconstruction.json", {"views": views})

    def _evaluation(self, root: Path, duration: float) -> None:
        own = [cell for cell in self.cells if cell["duration_s"] == duration]
        floors = {"ground_truth": 2.0}
        for codec in {cell["codec"]: 0 for cell in own}:
            floors |= {f"reconstruction_{codec}_latents": 3.0}
            floors |= {} if "vae" in codec else {f"reconstruction_{codec}_codes": 4.0}
        values = {cell["system"]: self.values.get(cell["system"], 10.0) for cell in own}
        values |= floors | {name: self.values.get(name, 7.0) for name in self.outside}
        scores = {
            system: {name: _score(value if better == "lower" else 1 / value) for name, better in self.metrics.items()}
            for system, value in values.items()
        }
        pairs = [
            (one["system"], other["system"])
            for index, one in enumerate(own)
            for other in own[index + 1 :]
            if sum(one["labels"][key] != other["labels"][key] for key in self.axes) == 1
        ] + [(cell["system"], name) for cell in own for name in self.outside]
        evaluation = {
            "n": 8,
            "seed": 0,
            "metrics": [_info(name, better) for name, better in self.metrics.items()],
            "scores": scores,
            "floors": {"ground truth": {"fad_musicnn": _score(1.0)}} if "fad_musicnn" in self.metrics else {},
            "differences": [self._difference(scores, *pair, name) for pair in pairs for name in self.metrics],
            "ids": {},
            "notes": ["A remark."],
        }
        write_json(root / f"evaluate_{duration:g}s" / "evaluation.json", evaluation)

    def _difference(self, scores: Mapping[str, Any], first: str, second: str, metric: str) -> dict[str, Any]:
        value = scores[first][metric]["value"] - scores[second][metric]["value"]
        clear = value and (first, second) not in self.blurred
        reach = 0.5 * abs(value) if clear else 2 * abs(value) + 0.1
        p = 0.001 if clear else 0.5
        found = {"metric": metric, "first": first, "second": second, "value": value, "paired": True, "n": 8}
        found |= {"low": value - reach, "high": value + reach, "p": p, "p_holm": p}
        return {**found, "effect": 0.8} if self.with_effects else found


def _score(value: float) -> dict[str, Any]:
    return {"value": value, "low": 0.9 * value, "high": 1.1 * value, "n": 8, "per_clip": None}


def _info(name: str, better: str) -> dict[str, Any]:
    return {"name": name, "description": f"what {name} is", "unit": "", "better": better, "chance": None}


def _write_run(folder: Path) -> None:
    write_json(folder / "result.json", RUN)
    write_json(folder / "step.json", {"seconds": 70.0, "peak_memory_bytes": 2**30})
    lines = [{"step": step, "loss": 3.0 - step / 200} for step in (1, 100, 200, 300)] + [
        {"step": 300, "valid_loss": 2.5}
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def assembled(made: Made, root: Path, *, clips: bool = False) -> GridContent:
    folders = made.write(root, clips=clips)
    return assemble_grid(
        folders,
        name="made",
        study=made.study,
        study_yaml="kind: grid\n",
        own_data=False,
        cells=made.cells,
        codecs=made.codecs,
    )


TABLE_2_VALUES = {
    **{"ar_enc_25hz": 5.0, "fm_enc_25hz": 8.0, "fm_vae_25hz": 9.0},
    **{"ar_enc_50hz": 8.0, "fm_enc_50hz": 7.0, "fm_vae_50hz": 12.0},
    **{"ar_enc_100hz": 9.0, "fm_enc_100hz": 9.5, "fm_vae_100hz": 14.0},
}
FIG_4_VALUES = {f"fm_{rate}hz_{clip}s": 5 + rate / 10 + clip for rate in (25, 50) for clip in (0.5, 1, 2)}
FIG_8_VALUES = {
    f"{paradigm}_b{batch}_{segment}s": start - 2 * batch**0.5 + segment / 10
    for (paradigm, start), batch, segment in product((("ar", 30), ("fm", 20)), (8, 16, 32, 64), (10, 30))
}


def table_2(**changes: Any) -> Made:
    blurred = [("ar_enc_100hz", "fm_enc_100hz")]
    return Made(TABLE_2, **{"x": "rate", "paper": "table_2", "values": TABLE_2_VALUES, "blurred": blurred, **changes})


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> GridContent:
    return assembled(table_2(with_effects=True), tmp_path_factory.mktemp("study"), clips=True)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, content: GridContent) -> Path:
    return write_grid_report(content, tmp_path_factory.mktemp("report")).parent


@pytest.fixture(scope="module")
def page(report: Path) -> str:
    return (report / "index.html").read_text(encoding="utf-8")


def rows_of(content: GridContent) -> dict[str, dict[str, Any]]:
    groups = {**content.table.groups, **content.table.floors}
    return {name: {row.label: row for row in rows} for name, rows in groups.items()}


def check_page(folder: Path) -> str:
    """Every link leads into the folder or to a place of the page, and no number is missing its value."""
    page = (folder / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(links) > 15
    for link in links:
        target = (folder / link).resolve()
        if link.startswith("#"):
            assert f'id="{link[1:]}"' in page, link
        else:
            assert target.is_file() and target.is_relative_to(folder), link
    for path in (folder / "index.html", *(folder / "tables").iterdir()):
        assert not re.search(r"\b(nan|inf)\b|[>|,] ?None ?[<|,]|not defined", path.read_text(encoding="utf-8")), (
            path.name
        )
    json.loads((folder / "data.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    assert "/elsewhere/" not in page and "/models/" not in page, "no place of this machine is told"
    return page


def test_the_verdict_says_where_each_paradigm_is_better(content: GridContent) -> None:
    assert content.title == "Auto-regressive or flow matching, by latent and frame rate"
    assert content.verdict.sentence == (
        "On this data and budget, with EnCodec, judged by fad_musicnn, auto-regressive does better than flow matching "
        "at 25 Hz, the other way round at 50 Hz; no difference between the two could be shown at 100 Hz."
    )
    sizes, others, latent, rate, best = content.verdict.points
    assert "25 Hz \u22123.0 [\u22124.5, \u22121.5]; 50 Hz 1.0 [0.5, 1.5]" in sizes
    assert others.startswith("Other judges: tag_match_musicnn favours auto-regressive at 25 Hz, favours flow matching")
    assert latent == "Latent: EnCodec does better than VAE at all 3 settings."
    assert "25 Hz does better than 50 Hz (AR, EnCodec; FM, VAE);" in rate
    assert "50 Hz does better than 25 Hz (FM, EnCodec);" in rate
    assert best == (
        "The lowest fad_musicnn is that of AR, EnCodec, 25 Hz, 5.0 [4.5, 5.5]; real, unheard music scores 2.00 "
        "[1.80, 2.20]."
    )


def test_tests_that_show_nothing_are_not_made_to_say_more(tmp_path: Path) -> None:
    pairs = [(f"ar_enc_{rate}hz", f"fm_enc_{rate}hz") for rate in (25, 50, 100)]
    found = assembled(table_2(blurred=pairs), tmp_path)
    assert found.verdict.sentence.endswith(
        "no difference between auto-regressive and flow matching could be shown at all 3 settings."
    )
    assert not any(any(row.best) for row in found.table.groups["25 Hz"] if row.label.endswith("EnCodec"))


def test_rows_are_grouped_as_in_the_paper_with_its_numbers_beside_ours(content: GridContent) -> None:
    rows = rows_of(content)
    assert list(rows) == ["25 Hz", "50 Hz", "100 Hz", "Floors"]
    assert list(rows["25 Hz"]) == ["AR, EnCodec", "FM, EnCodec", "FM, VAE"], "auto-regression has no VAE"
    row = rows["100 Hz"]["FM, VAE"]
    assert [cell.value for cell in row.cells if cell] == ["14.0", "0.071"]
    assert [cell.interval for cell in row.cells if cell] == ["[12.6, 15.4]", "[0.064, 0.079]"]
    assert row.paper == ["1.02", "0.37", "7.37", "5.89", "7.10"]
    assert content.table.measures == ["FAD \u2193", "CLAP \u2191", "PQ \u2191", "PC \u2191", "CE \u2191"]
    assert [metric.key for metric in content.table.metrics] == ["fad_musicnn", "tag_match_musicnn"]
    assert {"Ground truth", "Codec, VAE, 25 Hz, continuous", "Codec, EnCodec, 25 Hz, quantised"} <= rows[
        "Floors"
    ].keys()
    assert "Codec, VAE, 25 Hz, quantised" not in rows["Floors"]


def test_a_best_value_is_marked_only_where_every_other_of_its_group_is_shown_to_be_worse(content: GridContent) -> None:
    best = {(group, row.label) for group, rows in content.table.groups.items() for row in rows if row.best[0]}
    # Auto-regression and the VAE were not tested against each other: they differ along two axes.
    assert best == {("50 Hz", "FM, EnCodec")}


def test_curves_go_along_the_axis_with_a_line_a_combination(content: GridContent) -> None:
    panel = content.panels[0]
    assert panel.metric == "fad_musicnn" and panel.x_name == "frame rate" and panel.log
    assert panel.ticks == [(25.0, "25 Hz"), (50.0, "50 Hz"), (100.0, "100 Hz")]
    lines = {line.name: (line.system, [(point.x, point.y) for point in line.points]) for line in panel.series}
    assert lines == {
        "AR, EnCodec": ("ar-0", [(25.0, 5.0), (50.0, 8.0), (100.0, 9.0)]),
        "FM, EnCodec": ("fm-0", [(25.0, 8.0), (50.0, 7.0), (100.0, 9.5)]),
        "FM, VAE": ("fm-1", [(25.0, 9.0), (50.0, 12.0), (100.0, 14.0)]),
    }
    levels = [(line.system, line.name, line.points[0].y) for line in panel.levels]
    assert levels == [("ar-0", "", 4.0), ("fm-0", "", 3.0), ("fm-1", "", 3.0), ("ground_truth", "Ground truth", 2.0)]


def test_differences_are_told_an_axis_at_a_time_with_their_effect(content: GridContent) -> None:
    paradigm, latent, rate = content.comparisons
    assert [table.title for table in content.comparisons] == ["Paradigm", "Latent", "Frame rate"]
    assert [row.label for row in paradigm.rows] == [f"AR \u2212 FM (EnCodec, {rate} Hz)" for rate in (25, 50, 100)]
    assert [row.cells[0][0].is_clear for row in paradigm.rows] == [True, True, False]
    assert paradigm.rows[0].cells[0][0].remark == "p 0.001, effect 0.80"
    assert len(latent.rows) == 3 and len(rate.rows) == 9


def test_the_page_is_whole_and_leads_nowhere_else(report: Path, page: str, content: GridContent) -> None:
    check_page(report)
    assert page.count("<audio") == 2 * (1 + len(content.cells)), "the ground truth and every cell of both prompts"
    assert "&lt;b&gt;more" in page and "<b>more" not in page
    assert page.count('class="star"') == 2
    assert "The paper concludes" in page
    scores = list(csv.DictReader(io.StringIO((report / "tables" / "scores.csv").read_text())))
    assert {(row["system"], row["metric"], row["value"]) for row in scores} >= {("fm_vae_50hz", "fad_musicnn", "12.0")}
    assert "7.0 [6.3, 7.7] *" in (report / "tables" / "grid.md").read_text(encoding="utf-8")


def test_clips_of_several_lengths_share_a_page_and_no_key(tmp_path: Path) -> None:
    found = assembled(Made(FIG_4, x="duration", values=FIG_4_VALUES, outside=["mine"]), tmp_path / "study", clips=True)
    assert found.title == "What changes with frame rate and duration?"
    assert found.verdict.sentence == (
        "On this data and budget, judged by fad_musicnn: 25 Hz does better than 50 Hz at all 3 settings."
    )
    assert any(point.startswith("Duration: not tested;") for point in found.verdict.points)
    assert any("at 0.5 s is that of 25 Hz, 0.5 s" in point for point in found.verdict.points)
    keys = [system.key for system in found.systems]
    assert len(set(keys)) == len(keys) and {"ground_truth_1s", "reconstruction_25hz_latents_2s", "mine_0.5s"} <= {*keys}
    assert found.scores["fad_musicnn"].keys() == {*keys}
    rows = rows_of(found)
    assert list(rows) == ["25 Hz", "50 Hz", "Outside", "Floors, 0.5 s", "Floors, 1 s", "Floors, 2 s"]
    assert list(rows["25 Hz"]) == ["0.5 s", "1 s", "2 s"]
    levels = {line.name: len(line.points) for line in found.panels[0].levels if line.name}
    assert levels == {"Ground truth": 3, "mine": 3}
    assert {example.id.split("-")[0] for example in found.examples} == {"0.5", "1", "2"}
    assert all(len(example.clips) == 4 for example in found.examples), "truth, two cells and the outside system"
    page = check_page(write_grid_report(found, tmp_path / "report").parent)
    assert page.count("<audio") == 3 * 4


def test_many_settings_are_counted_and_sizes_compared_as_a_whole(tmp_path: Path) -> None:
    found = assembled(Made(FIG_8, x="batch", values=FIG_8_VALUES), tmp_path)
    assert found.verdict.sentence.endswith("flow matching does better than auto-regressive at all 8 settings.")
    assert "Batch size: in 24 of 24 tests the larger does better." in found.verdict.points
    assert "Segment: 10 s does better than 30 s at all 8 settings." in found.verdict.points
    assert list(found.table.groups) == ["8", "16", "32", "64"]
    assert {line.system for line in found.panels[0].series} == {"ar-0", "ar-1", "fm-0", "fm-1"}
    assert found.table.measures == [] and not found.source and not found.claims


def test_every_run_of_a_model_shows_its_cost_and_its_curve(tmp_path: Path) -> None:
    made = table_2(seeds=[1, 2])
    found = assembled(made, tmp_path / "study", clips=True)
    assert len(found.curves) == len(found.training.rows) == 3 * len(found.cells)
    assert [row[0] for row in found.training.rows[:3]] == [f"AR, EnCodec, 25 Hz, run {run}" for run in (1, 2, 3)]
    assert found.training.rows[0][1:] == ["1.23 M", "300", "3 h 20 min", "60 s", "5.00", "1.00 GiB"]
    assert found.generation.rows[0] == ["AR, EnCodec, 25 Hz", "2.00", "0.50 s", "2.00 \u00d7", "25"]
    assert any("3 times" in note.text and "training seed" in note.text for note in found.notes)
    page = check_page(write_grid_report(found, tmp_path / "report").parent)
    assert "27 learning curves" in page
    once = assembled(table_2(), tmp_path / "once")
    assert any("trained once" in note.text for note in once.notes) and len(once.curves) == 9


def test_a_model_that_several_cells_share_is_told_once(tmp_path: Path) -> None:
    steps = {"keys": ["sampling.steps"], "values": {"euler50": 50, "euler10": 10}}
    rates = {"keys": [], "values": {"25hz": "25hz", "50hz": "50hz"}}
    found = assembled(Made({"rate": rates, "steps": steps}, x="steps"), tmp_path)
    assert [row[0] for row in found.training.rows] == ["25 Hz", "50 Hz"]
    assert [row[0] for row in found.generation.rows] == [
        f"{rate} Hz, Euler {steps}" for rate in (25, 50) for steps in (50, 10)
    ]
    assert found.panels[0].ticks == [(50.0, "Euler 50"), (10.0, "Euler 10")]
    assert [point.x for point in found.panels[0].series[0].points] == [10.0, 50.0]


def test_one_axis_has_one_group_and_one_line(tmp_path: Path) -> None:
    steps = {"keys": ["sampling.steps"], "values": {"euler10": 10, "euler50": 50}}
    made = Made({"steps": steps}, x="", values={"euler10": 12.0, "euler50": 6.0}, outside=["mine"])
    found = assembled(made, tmp_path / "study", clips=True)
    assert found.title == "What changes with steps?"
    assert found.verdict.sentence == (
        "On this data and budget, judged by fad_musicnn: Euler 50 does better than Euler 10."
    )
    assert "Against mine, of 2 cells by fad_musicnn: 1 better, 1 worse." in found.verdict.points
    assert list(rows_of(found)) == ["", "Outside", "Floors"]
    assert [row.best for row in found.table.groups[""]] == [[False, False], [True, True]]
    assert found.comparisons[-1].title == "Outside systems" and len(found.comparisons[-1].rows) == 2
    page = check_page(write_grid_report(found, tmp_path / "report").parent)
    assert "An outside system: its clips in the folder clips of mine" in page
    assert not any("mine" in row[0] for row in (*found.training.rows, *found.generation.rows))


def test_paradigms_alone_need_no_curve_and_no_setting(tmp_path: Path) -> None:
    made = Made({"paradigm": TABLE_2["paradigm"]}, x="", values={"ar": 5.0, "fm": 8.0})
    found = assembled(made, tmp_path / "study")
    assert found.verdict.sentence == (
        "On this data and budget, judged by fad_musicnn, auto-regressive does better than flow matching."
    )
    assert (
        found.verdict.points[0]
        == "Auto-regressive minus flow matching in fad_musicnn: \u22123.0 [\u22124.5, \u22121.5]."
    )


def test_another_judge_decides_where_the_primary_is_absent_and_says_so(tmp_path: Path) -> None:
    found = assembled(table_2(primary="fad_vggish"), tmp_path / "one")
    assert (found.primary, found.decided) == ("fad_vggish", "fad_musicnn")
    assert (
        "judged by fad_musicnn (fad_vggish, which was to decide, is absent), auto-regressive" in found.verdict.sentence
    )
    assert any("fad_vggish, is absent; fad_musicnn decides in its place" in note.text for note in found.notes)
    found = assembled(table_2(primary="pq_audiobox"), tmp_path / "two")
    assert found.decided == "fad_musicnn"
    silent = assembled(table_2(metrics={"sig_flatness": "neither"}), tmp_path / "three")
    assert silent.decided == "" and silent.verdict.sentence.startswith("No metric that says better or worse")
    assert not silent.panels and not silent.comparisons


def test_the_papers_own_metrics_are_told_from_stand_ins(tmp_path: Path) -> None:
    alone = assembled(table_2(), tmp_path / "one")
    assert any("`counterpoint metrics fetch` gets them" in note.text for note in alone.notes)
    found = assembled(table_2(metrics={"fad_vggish": "lower", **METRICS}, primary="fad_vggish"), tmp_path / "two")
    assert found.decided == "fad_vggish" and "is absent" not in found.verdict.sentence
    assert not any("stand-ins are used" in note.text for note in found.notes)
    assert any(note.text.startswith("fad_vggish: the paper's own metrics") for note in found.notes)


def test_labels_are_told_as_people_would() -> None:
    axes = {
        "batch": {"keys": ["training.batch_size"], "values": {"b8": 8, "b16": 16}},
        "duration": {"keys": ["prompts.duration_s"], "values": {"2.5s": 2.5, "5s": 5}},
        "size": {"keys": ["training.backbone"], "values": {"pocket": "pocket", "debug": "debug"}},
        "rate": {"keys": [], "values": {"25hz": "25hz"}},
        "mixed": {"keys": [], "values": {"b8": {"training.batch_size": 8}, "other": {"training.steps": 9}}},
    }
    cells = [
        {"labels": {key: [*axis["values"]][turn % len(axis["values"])] for key, axis in axes.items()}}
        for turn in (0, 1)
    ]
    batch, duration, size, mixed = read_axes({"axes": axes}, cells)
    assert [told(batch, label) for label in batch.labels] == ["batch size 8", "batch size 16"]
    assert batch.numbers == {"b8": 8.0, "b16": 16.0} and batch.sets == ["training.batch_size"]
    assert [*duration.labels.values()] == ["2.5 s", "5 s"] and duration.numbers["2.5s"] == 2.5
    assert [*size.labels.values()] == ["pocket", "debug"] and size.numbers == {}
    assert mixed.numbers == {} and mixed.sets == ["training.batch_size", "training.steps"]


def test_codecs_that_make_phases_anew_have_no_si_snr(tmp_path: Path) -> None:
    made = table_2()
    anew = {"latents": {"log_spectral_distance_db": 11.0}, "codes": {"log_spectral_distance_db": 12.0}}
    one, *others = sorted({f"reconstruct_{cell['codec']}_{cell['duration_s']:g}s" for cell in made.cells})

    def codecs(*names: str) -> Grid:
        folders = made.write(tmp_path / f"{len(names)}")
        for name in names:
            write_json(folders.paths[name] / "reconstruction.json", {"views": anew})
        how = {"study": made.study, "cells": made.cells, "codecs": made.codecs}
        return assemble_grid(folders, name="made", study_yaml="kind: grid\n", own_data=False, **how).codecs

    some = codecs(one)
    assert some.header[1].startswith("SI-SNR") and [row[1] for row in some.rows].count("–") == 1
    none = codecs(one, *others)
    assert not any("SI-SNR" in name for name in none.header)
    assert all(len(row) == len(none.header) == 3 for row in none.rows)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"enc": "encodec", "vae": "vae"}, ["EnCodec", "VAE"]),
        ({"enc": "rvq", "vae": "kl"}, ["RVQ", "KL"]),
        ({"enc": "my_codec", "vae": "yours"}, ["enc", "vae"]),
    ],
)
def test_latents_are_called_what_their_codecs_are(values: dict[str, str], words: list[str]) -> None:
    cells = [{"labels": {"latent": label}} for label in values]
    (axis,) = read_axes({"axes": {"latent": {"keys": [], "values": values}}}, cells)
    assert [*axis.labels.values()] == words


def test_the_step_writes_the_report(tmp_path: Path) -> None:
    made = table_2()
    folders = made.write(tmp_path / "study")
    study = SimpleNamespace(model_dump=lambda mode: made.study)
    config = {"name": "made", "study": study, "own_data": False, "cells": made.cells, "codecs": made.codecs}
    done: list[tuple[float, float]] = []
    make_grid_report(Work(tmp_path / "out", config, folders.paths, lambda *at: done.append(at)))
    page = check_page(tmp_path / "out" / "report")
    assert "counterpoint study run study.yaml" in page and done[-1][0] == done[-1][1] == 20


@pytest.mark.slow
def test_an_outside_system_answers_prompts_of_every_length(tmp_path: Path) -> None:
    for number in range(8):
        save_audio(tmp_path / "mine" / f"{number}.wav", np.zeros(800, np.float32), sample_rate=32_000)
    study = load_study(find_study("fig4"), overrides=[f"systems.mine={tmp_path / 'mine'}"], scale="debug")
    steps = study.plan()
    assert {"generate_mine_0.5s", "generate_mine_1s"} <= steps.keys()
    for length in ("0.5s", "1s"):
        assert steps[f"evaluate_{length}"].inputs["generate_mine"].key == steps[f"generate_mine_{length}"].key
