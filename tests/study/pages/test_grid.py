"""The report of a grid says what the tests allow, marks a best value only where it is shown, and opens from disk."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from counterpoint.audio import save_audio
from counterpoint.config import DataConfig, LatentSpec, ModelConfig, TrainingConfig
from counterpoint.generate import GenerationReport
from counterpoint.metrics import Difference, Evaluation, MetricInfo, Score
from counterpoint.report import Charts, Report, write_report
from counterpoint.results.costs import Curve, Generation, Model
from counterpoint.results.parts import Music, Prompts, Reconstruction, Window
from counterpoint.results.records import Provenance, StudyInfo
from counterpoint.results.schema import Example, Results, System
from counterpoint.study import load_study
from counterpoint.study.kinds.cells import Cell
from counterpoint.study.kinds.grid import GridStudy
from counterpoint.study.pages.grid_cells import phrase, varied_axes
from counterpoint.study.shipped import find_study
from counterpoint.training import TrainingResult

from ..conftest import learned

METRICS = {"fad_musicnn": "lower", "tag_match_musicnn": "higher", "sig_flatness": "neither"}
PARADIGMS = {"keys": ["paradigm"], "values": {"ar": "autoregressive", "fm": "flow_matching"}}
TABLE_2 = {
    "paradigm": PARADIGMS,
    "latent": {"values": {"enc": "encodec", "vae": "vae"}},
    "rate": {"values": {"25hz": "25hz", "50hz": "50hz", "100hz": "100hz"}},
}
FIG_4 = {
    "rate": {"values": {"25hz": "25hz", "50hz": "50hz"}},
    "duration": {"keys": ["prompts.duration_s"], "values": {"0.5s": 0.5, "1s": 1.0, "2s": 2.0}},
}
FIG_8 = {
    "paradigm": PARADIGMS,
    "batch": {"values": {f"b{size}": {"training.batch_size": size} for size in (8, 16, 32, 64)}},
    "segment": {"keys": ["training.segment_s"], "values": {"10s": 10.0, "30s": 30.0}},
}
TABLE_2_VALUES = {
    **{"ar_enc_25hz": 5.0, "fm_enc_25hz": 8.0, "fm_vae_25hz": 9.0},
    **{"ar_enc_50hz": 8.0, "fm_enc_50hz": 7.0, "fm_vae_50hz": 12.0},
    **{"ar_enc_100hz": 9.0, "fm_enc_100hz": 9.5, "fm_vae_100hz": 14.0},
}
FIG_8_VALUES = {
    f"{paradigm}_b{batch}_{segment}s": start - 2 * batch**0.5 + segment / 10
    for (paradigm, start), batch, segment in product((("ar", 30), ("fm", 20)), (8, 16, 32, 64), (10, 30))
}
MEASURES = {"si_snr_db": 3.0, "log_spectral_distance_db": 11.0}


class Made:
    """A finished grid, made up.

    Attributes:
        values: the primary metric by system; a cell that is not there scores 10.
        blurred: pairs of systems whose differences have not passed their tests.
    """

    def __init__(
        self,
        axes: Mapping[str, Any],
        *,
        codec: str = "pocket",
        values: Mapping[str, float] | None = None,
        blurred: Sequence[tuple[str, str]] = (),
        seeds: Sequence[int] = (),
        outside: Sequence[str] = (),
        metrics: Mapping[str, str] = METRICS,
        primary: str = "fad_musicnn",
        effect: float | None = None,
        **changes: Any,
    ):
        config = {"kind": "grid", "axes": axes, "codec": codec, "seeds": list(seeds), "examples": 2, **changes}
        config |= {"evaluation": {"primary": primary}, "systems": {name: f"/elsewhere/{name}" for name in outside}}
        config |= {"training": {"backbone": "debug", "steps": 300, "batch_size": 8, "segment_s": 5}}
        config.setdefault("prompts", {"duration_s": 1.0})
        self.study = GridStudy.model_validate(config)
        self.values, self.blurred, self.metrics = values or {}, blurred, metrics
        self.outside, self.effect, self.cells = outside, effect, self.study.cells()
        self.lengths = {cell.duration: cell.study.prompts.duration_s for cell in self.cells}

    def report(self, root: Path, *, clips: bool = False) -> Report:
        return self.study.report(self.results(root, clips=clips))

    def suffix(self, length: str) -> str:
        return f"_{length}" if len(self.lengths) > 1 else ""

    def of(self, length: str) -> list[Cell]:
        return [cell for cell in self.cells if cell.duration == length]

    def results(self, root: Path, *, clips: bool = False) -> Results:
        models = {f"train_{cell.model}": cell for cell in self.cells}
        runs = {f"{step}{end}": cell for step, cell in models.items() for end in self._runs()}
        folders = {key: root / key for length in self.lengths for key in self._clips(length)}
        examples = [self._example(length, number) for length in self.lengths for number in range(2 if clips else 0)]
        for example in examples:
            for number, path in enumerate(example.clips.values()):
                tune = 0.2 * np.sin(np.arange(8000) * (0.05 + 0.001 * number))
                save_audio(root / path, tune.astype(np.float32), sample_rate=32_000)
        return Results(
            study=StudyInfo(name="made", kind="grid", config={"kind": "grid"}),
            provenance=Provenance(steps={}, machine="a machine", versions={"counterpoint": "1.0"}),
            systems={key: self._system(key) for key in folders},
            examples=tuple(examples),
            music={"data": Music(kind="composed", fingerprint="f", rows={"train": 9}, hours={"train": 1.0})},
            prompts={f"prompts_{length}": self._prompts(length) for length in self.lengths},
            latents={f"encode_{cell.codec}": latents(cell.codec) for cell in self.cells},
            reconstructions={f"reconstruct_{c.codec}_{c.duration}": self._kept(c.codec) for c in self.cells},
            models={step: model(cell.study.paradigm) for step, cell in runs.items()},
            learned={f"examine_{step}": learned(cell.study.paradigm) for step, cell in runs.items()},
            generations={f"generate_{cell.system}": generation(cell.study.paradigm) for cell in self.cells},
            evaluations={f"evaluate_{length}": self._evaluation(length) for length in self.lengths},
        ).at(root)

    def _runs(self) -> list[str]:
        return ["", *(f"@{seed}" for seed in self.study.seeds[1:])]

    def _clips(self, length: str) -> list[str]:
        """Keys of systems that have clips of one length."""
        codecs = [f"reconstruction_{codec}_latents" for codec in dict.fromkeys(c.codec for c in self.of(length))]
        shared = [f"{key}{self.suffix(length)}" for key in ("ground_truth", *codecs, *self.outside)]
        return [*shared, *(cell.system for cell in self.of(length))]

    def _system(self, key: str) -> System:
        if key.startswith("ground_truth"):
            return System(key=key, name="Ground truth", origin="truth")
        if key.startswith("reconstruction"):
            return System(key=key, name=key, origin="codec")
        is_outside = any(key.startswith(name) for name in self.outside)
        return System(key=key, name=key, origin="outside" if is_outside else "model")

    def _example(self, length: str, number: int) -> Example:
        keys = [key for key in self._clips(length) if not key.startswith("reconstruction")]
        return Example(
            id=f"{length}-{number}",
            prompts=f"prompts_{length}",
            caption=f"Song {number} & <b>more</b>",
            clips={key: f"{key}/{length}-{number}.wav" for key in keys},
        )

    def _prompts(self, length: str) -> Prompts:
        windows = (
            Window(id=f"{length}-{i}", row=f"{i}", group="", split="test", start_s=0.0, caption="A song")
            for i in range(8)
        )
        return Prompts(duration_s=self.lengths[length], windows=tuple(windows))

    def _kept(self, codec: str) -> Reconstruction:
        return Reconstruction(views={"latents": MEASURES, **({} if "vae" in codec else {"codes": MEASURES})})

    def _evaluation(self, length: str) -> Evaluation:
        own = self.of(length)
        values = {cell.system: self.values.get(cell.system, 10.0) for cell in own}
        values |= {"ground_truth": 2.0, **{name: self.values.get(name, 7.0) for name in self.outside}}
        for codec in dict.fromkeys(cell.codec for cell in own):
            values |= {f"reconstruction_{codec}_latents": 3.0, f"reconstruction_{codec}_codes": 4.0}
        scores = {
            system: {
                name: score(name, better, value if better == "lower" else 1 / value)
                for name, better in self.metrics.items()
            }
            for system, value in values.items()
        }
        pairs = [
            (one.system, other.system)
            for one, other in combinations(own, 2)
            if sum(one.labels[key] != other.labels[key] for key in one.labels) == 1
        ]
        pairs += [(cell.system, name) for cell in own for name in self.outside]
        return Evaluation(
            n=8,
            seed=0,
            metrics=tuple(MetricInfo(name, f"what {name} is", "", better) for name, better in self.metrics.items()),  # pyright: ignore
            scores=scores,
            floors={},
            differences=tuple(self._difference(scores, *pair, name) for pair in pairs for name in self.metrics),
            ids={},
            notes=("A remark.",),
        )

    def _difference(
        self, scores: Mapping[str, Mapping[str, Score]], first: str, second: str, metric: str
    ) -> Difference:
        value = scores[first][metric].value - scores[second][metric].value
        clear = value and (first, second) not in self.blurred
        reach, p = (0.5 * abs(value), 0.001) if clear else (2 * abs(value) + 0.1, 0.5)
        return Difference(metric, first, second, value, value - reach, value + reach, p, p, 8, True, effect=self.effect)


def score(name: str, better: str, value: float) -> Score:
    return Score(name, value, 0.9 * value, 1.1 * value, 8, "", better)  # pyright: ignore[reportArgumentType]


def latents(codec: str) -> LatentSpec:
    sizes = {"num_codebooks": 4, "codebook_size": 64, "latent_dim": 8}
    return LatentSpec(codec=codec, sample_rate=32_000, frame_rate=25.0, fingerprint="c", **sizes)


def model(paradigm: str) -> Model:
    costs = {"parameters": 1_234_567, "steps": 300, "examples": 2400, "audio_s": 12_000.0, "wall_s": 60.0}
    state = {"loss": 2.5, "valid_loss": 2.5, "peak_memory_bytes": 2**30, "device": "cpu", "processes": 1}
    return Model(
        config=TrainingConfig(model=ModelConfig(paradigm=paradigm), data=DataConfig(dataset="data")),
        result=TrainingResult(**costs, **state),  # pyright: ignore[reportArgumentType]
        curve=Curve(train=tuple((step, 3.0 - step / 200) for step in (1, 100, 300)), valid=((300, 2.5),)),
    )


def generation(paradigm: str) -> Generation:
    report = GenerationReport(paradigm, 8, 8.0, 4.0, 25, 50)
    return Generation(report=report)


def table_2(**changes: Any) -> Made:
    given = {"codec": "pocket_{latent}_{rate}", "x": "rate", "paper": "table_2", "values": TABLE_2_VALUES}
    given |= {"without": [{"paradigm": "ar", "latent": "vae"}], "blurred": [("ar_enc_100hz", "fm_enc_100hz")]}
    return Made(TABLE_2, **{**given, **changes})


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return table_2(effect=0.8).report(tmp_path_factory.mktemp("study"), clips=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, report: Report) -> Path:
    return write_report(report, tmp_path_factory.mktemp("report")).parent


def groups_of(report: Report, look: SimpleNamespace) -> dict[str, list[str]]:
    """Labels of the rows of the table of scores, by group."""
    found: dict[str, list[str]] = {}
    for row in look.table(report, "grid").rows:
        found.setdefault(row.group, []).append(row.label)
    return found


def curves_of(report: Report, look: SimpleNamespace) -> Charts:
    [charts] = look.section(report, "curves").blocks
    return charts


def test_the_verdict_says_where_each_paradigm_is_better(report: Report) -> None:
    assert report.title == "Auto-regression or flow matching, for each latent and frame rate?"
    assert report.verdict.sentence == (
        "On this data and budget, with EnCodec, judged by fad_musicnn, auto-regression does better than flow matching "
        "at 25 Hz, but flow matching does better than auto-regression at 50 Hz; no difference between the two could be "
        "shown at 100 Hz."
    )
    sizes, others, latent, rate, best = report.verdict.points
    assert "25 Hz \u22123.0 [\u22124.5, \u22121.5]; 50 Hz 1.0 [0.5, 1.5]" in sizes
    assert others.startswith("Other metrics: tag_match_musicnn favours auto-regression at 25 Hz, favours flow matching")
    assert latent == "Latent: EnCodec does better than VAE at all 3 settings."
    assert "25 Hz does better than 50 Hz (AR, EnCodec; FM, VAE);" in rate
    assert best == (
        "AR, EnCodec, 25 Hz has the lowest fad_musicnn, 5.0 [4.5, 5.5]; real held-out music scores 2.00 [1.80, 2.20]."
    )


def test_tests_that_show_nothing_are_not_made_to_say_more(tmp_path: Path, look: SimpleNamespace) -> None:
    pairs = [(f"ar_enc_{rate}hz", f"fm_enc_{rate}hz") for rate in (25, 50, 100)]
    found = table_2(blurred=pairs).report(tmp_path)
    assert found.verdict.sentence.endswith(
        "no difference between auto-regression and flow matching could be shown at all 3 settings."
    )
    rows = [row for row in look.table(found, "grid").rows if row.group == "25 Hz"]
    assert not any(cell.state == "best" for row in rows for place in row.places for cell in place)


def test_rows_are_grouped_as_in_the_paper_with_its_numbers_beside_ours(report: Report, look: SimpleNamespace) -> None:
    groups = groups_of(report, look)
    assert list(groups) == ["25 Hz", "50 Hz", "100 Hz", "Floors"]
    assert groups["25 Hz"] == ["AR, EnCodec", "FM, EnCodec", "FM, VAE"], "auto-regression has no VAE"
    row = next(row for row in look.table(report, "grid").rows if (row.group, row.label) == ("100 Hz", "FM, VAE"))
    ours, theirs = row.places[:2], row.places[2:]
    assert [place[0].numbers[0] for place in ours] == [14.0, pytest.approx(1 / 14)]
    assert [place[0].text for place in theirs] == ["1.02", "0.37", "7.37", "5.89", "7.10"]


def test_a_line_runs_along_the_axis_of_curves_beside_what_real_music_scores(
    report: Report, look: SimpleNamespace
) -> None:
    chart = curves_of(report, look).charts[0]
    assert chart.x_name == "frame rate" and chart.log[0]
    assert chart.ticks == [(25.0, "25 Hz"), (50.0, "50 Hz"), (100.0, "100 Hz")]
    lines = {line.name: [(point.x, point.y) for point in line.points] for line in chart.lines if line.kind == "marks"}
    assert lines == {
        "AR, EnCodec": [(25.0, 5.0), (50.0, 8.0), (100.0, 9.0)],
        "FM, EnCodec": [(25.0, 8.0), (50.0, 7.0), (100.0, 9.5)],
        "FM, VAE": [(25.0, 9.0), (50.0, 12.0), (100.0, 14.0)],
    }
    marks = {line.name: line.mark for line in chart.lines if line.kind == "marks"}
    assert marks["FM, EnCodec"].shape == marks["FM, VAE"].shape != marks["AR, EnCodec"].shape
    assert marks["FM, EnCodec"].fill != marks["FM, VAE"].fill
    levels = [(line.kind, line.name, line.points[0].y) for line in chart.lines if line.kind != "marks"]
    assert levels == [*(("limit", "", y) for y in (4.0, 3.0, 3.0)), ("level", "Ground truth", 2.0)]


def test_differences_are_told_an_axis_at_a_time_with_their_effect(report: Report, look: SimpleNamespace) -> None:
    paradigm, latent, rate = (look.table(report, f"differences_{key}") for key in ("paradigm", "latent", "rate"))
    assert [row.label for row in paradigm.rows] == [f"AR \u2212 FM (EnCodec, {rate} Hz)" for rate in (25, 50, 100)]
    assert [row.places[0][0].state for row in paradigm.rows] == ["", "", "open"]
    assert paradigm.rows[0].places[0][0].note == "p 0.001, effect 0.80"
    assert len(latent.rows) == 3 and len(rate.rows) == 9


def test_the_page_is_whole_and_leads_nowhere_else(folder: Path, look: SimpleNamespace) -> None:
    page = look.check(folder)
    assert page.count("<audio") == 2 * (1 + 9), "the ground truth and every cell of both prompts"
    assert "&lt;b&gt;more" in page and page.count('class="star"') == 2 and "The paper concludes" in page
    assert "/elsewhere/" not in page, "no place of this machine is named"
    scores = list(csv.DictReader(io.StringIO((folder / "tables" / "scores.csv").read_text())))
    assert {(row["system"], row["metric"], row["value"]) for row in scores} >= {("fm_vae_50hz", "fad_musicnn", "12.0")}
    assert re.search(
        r"\b7(\.0+)? \[6[.\d]*, [78][.\d]*\] \*", (folder / "tables" / "grid.md").read_text(encoding="utf-8")
    )


def test_clips_of_several_lengths_share_a_page_and_no_key(tmp_path: Path, look: SimpleNamespace) -> None:
    values = {f"{rate}hz_{clip}s": 5 + rate / 10 + clip for rate in (25, 50) for clip in (0.5, 1, 2)}
    found = Made(FIG_4, codec="pocket_{rate}", x="duration", values=values, outside=["mine"]).report(
        tmp_path, clips=True
    )
    assert found.title == "What changes with frame rate and duration?"
    assert found.verdict.sentence == (
        "On this data and budget, judged by fad_musicnn: 25 Hz does better than 50 Hz at all 3 settings."
    )
    assert any(point.startswith("Duration: not tested,") for point in found.verdict.points)
    assert any("25 Hz, 0.5 s has the lowest fad_musicnn at 0.5 s" in point for point in found.verdict.points)
    groups = groups_of(found, look)
    assert {"25 Hz", "50 Hz", "Outside", "Floors, 0.5 s", "Floors, 1 s", "Floors, 2 s"} <= set(groups)
    assert groups["25 Hz"] == ["0.5 s", "1 s", "2 s"]
    levels = {line.name: len(line.points) for line in curves_of(found, look).charts[0].lines if line.kind == "level"}
    assert levels == {"Ground truth": 3, "Mine": 3}
    page = look.check(write_report(found, tmp_path / "report").parent)
    assert page.count("<audio") == 3 * 2 * 4, "truth, two cells and the outside system"


def test_many_settings_are_counted_and_sizes_compared_as_a_whole(tmp_path: Path, look: SimpleNamespace) -> None:
    found = Made(FIG_8, x="batch", values=FIG_8_VALUES).report(tmp_path)
    assert found.verdict.sentence.endswith("flow matching does better than auto-regression at all 8 settings.")
    assert "Batch size: in 24 of 24 tests the larger does better." in found.verdict.points
    assert "Segment: 10 s does better than 30 s at all 8 settings." in found.verdict.points
    assert list(groups_of(found, look)) == ["8", "16", "32", "64", "Floors"]
    assert "The paper" not in {column.over for column in look.table(found, "grid").columns}


def test_every_run_of_a_model_shows_its_cost_and_its_curve(tmp_path: Path, look: SimpleNamespace) -> None:
    found = table_2(seeds=[0, 1, 2]).report(tmp_path)
    rows = look.texts(look.table(found, "training"))
    assert [*rows][:3] == [f"AR, EnCodec, 25 Hz, run {run}" for run in (1, 2, 3)] and len(rows) == 3 * 9
    assert rows["AR, EnCodec, 25 Hz, run 1"][:2] == ["1.23 M", "300"]
    drawn = look.texts(look.table(found, "generation"))["AR, EnCodec, 25 Hz"]
    assert drawn[:3] == ["2.00", "0.50 s", "2.00 \u00d7"] and drawn[4:6] == ["25", "50"]
    [losses] = look.section(found, "training").blocks
    assert len(losses.charts) == 27
    assert "3 times" in look.notes(found) and "training seed" in look.notes(found)
    assert "trained once" in look.notes(table_2().report(tmp_path))


def test_a_model_that_several_cells_share_is_told_once(tmp_path: Path, look: SimpleNamespace) -> None:
    steps = {"keys": ["sampling.steps"], "values": {"euler50": 50, "euler10": 10}}
    found = Made({"rate": FIG_4["rate"], "steps": steps}, codec="pocket_{rate}", x="steps").report(tmp_path)
    assert [*look.texts(look.table(found, "training"))] == ["25 Hz", "50 Hz"]
    assert [*look.texts(look.table(found, "generation"))] == [
        f"{rate} Hz, Euler {steps}" for rate in (25, 50) for steps in (50, 10)
    ]
    assert curves_of(found, look).charts[0].ticks == [(50.0, "Euler 50"), (10.0, "Euler 10")]


def test_outside_systems_stand_beside_the_cells(tmp_path: Path, look: SimpleNamespace) -> None:
    steps = {"keys": ["sampling.steps"], "values": {"euler10": 10, "euler50": 50}}
    made = Made({"steps": steps}, values={"euler10": 12.0, "euler50": 6.0}, outside=["mine"])
    found = made.report(tmp_path, clips=True)
    assert found.title == "What changes with steps?"
    assert "Compared with mine by fad_musicnn, the 2 cells are 1 better and 1 worse." in found.verdict.points
    assert len(look.table(found, "differences_outside").rows) == 2
    assert "mine" in groups_of(found, look)["Outside"]
    page = look.check(write_report(found, tmp_path / "report").parent)
    assert "An outside system: clips that answer the prompts." in page


def test_paradigms_alone_are_compared_in_plain_words(tmp_path: Path, look: SimpleNamespace) -> None:
    found = Made({"paradigm": PARADIGMS}, values={"ar": 5.0, "fm": 8.0}).report(tmp_path)
    assert found.title == "Auto-regression or flow matching?"
    assert found.verdict.sentence.startswith("On this data and budget: auto-regression does better than flow matching")
    assert "5.0 [4.5, 5.5] against 8.0 [7.2, 8.8] (real music: 2.00" in found.verdict.sentence
    assert all(look.table(found, name).rows for name in ("scores", "differences"))
    assert any(point.startswith("Cost of auto-regression and flow matching:") for point in found.verdict.points)


def test_another_judge_decides_where_the_primary_is_absent_and_says_so(tmp_path: Path, look: SimpleNamespace) -> None:
    found = table_2(primary="fad_vggish").report(tmp_path)
    assert (
        "judged by fad_musicnn (fad_vggish, which was chosen for the verdict, is absent), auto-regression"
        in found.verdict.sentence
    )
    assert "fad_vggish, is absent; fad_musicnn decides instead" in look.notes(found)
    silent = table_2(metrics={"sig_flatness": "neither"}).report(tmp_path)
    assert silent.verdict.sentence.startswith("No metric with a better direction")


def test_the_papers_own_metrics_are_told_from_stand_ins(tmp_path: Path, look: SimpleNamespace) -> None:
    assert "`counterpoint metrics fetch` gets them" in look.notes(table_2().report(tmp_path))
    published = {"fad_vggish": "lower", **METRICS}
    notes = look.notes(table_2(metrics=published, primary="fad_vggish").report(tmp_path))
    assert "stand-ins are used" not in notes and "fad_vggish are the paper's own metrics" in notes


def test_labels_are_told_as_people_would() -> None:
    axes = {
        "batch": {"keys": ["training.batch_size"], "values": {"b8": 8, "b16": 16}},
        "duration": {"keys": ["prompts.duration_s"], "values": {"2.5s": 2.5, "5s": 5}},
        "size": {"keys": ["training.backbone"], "values": {"pocket": "pocket", "debug": "debug"}},
        "mixed": {"values": {"b8": {"training.batch_size": 8}, "other": {"training.steps": 9}}},
        "latent": {"values": {"enc": "rvq", "vae": "kl"}},
    }
    study = GridStudy.model_validate({"kind": "grid", "axes": axes, "codec": "pocket_{latent}"})
    batch, duration, size, mixed, latent = varied_axes(study, study.cells())
    assert [phrase(batch, label) for label in batch.labels] == ["batch size 8", "batch size 16"]
    assert batch.numbers == {"b8": 8.0, "b16": 16.0} and batch.sets == ["training.batch_size"]
    assert [*duration.labels.values()] == ["2.5 s", "5 s"] and duration.numbers["2.5s"] == 2.5
    assert [*size.labels.values()] == ["pocket", "debug"] and size.numbers == {}
    assert mixed.numbers == {} and mixed.sets == ["training.batch_size", "training.steps"]
    assert [*latent.labels.values()] == ["RVQ", "KL"]


def test_codecs_that_make_phases_anew_have_no_si_snr(tmp_path: Path, look: SimpleNamespace) -> None:
    made = table_2()
    results = made.results(tmp_path)
    anew = Reconstruction(views={view: {"log_spectral_distance_db": 11.0} for view in ("latents", "codes")})
    one, *others = results.reconstructions

    def codecs(*names: str) -> Any:
        changed = {**results.reconstructions, **dict.fromkeys(names, anew)}
        return look.table(made.study.report(results.model_copy(update={"reconstructions": changed})), "codecs")

    some = codecs(one)
    assert some.columns[0].title.startswith("SI-SNR") and [not row.places[0] for row in some.rows].count(True) == 1
    assert not any("SI-SNR" in column.title for column in codecs(one, *others).columns)


@pytest.mark.slow
def test_an_outside_system_answers_prompts_of_every_length(tmp_path: Path) -> None:
    for number in range(8):
        save_audio(tmp_path / "mine" / f"{number}.wav", np.zeros(800, np.float32), sample_rate=32_000)
    study = load_study(find_study("fig4"), overrides=[f"systems.mine={tmp_path / 'mine'}"], scale="debug")
    steps = study.plan()
    assert {"generate_mine_0.5s", "generate_mine_1s"} <= steps.keys()
    for length in ("0.5s", "1s"):
        assert steps[f"evaluate_{length}"].inputs["generate_mine"].key == steps[f"generate_mine_{length}"].key  # pyright: ignore
