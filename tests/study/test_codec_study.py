"""A reconstruction study: tiny codecs of both kinds, and a codec added to it computes nothing but its own steps."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from counterpoint.claims.paper import paper_scores
from counterpoint.codec.spectrogram import SpectrogramNetwork, save_spectrogram
from counterpoint.codec.vae import build_vae, save_vae
from counterpoint.config import UserError
from counterpoint.config.codec_training import SpectrogramArchitecture
from counterpoint.study import StudyResult, load_study, run_study
from counterpoint.study.kinds.codecs import CodecStudy
from counterpoint.study.shipped import CONFIGS
from counterpoint.study.work import in_order
from untrained_codec import untrained_codec

STUDY = """
kind: codecs
compose: {clips: 20, duration_s: 4, seed: 3}
codecs: [CODECS]
clips: {clips: 8, duration_s: 2}
examples: 1
"""
VISQOL = f"#!{sys.executable}\nprint('MOS-LQO:\\t\\t4.125')\n"


def untrained_vae(folder: Path) -> Path:
    """50 Hz at 16 kHz: not the rate that everything is compared at."""
    torch.manual_seed(0)
    config = {
        "encoder_hidden_size": 8,
        "downsampling_ratios": [8, 8, 5],
        "channel_multiples": [1, 1, 1],
        "decoder_channels": 4,
        "decoder_input_channels": 4,
        "audio_channels": 1,
        "sampling_rate": 16_000,
    }
    save_vae(folder, config=config, state=build_vae(config).state_dict())
    return folder


def untrained_spectrogram(folder: Path) -> Path:
    torch.manual_seed(0)
    shape = SpectrogramArchitecture(width=16, fine_width=16, latent_dim=8, num_codebooks=2, codebook_size=16)
    network = SpectrogramNetwork(shape)
    network.codebooks.normal_()
    save_spectrogram(folder, architecture=shape, sample_rate=32_000, state=network.state_dict())
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("codecs")
    untrained_codec(folder / "small encodec")
    untrained_vae(folder / "vae")
    untrained_spectrogram(folder / "levels")
    return folder


@pytest.fixture(scope="module")
def path_without_visqol(folder: Path) -> Iterator[Path]:
    """The folder that the PATH leads to."""
    place = folder / "bin"
    place.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(place))
        yield place


def run(folder: Path, *codecs: str) -> StudyResult:
    named = ", ".join(f'"{folder / codec}"' for codec in codecs)
    (folder / "tiny.yaml").write_text(STUDY.replace("CODECS", named))
    return run_study(folder / "tiny.yaml", out=folder / "out", store=folder / "store", say=lambda _: None)


@pytest.fixture(scope="module")
def first(folder: Path, path_without_visqol: Path) -> StudyResult:
    return run(folder, "small encodec")


@pytest.fixture(scope="module")
def second(folder: Path, first: StudyResult) -> StudyResult:
    return run(folder, "small encodec", "vae")


def scores(result: StudyResult) -> dict[tuple[str, str], dict[str, str]]:
    with (result.report.parent / "tables" / "scores.csv").open() as file:
        return {(row["system"], row["metric"]): row for row in csv.DictReader(file)}


def test_a_rerun_does_nothing(folder: Path, first: StudyResult) -> None:
    assert not any(step.cached for step in first.steps.values())
    assert all(step.cached for step in run(folder, "small encodec").steps.values())


def test_a_codec_that_is_added_computes_its_own_steps_alone(first: StudyResult, second: StudyResult) -> None:
    fresh = {name for name, step in second.steps.items() if not step.cached}
    assert fresh == {"reconstruct_vae", "measure_vae", "judge_vae"}
    assert {"measure_small-encodec", "chance", "judge_original"} <= first.steps.keys()


def test_every_system_has_its_measures_with_intervals(second: StudyResult) -> None:
    found = scores(second)
    encodec, vae = "small-encodec", "vae"
    measured = {"si_snr", "log_mel_distance", "log_spectral_distance", "chroma_agreement", "fad_musicnn"}
    for system in (f"{encodec}_latents", f"{encodec}_codes", f"{vae}_latents"):
        assert measured <= {metric for name, metric in found if name == system}
    assert not any(name == f"{vae}_codes" for name, _ in found)
    assert {metric for name, metric in found if name == "chance"} >= {"chord_agreement_viterbi25", "onset_f1"}
    judged = {metric for name, metric in found if name == "ground_truth"}
    assert judged == {"fad_musicnn", "kad_musicnn", "tag_match_musicnn"}
    for row in found.values():
        assert float(row["low_95"]) <= float(row["value"]) <= float(row["high_95"])
        assert row["n"] == "8"
        if row["metric"].endswith(("agreement", "viterbi25", "f1")):
            assert float(row["low_95"]) >= 0 and float(row["high_95"]) <= 1
    original = float(found["ground_truth", "fad_musicnn"]["value"])
    assert original < float(found[f"{encodec}_codes", "fad_musicnn"]["value"])


def test_what_the_codecs_are_is_stated(second: StudyResult) -> None:
    encodec, vae = (
        json.loads((second.steps[f"reconstruct_{label}"].folder / "codec.json").read_text())
        for label in ("small-encodec", "vae")
    )
    assert encodec["bits_per_second"] == 4 * 25 * 5 and encodec["numbers_per_second"] == 25 * 8
    assert len(encodec["perplexity"]) == 4 and all(1 <= value <= 32 for value in encodec["perplexity"])
    assert set(encodec["speed"]) == {"encode", "decode_latents", "decode_codes"}
    assert vae["bits_per_second"] is None and vae["perplexity"] == [] and vae["frame_rate"] == 50
    assert all(speed > 0 for codec in (encodec, vae) for speed in codec["speed"].values())


def test_the_report_stands_alone_and_shows_the_paper_beside_ours(second: StudyResult) -> None:
    page = second.report.read_text(encoding="utf-8")
    links = [link for link in re.findall(r'(?:src|href)="([^"#]+)"', page) if not link.startswith("#")]
    assert len([link for link in links if link.startswith("audio/")]) == 1 + 2 + 1
    for link in links:
        assert (second.report.parent / link).is_file(), link
    with (second.report.parent / "tables" / "paper.csv").open() as file:
        found = {(row["row"], row["column"]): row for row in csv.DictReader(file)}
    assert found["SISNR, the paper", "100 Hz, VAE"]["value"] == "11.963"
    assert found["si_snr, ours", "25 Hz, EnCodec"]["note"] == "small-encodec"
    assert found["si_snr, ours", "50 Hz, VAE"]["note"] == "vae"
    assert ("si_snr, ours", "25 Hz, VAE") not in found
    assert not any(row == "visqol, ours" for row, _ in found) and "no program named visqol is on the PATH" in page


def test_a_codec_that_makes_phases_anew_has_no_si_snr_and_the_report_says_why(
    folder: Path, second: StudyResult
) -> None:
    result = run(folder, "vae", "levels")
    fresh = {name for name, step in result.steps.items() if not step.cached}
    assert fresh == {"reconstruct_levels", "measure_levels", "judge_levels"}
    found = scores(result)
    assert ("vae_latents", "si_snr") in found
    for view in ("latents", "codes"):
        assert (f"levels_{view}", "si_snr") not in found
        assert (f"levels_{view}", "log_mel_distance") in found
    tables = result.report.parent / "tables"
    (row,) = (line for line in (tables / "scores.md").read_text().splitlines() if "levels, unquantised" in line)
    assert row.split(" | ")[1] == "–", "si_snr"
    page = result.report.read_text(encoding="utf-8")
    assert "Synthesised phases" in page and "spectrogram codec, quantised at 25 Hz" in page
    assert "The paper's table has no column for levels" in page.replace("&#39;", "'").replace("&#x27;", "'")


def test_codecs_that_all_make_phases_anew_are_compared_without_si_snr(folder: Path, second: StudyResult) -> None:
    result = run(folder, "levels")
    assert not any(metric == "si_snr" for _, metric in scores(result))


def test_visqol_is_measured_once_its_program_is_there(
    folder: Path, second: StudyResult, path_without_visqol: Path
) -> None:
    program = path_without_visqol / "visqol"
    program.write_text(VISQOL)
    program.chmod(0o755)
    try:
        third = run(folder, "small encodec", "vae")
    finally:
        program.unlink()
    fresh = {name for name, step in third.steps.items() if not step.cached}
    assert fresh == {"visqol_small-encodec", "visqol_vae"}
    assert float(scores(third)["small-encodec_codes", "visqol"]["value"]) == 4.125
    assert "no program named visqol" not in third.report.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("codecs", "message"),
    [
        ("", "codecs"),
        ("pocket_encodec_50hz, pocket_encodec_50hz", "'pocket_encodec_50hz' is named twice"),
        ("pocket_encodec_50hz, pockt", "no codec 'pockt' .did you mean 'pocket'.*; the shipped ones are"),
        ("COPY, ORIGINAL", "are the same codec"),
    ],
)
def test_codecs_that_cannot_be_compared_are_refused_before_anything_is_computed(
    folder: Path, tmp_path: Path, codecs: str, message: str
) -> None:
    copy = untrained_vae(tmp_path / "copy")
    text = STUDY.replace("CODECS", codecs.replace("COPY", f'"{copy}"').replace("ORIGINAL", f'"{folder / "vae"}"'))
    (tmp_path / "study.yaml").write_text(text)
    with pytest.raises(UserError, match=message):
        run_study(tmp_path / "study.yaml", out=tmp_path / "out", store=tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_where_a_codec_lies_is_told_apart_by_what_it_is(folder: Path, tmp_path: Path) -> None:
    other = untrained_codec(tmp_path / "vae")
    study = CodecStudy(kind="codecs", codecs=[str(folder / "vae"), str(other)])
    names = [step.name for step in in_order(study.plan().values()) if step.name.startswith("reconstruct_")]
    assert names[0] == "reconstruct_vae"
    assert re.fullmatch(r"reconstruct_vae-[0-9a-f]{6}", names[1])


def test_the_shipped_study_holds_out_what_codecs_were_trained_on() -> None:
    study = load_study(CONFIGS / "appendix_b.yaml")
    assert isinstance(study, CodecStudy)
    seeds = set()
    for path in (Path(__file__).parents[2] / "configs" / "codec").glob("*.yaml"):
        seeds |= {int(seed) for seed in re.findall(r"seed: *(\d+)", path.read_text())}
    assert study.compose.seed not in seeds | {11, 99}


def test_the_papers_table_is_complete() -> None:
    table = paper_scores("appendix_b")
    scores = {row.system: row.scores for row in table.rows}
    assert list(scores) == [f"{codec}_{rate}hz" for rate in (25, 50, 100) for codec in ("vae", "encodec")]
    assert list(table.measures.values()) == ["SISNR", "ViSQOL", "log-MSD"]
    assert all(list(values) == list(table.measures) for values in scores.values())
    assert "Appendix B" in table.where and "openreview.net" in table.source
    for measure, best in (("si_snr", max), ("visqol", max), ("log_mel_distance", min)):
        for codec in ("vae", "encodec"):
            values = [scores[f"{codec}_{rate}hz"][measure] for rate in (25, 50, 100)]
            assert values[2] == best(values), "100 Hz is the best of each"
