"""The report of a reconstruction study (Appendix B): what codecs keep of music."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from counterpoint.claims.paper import PaperTable, paper_table
from counterpoint.metrics import Evaluation
from counterpoint.metrics.base import Score
from counterpoint.report import (
    Cell,
    Clip,
    Column,
    Example,
    Fact,
    Mark,
    Report,
    Row,
    Section,
    System,
    Table,
    Text,
    Verdict,
)
from counterpoint.report.marks import DISTINCT
from counterpoint.report.numbers import count, listed, number
from counterpoint.report.tables import Place
from counterpoint.report.tables import grid as plain_grid
from counterpoint.results.parts import CodecFacts
from counterpoint.results.schema import TRUTH, Judged, Results
from counterpoint.study.kinds.codecs import CodecStudy
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.notes import judges_note, source_of
from counterpoint.study.pages.sections import (
    READING,
    compared_section,
    listen_section,
    methods_section,
    report_of,
    scores_section,
)
from counterpoint.study.pages.words import terms

CHANCE = "chance"
AGREEMENTS = ("chord_agreement_viterbi25", "chroma_agreement", "onset_f1")
"""For these chance is worth a row; what two clips differ in their waveforms and levels would only stretch the axes."""
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
    "latents": "encoder and decoder alone: the best that models of latents can sound.",
    "codes": "encoder, quantiser and decoder: the best that models of codes can sound.",
}
_TASKS = {"encode": "Encoding", "decode_latents": "Decoding latents", "decode_codes": "Decoding codes"}


@dataclass(frozen=True)
class Codec:
    """One codec of the study.

    Attributes:
        label: short and unique.
        scores: by measure, then view.
        mark: of its codes; hollow where nothing is quantised.
    """

    label: str
    facts: CodecFacts
    scores: Mapping[str, Mapping[str, Score]]
    mark: Mark

    @property
    def kind(self) -> str:
        """One of `KINDS`; the paper has the first two."""
        if not self.facts.keeps_phase:
            return "rvq" if self.facts.num_codebooks else "kl"
        return "encodec" if self.facts.num_codebooks else "vae"

    def key(self, view: str) -> str:
        """The key of its system."""
        return f"{self.label}_{view}"

    def system(self, view: str) -> System:
        name = f"{self.label}, {VIEWS[view]}" if len(self.facts.views) > 1 else self.label
        mark = self.mark if view == "codes" else replace(self.mark, fill="hollow")
        return System(key=self.key(view), name=name, what=f"Through the codec's {_WHAT[view]}", mark=mark)


class CodecPage:
    """What is known of a reconstruction study, ready to be written down."""

    def __init__(self, study: CodecStudy, results: Results):
        self.study, self.results = study, results
        labels = [step.removeprefix("reconstruct_") for step in results.codecs]
        self.codecs = [self._codec(label, place) for place, label in enumerate(labels)]
        self.judged = self._judged()
        original = System(
            key=TRUTH,
            name="Original",
            what="The held-out music itself; its distance to music is the best to expect.",
            mark=Mark(shape="triangle", colour="ink"),
        )
        what = "Chance: each original against the clip after it."
        chance = System(key=CHANCE, name="Another clip", what=what, mark=Mark())
        own = [codec.system(view) for codec in self.codecs for view in codec.facts.views]
        self.systems = {system.key: system for system in (original, *own, chance)}

    def _codec(self, label: str, place: int) -> Codec:
        scores: dict[str, dict[str, Score]] = {}
        for kind in ("measure", "visqol", "judge"):
            evaluation = self.results.evaluations.get(f"{kind}_{label}")
            for view, of_view in (evaluation.scores if evaluation else {}).items():
                for measure, score in of_view.items():
                    scores.setdefault(measure, {})[view] = score
        return Codec(label, self.results.codecs[f"reconstruct_{label}"], scores, DISTINCT[place % len(DISTINCT)])

    def _judged(self) -> Judged:
        """All that was measured as one evaluation: a system is a codec and a view."""
        found = self.results.evaluations
        infos = {info.name: info for evaluation in found.values() for info in evaluation.metrics}
        order = [*(name for name in FIRST if name in infos), *(name for name in infos if name not in FIRST)]
        scores = {
            TRUTH: dict(found["judge_original"].scores["original"]),
            **{
                codec.key(view): {name: of_view[view] for name, of_view in codec.scores.items() if view in of_view}
                for codec in self.codecs
                for view in codec.facts.views
            },
            CHANCE: {name: score for name, score in found[CHANCE].scores[CHANCE].items() if name in AGREEMENTS},
        }
        first = found[CHANCE]
        evaluation = Evaluation(
            n=first.n,
            seed=first.seed,
            metrics=tuple(infos[name] for name in order),
            scores=scores,
            floors={},
            differences=(),
            ids={},
        )
        return Judged({"codecs": evaluation})


def codec_report(study: CodecStudy, results: Results) -> Report:
    """The report of a finished study."""
    page = CodecPage(study, results)
    chance = page.results.evaluations[CHANCE].scores[CHANCE]
    by_chance = (
        f"By chance, with another clip in its place: {chance['chord_agreement_viterbi25'].value:.0%} of the chords and "
        f"an F1 of {chance['onset_f1'].value:.2f}."
    )
    lead = f"{READING} Hollow: unquantised; solid: through the codes."
    return report_of(
        results,
        title="What do the codecs keep?",
        verdict=Verdict(_sentence(page), [*(_summary(codec) for codec in page.codecs), by_chance]),
        facts=[
            Fact("Codecs", str(len(page.codecs))),
            said.prompts_headline(results.prompts["clips"], label="Clips"),
            said.time_headline(results),
        ],
        sections=[
            scores_section(page.judged, page.systems, page.judged.judges, title="All measures", lead=lead, charts=True),
            listen_section(
                list(_examples(page)),
                lead="The same clip through every codec. The clips are spread evenly over those measured; nobody chose "
                "them by ear.",
                note="All clips are brought to one loudness.",
                noun="clip",
                untitled="No caption",
                is_wide=True,
            ),
            _paper(page),
            _facts_table(page),
            compared_section(_facts(page), page.systems.values()),
            methods_section(list(_notes(page))),
        ],
        terms=terms(page.judged),
    )


def _sentence(page: CodecPage) -> str:
    """Which view of which codec keeps the most of the chords and of the onsets."""
    keys = [codec.key(view) for codec in page.codecs for view in codec.facts.views]
    told = []
    for metric, what in (("chord_agreement_viterbi25", "chords"), ("onset_f1", "onsets")):
        scored = {key: score for key in keys if (score := page.judged.score(metric, key))}
        best = max(scored, key=lambda key: scored[key].value)
        told.append(f"the {what} best ({scored[best].value:.2f}) is {page.systems[best].name}")
    return f"The codec that keeps {', the one that keeps '.join(told)}; the music itself would have 1."


def _summary(codec: Codec) -> str:
    """A codec in plain words."""

    def kept(view: str) -> str:
        chords, onsets = (codec.scores[name][view].value for name in ("chord_agreement_viterbi25", "onset_f1"))
        same = f"the chords stay the same {chords:.0%} of the time, onsets score an F1 of {onsets:.2f}"
        if "si_snr" not in codec.scores:
            return same
        return f"{same}, SI-SNR is {number(codec.scores['si_snr'][view].value, places=1)} dB"

    facts = codec.facts
    text = (
        f"{codec.label}, {KINDS[codec.kind]} at {facts.frame_rate:g} Hz, {count(facts.parameters)} parameters. "
        f"Unquantised, {kept('latents')}. "
    )
    if not facts.keeps_phase:
        text += "Its phases are made anew, so SI-SNR says nothing of it. "
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


def _paper(page: CodecPage) -> Section:
    """The paper's table with our values between its rows."""
    table = paper_table("appendix_b")
    rows = []
    for row in table.rows:
        theirs = [[Cell(text=f"{value:.3f}")] for value in row.values]
        rows.append(Row(label=f"{row.measure}, the paper", places=theirs, tone="theirs"))
        ours = _our_rows(page, table, row.ours)
        rows += [Row(label=f"{row.ours}, ours", places=places, tone="subject") for places in ours]
    block = Table(
        name="paper",
        label="Table of the paper with our values",
        corner="Measure",
        columns=[Column(title=KINDS[each.codec], over=f"{each.frame_rate:g} Hz") for each in table.columns],
        rows=rows,
        caption="Ours, unquantised, are means with 95% intervals.",
    )
    lead = "The table of Appendix B, with ours between its rows. Nothing here is quantised, as nothing was there."
    remarks = Text(items=[f"The paper: {source_of(table)}", *_remarks(page, table)], is_small=True)
    return Section(id="paper", title="Beside the paper", lead=lead, blocks=[block, remarks], is_digest=True)


