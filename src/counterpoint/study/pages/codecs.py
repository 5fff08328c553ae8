"""The report of a reconstruction study (Appendix B): how well codecs reconstruct music."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from counterpoint.claims.paper import paper_scores
from counterpoint.metrics.base import Score
from counterpoint.report import Clip, Example, Fact, Mark, Report, Section, System, Text, Verdict
from counterpoint.report.marks import DISTINCT
from counterpoint.report.numbers import count, listed, number
from counterpoint.report.tables import Cell, Column, Place, Row, Table, plain_table
from counterpoint.results.parts import CodecFacts
from counterpoint.results.schema import TRUTH, Judged, Results
from counterpoint.study.kinds.codecs import CodecStudy
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.notes import measures_of, prose
from counterpoint.study.pages.page import Page

CHANCE = "chance"
AGREEMENTS = ("chord_agreement_viterbi25", "chroma_agreement", "onset_f1")
"""Measures for which chance is shown; for waveforms and levels it would only stretch the axes."""
FIRST = ("si_snr", "visqol", "log_mel_distance")
"""Measures in the order of the paper's table; others follow."""
VIEWS = {"latents": "unquantised", "codes": "codes"}
KINDS = {
    "vae": "VAE",
    "encodec": "EnCodec",
    "rvq": "spectrogram codec, quantised",
    "kl": "spectrogram codec, variational",
}
_WHAT = {
    "latents": "encoder and decoder without quantisation: the upper limit for models of latents.",
    "codes": "encoder, quantiser and decoder: the upper limit for models of codes.",
}
_TASKS = {"encode": "Encoding", "decode_latents": "Decoding latents", "decode_codes": "Decoding codes"}


@dataclass(frozen=True)
class Codec:
    """One codec of the study.

    Attributes:
        label: a short, unique label.
        mark: mark of its codes; hollow for unquantised latents.
    """

    label: str
    facts: CodecFacts
    mark: Mark

    @property
    def kind(self) -> str:
        """One of `KINDS`, the first two of which are in the paper."""
        if not self.facts.keeps_phase:
            return "rvq" if self.facts.num_codebooks else "kl"
        return "encodec" if self.facts.num_codebooks else "vae"

    @property
    def column(self) -> str:
        """Its column in the paper's table, if there is one."""
        return f"{self.kind}_{self.facts.frame_rate:.0f}hz"

    def key(self, view: str) -> str:
        """The key of its system."""
        return f"{self.label}_{view}"

    def system(self, view: str) -> System:
        name = f"{self.label}, {VIEWS[view]}" if len(self.facts.views) > 1 else self.label
        mark = self.mark if view == "codes" else replace(self.mark, fill="hollow")
        return System(key=self.key(view), name=name, what=f"Through the codec's {_WHAT[view]}", mark=mark)


class CodecPage(Page[CodecStudy]):
    """The data of a reconstruction study's page."""

    def __init__(self, study: CodecStudy, results: Results):
        self.codecs = [
            Codec(step.removeprefix("reconstruct_"), facts, DISTINCT[place % len(DISTINCT)])
            for place, (step, facts) in enumerate(results.codecs.items())
        ]
        original = System(
            key=TRUTH,
            name="Original",
            what="The held-out music; its distance to other music is the best possible one.",
            mark=Mark(shape="triangle", colour="ink"),
        )
        what = "Chance: each original compared with the next clip."
        chance = System(key=CHANCE, name="Another clip", what=what, mark=Mark())
        own = [codec.system(view) for codec in self.codecs for view in codec.facts.views]
        super().__init__(study, results, systems=(original, *own, chance), judged=_judged(results, self.codecs))


def _judged(results: Results, codecs: Sequence[Codec]) -> Judged:
    """All measurements as one evaluation, in which a system is a codec and a view."""
    found = results.evaluations
    infos = {info.name: info for evaluation in found.values() for info in evaluation.metrics}
    order = [*(name for name in FIRST if name in infos), *(name for name in infos if name not in FIRST)]
    chance = found[CHANCE]
    scores: dict[str, dict[str, Score]] = {TRUTH: dict(found["judge_original"].scores["original"])}
    for codec, step in product(codecs, ("measure", "visqol", "judge")):
        evaluation = found.get(f"{step}_{codec.label}")
        for view, of_view in evaluation.scores.items() if evaluation else ():
            scores.setdefault(codec.key(view), {}).update(of_view)
    scores[CHANCE] = {name: score for name, score in chance.scores[CHANCE].items() if name in AGREEMENTS}
    return Judged({"codecs": replace(chance, metrics=tuple(infos[name] for name in order), scores=scores)})


