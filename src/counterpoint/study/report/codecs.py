"""The report of a reconstruction study: the folders of its steps to a page."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from counterpoint.config import read_json
from counterpoint.report.numbers import count, duration, number
from counterpoint.study.report.beside_paper import beside_paper, paper_text
from counterpoint.study.report.codec import KINDS, Codec
from counterpoint.study.report.content import (
    CodecContent,
    CostRow,
    Example,
    Fact,
    Line,
    Metric,
    Note,
    Score,
    System,
)
from counterpoint.study.report.machine import machine_facts
from counterpoint.study.report.page import write_page, write_players
from counterpoint.study.report.tables import scores_csv, scores_table, to_csv
from counterpoint.study.windows import spread

ORIGINAL, CHANCE = "ground_truth", "chance"
AGREEMENTS = ("chord_agreement_viterbi25", "chroma_agreement", "onset_f1")
"""For these chance is worth a row; what two clips differ in their waveforms and levels would only stretch the axes."""
COLOURS = 6
"""That the style sheet has for codecs; a seventh takes the first again."""


def write_codec_report(content: CodecContent, out: Path, *, progress: Callable[[int, int], None] | None = None) -> Path:
    """Write the report into `out`; returns its `index.html`."""
    players = write_players(content, out, wanted=lambda number, key: True, progress=progress)
    rows = [
        [player for (number, _), player in players.items() if number == index] for index in range(len(content.examples))
    ]
    paper = paper_text(content.paper)
    return write_page(
        content,
        out,
        template="codecs.html",
        tables={"scores": scores_table(content, content.metrics), "paper": paper},
        csv={"scores": scores_csv(content), "paper": to_csv([paper.header, *paper.rows])},
        players=rows,
    )


def assemble_codecs(
    folders: Mapping[str, Path],
    *,
    name: str,
    labels: Sequence[str],
    study: Mapping[str, Any],
    study_yaml: str,
    own_data: bool,
) -> CodecContent:
    """Everything the report says.

    Args:
        folders: of each step, by its name.
        labels: of the codecs, in the order of the study.
        study: the configuration, plain.
        study_yaml: the same, as a file that `study run` takes.
        own_data: the music is the user's, not composed.
    """
    codecs = [_codec(folders, label, index=index) for index, label in enumerate(labels)]
    chance = {name: score for name, score in _scores(folders["chance"], CHANCE).items() if name in AGREEMENTS}
    metrics = _metrics([path for step, path in folders.items() if (path / "evaluation.json").is_file()])
    by_system = {
        ORIGINAL: _scores(folders["judge_original"], "original"),
        **{codec.key(view): _of_view(codec, view) for codec in codecs for view in codec.views},
        CHANCE: chance,
    }
    metrics = [metric for metric in metrics if any(metric.key in found for found in by_system.values())]
    windows = read_json(folders["clips"] / "prompts.json")
    return CodecContent(
        name=name,
        made=time.strftime("%-d %B %Y"),
        headline_facts=_headline(folders, codecs, windows),
        systems=_systems(codecs),
        metrics=metrics,
        scores={
            metric.key: {system: found[metric.key] for system, found in by_system.items() if metric.key in found}
            for metric in metrics
        },
        examples=_examples(folders, codecs, windows, wanted=study["examples"]),
        facts=[_data_fact(folders), _clips_fact(windows), *machine_facts()],
        notes=_notes(folders, codecs, metrics, own_data=own_data),
        command=f"counterpoint study run study.yaml{' --data DATASET' if own_data else ''}",
        files={"study.yaml": study_yaml},
        lines=[Line(codec.key("latents"), _summary(codec)) for codec in codecs],
        chance=(
            f"By chance, with another clip in its place: {chance['chord_agreement_viterbi25'].value:.0%} of the chords "
            f"and an F1 of {chance['onset_f1'].value:.2f}."
        ),
        paper=beside_paper(codecs, has_visqol=any(metric.key == "visqol" for metric in metrics)),
        codecs=_codec_rows(codecs),
        labels={codec.label: codec.key("latents") for codec in codecs},
    )


def _codec(folders: Mapping[str, Path], label: str, *, index: int) -> Codec:
    made = folders[f"reconstruct_{label}"]
    facts = read_json(made / "codec.json")
    steps = [folders[step] for kind in ("measure", "visqol", "judge") if (step := f"{kind}_{label}") in folders]
    scores: dict[str, dict[str, Score]] = {}
    for view in facts["views"]:
        for step in steps:
            for measure, score in _scores(step, view).items():
                scores.setdefault(measure, {})[view] = score
    return Codec(label, facts, scores, made, f"reconstruction_{index % COLOURS}_{index}")


def _scores(folder: Path, system: str) -> dict[str, Score]:
    found = read_json(folder / "evaluation.json")["scores"][system]
    return {name: Score(score["value"], score["low"], score["high"], score["n"]) for name, score in found.items()}


def _of_view(codec: Codec, view: str) -> dict[str, Score]:
    return {measure: of_view[view] for measure, of_view in codec.scores.items()}


def _metrics(folders: Sequence[Path]) -> list[Metric]:
    """In the order of the paper's table first."""
    found = {info["name"]: info for folder in folders for info in read_json(folder / "evaluation.json")["metrics"]}
    first = ["si_snr", "visqol", "log_mel_distance"]
    order = [name for name in first if name in found] + [name for name in found if name not in first]
    return [
        Metric(
            name,
            found[name]["better"],
            f"{found[name]['description'][:1].upper()}{found[name]['description'][1:]}.",
            found[name]["unit"],
        )
        for name in order
    ]