def _remarks(page: CodecPage, table: PaperTable) -> Iterator[str]:
    yield (
        "The paper's codecs are full-size, and were trained and heard on other music: read the two side by side, not "
        "one against the other."
    )
    yield (
        "log-MSD is not defined in the paper; log_mel_distance is our guess at such a measure, and nothing certifies "
        "that the two are the same quantity."
    )
    if "visqol" not in page.judged.metrics:
        yield (
            "ViSQOL was not measured: no program named visqol is on the PATH. Build it from github.com/google/visqol, "
            "put it there and run the study again; nothing else will be computed anew."
        )
    if homeless := [codec.label for codec in page.codecs if _column(codec, table) is None]:
        yield f"The paper's table has no place for {', '.join(homeless)}; see the full table."


def _column(codec: Codec, table: PaperTable) -> int | None:
    """Where in the paper's table a codec belongs."""
    for index, column in enumerate(table.columns):
        if column.codec == codec.kind and abs(column.frame_rate - codec.facts.frame_rate) < 0.5:
            return index
    return None


def _our_rows(page: CodecPage, table: PaperTable, measure: str) -> Iterator[list[Place]]:
    """Ours in the paper's columns, unquantised as there; a second row where two codecs share a column."""
    columns: dict[int, list[Codec]] = {}
    for codec in page.codecs:
        place = _column(codec, table)
        if place is not None and measure in codec.scores:
            columns.setdefault(place, []).append(codec)
    for turn in range(max(map(len, columns.values()), default=1)):
        places: list[Place] = [[] for _ in table.columns]
        for place, own in columns.items():
            if turn < len(own):
                score = own[turn].scores[measure]["latents"]
                places[place] = [Cell.span(score.value, score.low, score.high, note=own[turn].label)]
        yield places