def codec_report(study: CodecStudy, results: Results) -> Report:
    """The report of a finished study."""
    page = CodecPage(study, results)
    chance = page.results.evaluations[CHANCE].scores[CHANCE]
    by_chance = (
        f"By chance (compared with another clip), {chance['chord_agreement_viterbi25'].value:.0%} of the chords agree, "
        f"with an F1 of {chance['onset_f1'].value:.2f}."
    )
    return page.report(
        title="How well do the codecs reconstruct?",
        verdict=Verdict(_sentence(page), [*(_summary(page, codec) for codec in page.codecs), by_chance]),
        facts=[
            Fact("Codecs", str(len(page.codecs))),
            said.prompts_headline(results.prompts["clips"], label="Clips"),
        ],
        sections=[
            page.scores(charts=True),
            page.listen(
                list(_examples(page)),
                note="All clips are brought to one loudness.",
                noun="clip",
                untitled="No caption",
                is_wide=True,
            ),
            _paper(page),
            _facts_table(page),
        ],
        compared=_facts(page),
        methods=_notes(page),
    )


def _sentence(page: CodecPage) -> str:
    """The codecs and views that best preserve chords and onsets."""
    keys = [codec.key(view) for codec in page.codecs for view in codec.facts.views]
    parts = []
    for metric, what in (("chord_agreement_viterbi25", "chords"), ("onset_f1", "onsets")):
        scored = {key: score for key in keys if (score := page.judged.score(metric, key))}
        best = max(scored, key=lambda key: scored[key].value)
        parts.append(f"the {what} best ({scored[best].value:.2f}) is {page.systems[best].name}")
    return f"The codec that preserves {', the one that preserves '.join(parts)}; a perfect one would have 1."


def _summary(page: CodecPage, codec: Codec) -> str:
    """A codec in plain words."""

    def kept(view: str) -> str:
        names = ("chord_agreement_viterbi25", "onset_f1", "si_snr")
        chords, onsets, snr = (page.judged.score(name, codec.key(view)) for name in names)
        assert chords is not None and onsets is not None
        same = f"chords are preserved {chords.value:.0%} of the time, onsets with an F1 of {onsets.value:.2f}"
        return f"{same}, SI-SNR is {number(snr.value, places=1)} dB" if snr else same

    facts = codec.facts
    text = (
        f"{codec.label}, {KINDS[codec.kind]} at {facts.frame_rate:g} Hz, {count(facts.parameters)} parameters. "
        f"Unquantised, {kept('latents')}. "
    )
    if not facts.keeps_phase:
        text += "It synthesises phases, so SI-SNR does not apply. "
    if "codes" in facts.views:
        text += f"Through its codes, at {_bit_rate(facts)}, {kept('codes')}."
    return text.strip()


def _bit_rate(facts: CodecFacts) -> str:
    return f"{number((facts.bits_per_second or 0) / 1000)} kbit/s"


def _examples(page: CodecPage) -> Iterator[Example]:
    for example in page.results.examples:
        places = {TRUTH: "steps/clips/truth"}
        for codec in page.codecs:
            places |= {codec.key(view): f"steps/reconstruct_{codec.label}/{view}" for view in codec.facts.views}
        files = {key: page.results.path(f"{folder}/{example.id}.wav") for key, folder in places.items()}
        clips = [Clip(system=page.systems[key], file=file) for key, file in files.items() if file.is_file()]
        yield Example(caption=example.caption, clips=clips)


def _paper(page: CodecPage) -> Section | None:
    """The paper's table with our values between its rows; nothing is quantised, as in the paper."""
    paper = paper_scores("appendix_b")
    columns = {row.system: row for row in paper.rows}
    rows = []
    for ours, measure in paper.measures.items():
        theirs = [[Cell(text=f"{row.scores[ours]:.3f}")] for row in paper.rows]
        rows.append(Row(label=f"{measure}, the paper", places=theirs, tone="theirs"))
        found = _our_rows(page, list(columns), ours)
        rows += [Row(label=f"{ours}, ours", places=places, tone="subject") for places in found]
    names = [row.name.split(", ") for row in paper.rows]
    table = Table(
        name="paper",
        label="Table of the paper with our values",
        corner="Measure",
        columns=[Column(title=codec, over=rate) for codec, rate in names],
        rows=rows,
        caption="Ours, unquantised, are means with 95% intervals.",
    )
    homeless = [codec.label for codec in page.codecs if codec.column not in columns]
    remarks = [
        text
        for text, holds in ((_FULL_SIZE, True), (_GUESS, True), (_NO_VISQOL, "visqol" not in page.judged.metrics))
        if holds
    ]
    if homeless:
        remarks.append(f"The paper's table has no column for {', '.join(homeless)}; see the full table.")
    return page.beside_paper(paper, table, Text(items=remarks, is_small=True))


