"""The quality of datasets: samples, spreads, tests between datasets, and the page beside the paper's table."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from counterpoint.audio import load_audio, save_audio
from counterpoint.claims.paper import paper_scores
from counterpoint.config import UserError, read_json
from counterpoint.data.layout import save_dataset
from counterpoint.metrics import Evaluation, MetricInfo, Score
from counterpoint.report import Dots, Table
from counterpoint.report.dots import dots
from counterpoint.results.parts import Sample, Window
from counterpoint.results.records import Provenance, StudyInfo
from counterpoint.results.schema import Results
from counterpoint.study import StudyResult, load_study, run_study
from counterpoint.study.kinds.dataset import DatasetStudy
from counterpoint.study.pages.dataset import OURS, DatasetPage, _ends_and_between, _measures, _paper
from counterpoint.study.settings import SampleConfig
from counterpoint.study.shipped import find_study
from counterpoint.study.steps.sample import holdings, sample_clips
from counterpoint.study.work import Work, in_order

RATE = 32_000
CAPTIONS = ("slow piano", "fast techno with drums", "a quiet flute", "loud metal guitar", "")


def dataset(folder: Path, *, rows: int, seconds: float = 1.2, silent: int = 0, level: float = 0.2) -> Path:
    """Tunes of `rows` tracks, two of three in the training split; the first `silent` ones are not heard."""
    made: dict[str, list[dict[str, Any]]] = {"train": [], "valid": [], "test": []}
    for index in range(rows):
        time = np.arange(round(seconds * RATE)) / RATE
        tune = np.sin(2 * np.pi * (180 + 37 * index) * time) * (1 - time * 8 % 1)
        save_audio(
            folder / "audio" / f"{index}.wav", (tune * level * (index >= silent)).astype(np.float32), sample_rate=RATE
        )
        row = {"id": f"t{index}", "audio": f"audio/{index}.wav", "caption": CAPTIONS[index % 5], "duration_s": seconds}
        made[("train", "train", "valid", "test")[index % 4]].append(
            {**row, "sample_rate": RATE, "channels": 1, "group": f"g{index}"}
        )
    save_dataset(folder, made, info={"name": folder.name, "kind": "ingested"})
    return folder


def drawn(folder: Path, music: Path, **config: Any) -> dict[str, Any]:
    folder.mkdir(parents=True)
    sample_clips(Work(folder, SampleConfig.model_validate({"clips": 8, "duration_s": 1.0, **config}), {"data": music}))
    return read_json(folder / "sample.json")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    folder = tmp_path_factory.mktemp("datasets")
    one, other = dataset(folder / "one", rows=18), dataset(folder / "other", rows=17, level=0.05)
    return run_study(
        "appendix_a",
        data=other,
        out=folder / "out",
        store=folder / "store",
        scale="debug",
        overrides=["composed=false", f"datasets.one={one}", "sample.duration_s=1", "examples=2"],
        say=lambda _: None,
    )


@pytest.fixture(scope="module")
def page(finished: StudyResult) -> str:
    return finished.report.read_text()


def test_each_dataset_is_sampled_and_all_are_judged_together(finished: StudyResult) -> None:
    assert set(finished.steps) == {"sample_one", "sample_other", "judge"}
    evaluation = read_json(finished.steps["judge"].folder / "evaluation.json")
    assert {(item["first"], item["second"]) for item in evaluation["differences"]} == {("other", "one")}
    assert {label: len(ids) for label, ids in evaluation["ids"].items()} == {"one": 8, "other": 8}


def test_means_and_deviations_are_those_of_the_clips(finished: StudyResult) -> None:
    evaluation = read_json(finished.steps["judge"].folder / "evaluation.json")
    page = DatasetPage(planned(), finished.results)
    spreads = page.spreads
    assert "sig_centroid_hz" in spreads and not any("fad" in name or "kad" in name for name in spreads)
    for name, of_metric in spreads.items():
        for label, found in of_metric.items():
            values = [value for value in evaluation["scores"][label][name]["per_clip"] if value is not None]
            score = page.judged.score(name, label)
            assert score and score.value == pytest.approx(statistics.fmean(values)) and list(found.clips) == values
            assert found.deviation == pytest.approx(np.std(values, ddof=1))
            assert score.low <= score.value <= score.high
    lines = (finished.report.parent / "tables" / "measures.csv").read_text().splitlines()
    assert lines[0] == "dataset,metric,better,mean,deviation,low_95,high_95,n"
    assert len(lines) == 1 + sum(len(of_metric) for of_metric in spreads.values())


def test_the_papers_table_stands_beside_ours(page: str) -> None:
    for row in paper_scores("appendix_a").rows:
        assert f"{row.name}, the paper" in page
        assert f"{row.scores['ce']:.2f} ± {row.scores['ce_sd']:.2f}" in page
    for name in ("ce_audiobox", "pq_audiobox", "clap_laion"):
        assert f">{name}<" in page.replace("<wbr>", "")
    assert "How good is the music?" in page


def test_what_is_missing_is_said_with_its_remedy(finished: StudyResult, page: str) -> None:
    if any("metrics fetch" in note for note in finished.results.evaluations["judge"].notes):
        assert "The paper&#39;s CE, PQ and CLAP could not all be measured" in page
        assert "counterpoint metrics fetch" in page


def test_the_page_is_whole(finished: StudyResult, page: str) -> None:
    folder = finished.report.parent
    for link in re.findall(r'(?:src|href)="([^"#:]+)"', page):
        assert (folder / link).is_file(), link
    assert page.count('data-player="') == 4  # two of each dataset
    assert page.count("Lowest:") == page.count("Highest:") >= 2
    assert set(DatasetPage(planned(), finished.results).spreads["sig_loudness"]) == {"one", "other"}


def test_the_sample_is_random_and_repeats(tmp_path: Path) -> None:
    music = dataset(tmp_path / "music", rows=24)
    first = drawn(tmp_path / "a", music)
    assert drawn(tmp_path / "b", music) == first
    rows = [[window["row"] for window in sample["judged"]] for sample in (first, drawn(tmp_path / "c", music, seed=1))]
    assert rows[0] != rows[1]
    judged, others = ({window["row"] for window in first[which]} for which in ("judged", "others"))
    assert len(judged) == len(others) == 8 and not judged & others
    assert {window["split"] for window in first["judged"]} > {"train"}
    for window in first["judged"]:
        audio, _ = load_audio(tmp_path / "a" / "clips" / f"{window['id']}.wav", sample_rate=RATE)
        assert len(audio) == RATE


def test_every_track_is_heard_once_before_any_twice(tmp_path: Path) -> None:
    found = drawn(tmp_path / "a", dataset(tmp_path / "music", rows=10, seconds=3.2))
    assert len({window["row"] for window in found["judged"]}) == 8
    assert len(found["judged"]) + len(found["others"]) == 16


def test_silence_is_left_out_and_counted(tmp_path: Path) -> None:
    found = drawn(tmp_path / "a", dataset(tmp_path / "music", rows=16, silent=3))
    assert found["holds"]["Silent clips, left out"] == "3 of 16"
    assert not {window["row"] for window in (*found["judged"], *found["others"])} & {"t0", "t1", "t2"}
    with pytest.raises(UserError, match="has 6 clips of 1 s with sound, and 8 or more"):
        drawn(tmp_path / "b", dataset(tmp_path / "quiet", rows=9, silent=3))


def test_what_a_dataset_holds() -> None:
    rows = [
        {"caption": caption, "duration_s": 1800.0} for caption in ("Slow piano", "slow, slow piano", "", "Slow piano")
    ]
    found = holdings(rows)
    assert found["Tracks"] == "4, 2 h"
    assert found["With a caption"] == "75%" and found["Captions that differ"] == "67%"
    assert found["Words that differ"] == "2"
    assert "Words in a caption" not in holdings([{"caption": "", "duration_s": 1.0}])


def judged(values: dict[str, dict[str, Sequence[float]]]) -> Any:
    """Results of a study whose judges gave these values to the clips of each dataset."""
    names = [name for of_dataset in values.values() for name in of_dataset]
    infos = {name: MetricInfo(name, "", "", "higher") for name in ("ce_audiobox", "tag_match_musicnn", *names)}
    scores = {
        label: {name: score_of(name, clips) for name, clips in of_dataset.items()}
        for label, of_dataset in values.items()
    }
    evaluation = Evaluation(8, 0, (*infos.values(),), scores, {}, (), {}, ())
    windows = tuple(Window(id=f"w{index}", row=f"r{index}") for index in range(8))
    samples = {
        f"sample_{label}": Sample(duration_s=1.0, judged=windows, others=(), holds={}, info={}) for label in values
    }
    return Results(
        study=StudyInfo(name="x", kind="dataset", config={}),
        provenance=Provenance(steps={}, machine="", versions={}),
        samples=samples,
        evaluations={"judge": evaluation},
    )


def score_of(name: str, clips: Sequence[float]) -> Score:
    mean = statistics.fmean(clips)
    return Score(name, mean, mean - 0.1, mean + 0.1, len(clips), "", "higher", per_clip=tuple(clips))


@pytest.mark.parametrize(
    ("mean", "deviation", "text"),
    [
        (7.2312, 0.5721, "7.23 ± 0.57"),
        (6.14, 1.4391, "6.14 ± 1.44"),
        (1812.3, 709.0, "1812 ± 709"),
        (-20.0, 0.0, "\u221220.0 ± 0.0"),
    ],
)
def test_a_spread_reads_like_the_papers(mean: float, deviation: float, text: str) -> None:
    clips = (mean - deviation, mean, mean + deviation)
    page = DatasetPage(planned(), judged({"a": {"ce_audiobox": clips}}))
    assert page.text("ce_audiobox", "a").replace("\xa0", " ") == text
    assert page.text("pq_audiobox", "a") == page.text("ce_audiobox", "b") == ""


def test_examples_go_from_the_lowest_to_the_highest() -> None:
    ranked: Any = list(range(11))
    assert _ends_and_between(ranked, 3) == [("Lowest", 0), ("Middle", 5), ("Highest", 10)]
    assert [item for _, item in _ends_and_between(ranked, 5)] == [0, 2, 5, 8, 10]
    assert _ends_and_between(ranked, 1) == [("Middle", 5)]
    assert _ends_and_between(ranked, 0) == _ends_and_between([], 3) == []


def test_the_chart_shows_every_clip_and_the_deviation() -> None:
    values = {"A & B": {"pq_audiobox": (0.5, 1.0, 1.5)}, "B": {"pq_audiobox": (1.0, 2.0, 3.0)}}
    chart, _ = _measures(DatasetPage(planned(), judged(values))).blocks
    assert isinstance(chart, Dots)
    picture = dots(chart, chart.metrics[0])
    assert picture.count('class="clip') == 6
    assert "A &amp; B: 1.00" in picture and "deviation between clips 0.50" in picture
    widths = [float(width) for width in re.findall(r'<rect class="spread"[^>]* width="([\d.]+)"', picture)]
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.02)


def test_published_measures_stand_in_the_papers_columns() -> None:
    values = {"A": {"ce_audiobox": (6.6, 7.1, 7.6)}, "B": {"tag_match_musicnn": (0.1, 1.0, 1.9)}}
    table = _paper(DatasetPage(planned(), judged(values))).blocks[0]
    assert isinstance(table, Table)
    assert [column.exact or column.title for column in table.columns] == [*OURS.values(), "tag_match_musicnn"]
    first, second = (
        [[cell.text.replace("\xa0", " ") for cell in place] for place in row.places] for row in table.rows[-2:]
    )
    assert first == [["7.10 ± 0.50"], [], [], []] and second == [[], [], [], ["1.00 ± 0.90"]]
    assert all(len(row.places) == 4 for row in table.rows) and all(row.tone == "theirs" for row in table.rows[:4])


def planned(**changes: Any) -> DatasetStudy:
    config = load_study(find_study("appendix_a"), scale="debug")
    assert isinstance(config, DatasetStudy)
    return config.model_copy(update=changes)


def test_the_users_own_dataset_joins_the_others_under_its_folders_name(tmp_path: Path) -> None:
    own, more = dataset(tmp_path / "my music", rows=9), dataset(tmp_path / "more", rows=9)
    steps = {step.name for step in in_order(planned(datasets={"more": more}).plan(dataset=own).values())}
    assert steps == {"data", "sample_composed", "sample_more", "sample_my-music", "judge"}


def test_wrong_datasets_are_named_with_a_remedy(tmp_path: Path) -> None:
    own = dataset(tmp_path / "music", rows=9)
    with pytest.raises(UserError, match="There is no dataset to evaluate: give one with --data"):
        planned(composed=False).plan()
    with pytest.raises(UserError, match="Two datasets are named 'music'"):
        planned(datasets={"music": own}).plan(dataset=own)
    with pytest.raises(UserError, match="is not a dataset"):
        planned(datasets={"none": tmp_path / "none"}).plan()


def test_a_dataset_more_draws_no_other_sample_anew(tmp_path: Path) -> None:
    own = dataset(tmp_path / "music", rows=9)
    alone, beside = (
        {step.name: step.key for step in in_order(planned().plan(dataset=given).values())} for given in (None, own)
    )
    assert alone["sample_composed"] == beside["sample_composed"] and alone["judge"] != beside["judge"]