def _facts_table(page: CodecPage) -> Section:
    columns = {codec.label: _codec_facts(codec) for codec in page.codecs}
    names = dict.fromkeys(name for facts in columns.values() for name in facts)
    rows = [[name, *(facts.get(name, "") for facts in columns.values())] for name in names]
    marks = [codec.mark for codec in page.codecs]
    table = plain_grid("codecs", ["Property", *columns], rows, label="Table of codecs", marks=marks)
    return Section(id="codecs", title="The codecs", blocks=[table])


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
        "Latent numbers a second": f"{facts.numbers_per_second:,.0f}, {shorter} than samples",
    }
    if facts.num_codebooks:
        found["Codebooks"] = f"{facts.num_codebooks} of {facts.codebook_size:,} codes"
        found["Bit rate of the codes"] = _bit_rate(facts)
        found["Codes in use (perplexity)"] = ", ".join(f"{value:,.0f}" for value in facts.perplexity)
    for task, speed in facts.speed.items():
        found[f"{_TASKS[task]}, times real time on one core here"] = f"{number(speed, places=0)} ×"
    return found


def _facts(page: CodecPage) -> list[Fact]:
    music, prompts = page.results.music["data"], page.results.prompts["clips"]
    splits = ", ".join(f"{split} {rows:,}" for split, rows in music.rows.items())
    chosen = " and ".join(sorted({window.split for window in prompts.windows}, reverse=True))
    tracks = len({window.row for window in prompts.windows})
    return [
        Fact("Music", f"{music.name or music.kind}: {splits}; fingerprint {music.fingerprint}"),
        Fact("Clips", f"{len(prompts.windows)} windows of {prompts.duration_s:g} s from {tracks} tracks of {chosen}"),
        *said.machine_facts(page.results),
    ]


def _notes(page: CodecPage) -> Iterator[Text]:
    rates = sorted({codec.facts.sample_rate for codec in page.codecs} - {32_000})
    others = listed([f"{rate:,} Hz" for rate in rates])
    resampled = f" Codecs of {others} heard and returned them at their own rate." if rates else ""
    yield judges_note(page.judged.judges, title="The measures", tail=_MEL)
    yield Text(title="Chords and onsets", paragraphs=[_CHORDS])
    if anew := [codec.label for codec in page.codecs if not codec.facts.keeps_phase]:
        yield Text(title="Phases made anew", paragraphs=[f"{', '.join(anew)}: {_PHASES}"])
    held_out = _OWN if page.results.study.own_data else _COMPOSED
    yield Text(title="The clips", paragraphs=[f"{held_out} All measures are taken at 32 kHz, mono.{resampled}"])
    yield Text(title="Intervals", paragraphs=[_INTERVALS])
    if remarks := page.results.evaluations["judge_original"].notes:
        yield Text(title="Remarks of the judge", items=remarks)


_MEL = (
    "The paper reports a log-MSD and does not say what it is. log_mel_distance is the mean absolute difference of "
    "log10 m², m the magnitude in each of 128 mel bands up to 16 kHz (Hann windows of 2048 samples, hop 512, floor "
    "-100 dB of full scale): a tenth of the difference in decibels. It resembles what mel distances of audio codecs "
    "usually are, and is not certified to be the paper's."
)
_CHORDS = (
    "chord_agreement_viterbi25 compares what a simple recogniser (chroma, Viterbi over 25 classes) hears in the two; "
    "on the embedded corpus it is right 81% of the time, so agreement measures what survives, not truth. onset_f1 "
    "compares the peaks of the spectral flux within 50 ms. The row \u201cAnother clip\u201d is chance."
)
_PHASES = (
    "what comes back has the spectrum of the music and phases of its own. si_snr compares waveforms sample by sample, "
    "would give some -30 dB to what sounds alike, and is left out (–)."
)
_OWN = (
    "The clips come from the test and valid splits of your dataset; whether a codec was trained on them only its maker "
    "knows."
)
_COMPOSED = (
    "The clips are composed with a seed of their own, so no shipped codec was trained on them, but those that were "
    "trained on the embedded corpus know its instruments and styles: published codecs do not."
)
_INTERVALS = (
    "95%, from half samples of the clips (delete-half jackknife); windows of one track are drawn together. Speeds are "
    "medians over clips on this machine, by the time that one core spent on each. What you hear here is at the "
    "loudness of -20 dBFS, as fad_musicnn hears it; the other measures take the audio as it is."
)