_FULL_SIZE = (
    "The paper's codecs are full-size, and were trained and tested on other music: the two sets of values are not "
    "directly comparable."
)
_GUESS = (
    "log-MSD is not defined in the paper; log_mel_distance is our guess at such a measure, and nothing certifies that "
    "the two are the same quantity."
)
_NO_VISQOL = (
    "ViSQOL was not measured: no program named visqol is on the PATH. Build it from github.com/google/visqol, put it "
    "there and run the study again; nothing else will be computed again."
)


def _our_rows(page: CodecPage, columns: Sequence[str], measure: str) -> Iterator[list[Place]]:
    """Our values in the paper's columns; in a second row if two codecs share a column."""
    found: dict[str, list[Place]] = {}
    for codec in page.codecs:
        score = page.judged.score(measure, codec.key("latents"))
        if codec.column in columns and score:
            found.setdefault(codec.column, []).append([Cell.of(score, note=codec.label)])
    for turn in range(max(map(len, found.values()), default=1)):
        yield [own[turn] if turn < len(own := found.get(column, ())) else [] for column in columns]


def _facts_table(page: CodecPage) -> Section | None:
    columns = {codec.label: _codec_facts(codec) for codec in page.codecs}
    names = dict.fromkeys(name for facts in columns.values() for name in facts)
    rows = [[name, *(facts.get(name, "") for facts in columns.values())] for name in names]
    table = plain_table("codecs", ["Property", *columns], rows, label="Table of codecs")
    marked = [replace(column, mark=each.mark) for column, each in zip(table.columns, page.codecs, strict=True)]
    return page.section("codecs", replace(table, columns=marked))


def _codec_facts(codec: Codec) -> dict[str, str]:
    facts = codec.facts
    ratio = facts.sample_rate / facts.numbers_per_second
    shorter = f"{ratio:.3g} × fewer" if ratio >= 1 else f"{1 / ratio:.3g} × more"
    found = {
        "Kind": KINDS[codec.kind],
        "Loaded as": facts.name if len(facts.name) < 40 else f"…{facts.name[-38:]}",
        "Parameters": count(facts.parameters),
        "Sample rate": f"{facts.sample_rate:,} Hz",
        "Frame rate": f"{facts.frame_rate:.4g} Hz",
        "Latent channels": f"{facts.latent_dim}",
        "Latent numbers per second": f"{facts.numbers_per_second:,.0f}, {shorter} than samples",
    }
    if facts.num_codebooks:
        found["Codebooks"] = f"{facts.num_codebooks} of {facts.codebook_size:,} codes"
        found["Bit rate of the codes"] = _bit_rate(facts)
        found["Codes in use (perplexity)"] = ", ".join(f"{value:,.0f}" for value in facts.perplexity)
    for task, speed in facts.speed.items():
        found[f"{_TASKS[task]}, times real time on one core here"] = f"{number(speed, places=0)} ×"
    return found


def _facts(page: CodecPage) -> list[Fact]:
    prompts = page.results.prompts["clips"]
    tracks, splits = said.windows_from(prompts)
    clips = f"{len(prompts.windows)} windows of {prompts.duration_s:g} s from {tracks} tracks of {splits}"
    return [said.music_fact(page.results), Fact("Clips", clips)]


def _notes(page: CodecPage) -> list[Text]:
    rates = sorted({codec.facts.sample_rate for codec in page.codecs} - {32_000})
    others = listed([f"{rate:,} Hz" for rate in rates])
    anew = [codec.label for codec in page.codecs if not codec.facts.keeps_phase]
    return prose(
        "codecs",
        measures=measures_of(page.judged.judges),
        anew=", ".join(anew) or None,
        own="" if page.results.study.own_data else None,
        composed=None if page.results.study.own_data else "",
        resampled=f" Codecs of {others} processed them at their own rate." if rates else "",
        remarks=page.results.evaluations["judge_original"].notes,
    )