def _systems(codecs: Sequence[Codec]) -> list[System]:
    what = {
        "latents": "encoder and decoder alone: what flow matching can sound like at best.",
        "codes": "encoder, quantiser and decoder: what the auto-regressive model can sound like at best.",
    }
    original = "The held-out music itself; its fad_musicnn is the best to expect."
    chance = "Chance: each original against the clip after it."
    return [
        System(ORIGINAL, "Original", "Original", original),
        *(
            System(codec.key(view), codec.title(view), codec.short(view), f"Through the codec's {what[view]}")
            for codec in codecs
            for view in codec.views
        ),
        System(CHANCE, "Another clip", "Another clip", chance),
    ]


def _summary(codec: Codec) -> str:
    """A codec in plain words."""

    def kept(view: str) -> str:
        chords, onsets = (codec.scores[name][view].value for name in ("chord_agreement_viterbi25", "onset_f1"))
        kept = f"the chords stay the same {chords:.0%} of the time, onsets score an F1 of {onsets:.2f}"
        if "si_snr" not in codec.scores:
            return kept
        return f"{kept}, SI-SNR is {number(codec.scores['si_snr'][view].value, places=1)} dB"

    facts = codec.facts
    text = (
        f"{codec.label}, {KINDS[codec.kind]} at {facts['frame_rate']:g} Hz, {count(facts['parameters'])} parameters. "
        f"Unquantised, {kept('latents')}. "
    )
    if not codec.keeps_phase:
        text += "Its phases are made anew, so SI-SNR says nothing of it. "
    if "codes" in codec.views:
        text += f"Through its codes, at {_bit_rate(facts)}, {kept('codes')}."
    return text.strip()


def _codec_rows(codecs: Sequence[Codec]) -> list[CostRow]:
    columns = {codec.label: _codec_facts(codec) for codec in codecs}
    names = dict.fromkeys(name for facts in columns.values() for name in facts)
    return [CostRow(name, {label: facts.get(name, "–") for label, facts in columns.items()}) for name in names]


def _codec_facts(codec: Codec) -> dict[str, str]:
    facts = codec.facts
    found = {
        "Kind": KINDS[codec.kind],
        "Loaded as": facts["name"] if len(facts["name"]) < 40 else f"…{facts['name'][-38:]}",
        "Parameters": count(facts["parameters"]),
        "Sample rate": f"{facts['sample_rate']:,} Hz",
        "Frame rate": f"{facts['frame_rate']:.4g} Hz",
        "Latent channels": f"{facts['latent_dim']}",
        "Latent numbers a second": f"{facts['numbers_per_second']:,.0f}, {_ratio(facts)} than samples",
    }
    if facts["num_codebooks"]:
        found["Codebooks"] = f"{facts['num_codebooks']} of {facts['codebook_size']:,} codes"
        found["Bit rate of the codes"] = _bit_rate(facts)
        found["Codes in use (perplexity)"] = ", ".join(f"{value:,.0f}" for value in facts["perplexity"])
    for task, speed in facts["speed"].items():
        label = {"encode": "Encoding", "decode_latents": "Decoding latents", "decode_codes": "Decoding codes"}[task]
        found[f"{label}, times real time on one core here"] = f"{number(speed, places=0)} ×"
    return found


def _ratio(facts: Mapping[str, Any]) -> str:
    ratio = facts["sample_rate"] / facts["numbers_per_second"]
    return f"{ratio:.3g} × fewer" if ratio >= 1 else f"{1 / ratio:.3g} × more"


def _bit_rate(facts: Mapping[str, Any]) -> str:
    return f"{number(facts['bits_per_second'] / 1000)} kbit/s"


def _headline(folders: Mapping[str, Path], codecs: Sequence[Codec], windows: Mapping[str, Any]) -> list[Fact]:
    records = [read_json(path / "step.json") for path in folders.values() if (path / "step.json").is_file()]
    return [
        Fact("Codecs", str(len(codecs))),
        Fact("Clips", f"{len(windows['windows'])} of {windows['duration_s']:g} s, held out"),
        Fact("Time, everything", duration(sum(record["seconds"] for record in records))),
    ]


def _data_fact(folders: Mapping[str, Path]) -> Fact:
    info = read_json(folders["data"] / "dataset.json")
    splits = ", ".join(f"{split} {rows:,}" for split, rows in info["rows"].items())
    name = info.get("name") or info.get("kind", "dataset")
    return Fact("Music", f"{name}: {splits}; fingerprint {info['fingerprint']}")


def _clips_fact(windows: Mapping[str, Any]) -> Fact:
    chosen = windows["windows"]
    tracks = len({window["row"] for window in chosen})
    splits = " and ".join(sorted({window["split"] for window in chosen}, reverse=True))
    return Fact("Clips", f"{len(chosen)} windows of {windows['duration_s']:g} s from {tracks} tracks of {splits}")


def _examples(
    folders: Mapping[str, Path], codecs: Sequence[Codec], windows: Mapping[str, Any], *, wanted: int
) -> list[Example]:
    """Evenly spread over the clips, not chosen by ear."""
    examples = []
    for window in spread(windows["windows"], wanted):
        file = f"{window['id']}.wav"
        clips = {ORIGINAL: folders["clips"] / "truth" / file}
        clips |= {codec.key(view): codec.folder / view / file for codec in codecs for view in codec.views}
        examples.append(Example(window["id"], window["caption"], clips))
    return examples


def _notes(
    folders: Mapping[str, Path], codecs: Sequence[Codec], metrics: Sequence[Metric], *, own_data: bool
) -> list[Note]:
    rates = sorted({codec.facts["sample_rate"] for codec in codecs} - {32_000})
    resampled = (
        f" Codecs of {' and '.join(f'{rate:,} Hz' for rate in rates)} heard and returned them at their own rate."
        if rates
        else ""
    )
    held_out = (
        "The clips come from the test and valid splits of your dataset; whether a codec was trained on them only its "
        "maker knows."
        if own_data
        else "The clips are composed with a seed of their own, so no shipped codec was trained on them, but those that "
        "were trained on the embedded corpus know its instruments and styles: published codecs do not."
    )
    anew = [codec.label for codec in codecs if not codec.keeps_phase]
    remarks = read_json(folders["judge_original"] / "evaluation.json")["notes"]
    return [
        Note("The measures", "\n".join(f"{metric.key}: {metric.what}" for metric in metrics)),
        Note(
            "log_mel_distance and the paper's log-MSD",
            "The paper reports a log-MSD and does not say what it is. log_mel_distance is the mean absolute difference "
            "of log10 m², m the magnitude in each of 128 mel bands up to 16 kHz (Hann windows of 2048 samples, hop "
            "512, floor -100 dB of full scale): a tenth of the difference in decibels. It resembles what mel "
            "distances of audio codecs usually are, and is not certified to be the paper's.",
        ),
        Note(
            "Chords and onsets",
            "chord_agreement_viterbi25 compares what a simple recogniser (chroma, Viterbi over 25 classes) hears in "
            "the two; on the embedded corpus it is right 81% of the time, so agreement measures what survives, not "
            "truth. onset_f1 compares the peaks of the spectral flux within 50 ms. The row “Another clip” is chance.",
        ),
        *_phase_note(anew),
        Note("The clips", f"{held_out} All measures are taken at 32 kHz, mono.{resampled}"),
        Note(
            "Intervals",
            "95%, from half samples of the clips (delete-half jackknife); windows of one track are drawn together. "
            "Speeds are medians over clips on this machine, by the time that one core spent on each. "
            "What you hear here is at the loudness of -20 dBFS, as fad_musicnn hears it; the other measures take the "
            "audio as it is.",
        ),
        *([Note("Remarks of the judge", "\n".join(remarks))] if remarks else []),
    ]


def _phase_note(anew: Sequence[str]) -> list[Note]:
    """Why some codecs have no SI-SNR; nothing where all have it."""
    if not anew:
        return []
    return [
        Note(
            "Phases made anew",
            f"{', '.join(anew)}: what comes back has the spectrum of the music and phases of its own. si_snr compares "
            "waveforms sample by sample, would give some -30 dB to what sounds alike, and is left out (–).",
        )
    ]
