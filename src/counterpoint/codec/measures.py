"""Measures of reconstruction quality and of codebook use.

Shapes: B batch, N audio samples, K codebooks, T latent frames, F frequency bins, M mel bands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from counterpoint.analysis.viterbi25 import recognise_chords
from counterpoint.audio.librosa_import import import_librosa
from counterpoint.codec.base import Codec
from counterpoint.dsp import mel_filterbank, stft_magnitude


def si_snr(estimate: Tensor, reference: Tensor) -> Tensor:
    """Scale-invariant signal-to-noise ratio in dB, per clip; phase-sensitive, higher is better.

    With both made zero-mean, s = <e, r> r / |r|^2 and SI-SNR = 10 log10(|s|^2 / |e - s|^2) (Le Roux et al. 2019). It
    is at least -120 dB, which is the value of silence.

    Args:
        estimate: [B, N].
        reference: [B, N], not silent.

    Returns:
        [B].
    """
    estimate = estimate - estimate.mean(dim=-1, keepdim=True)
    reference = reference - reference.mean(dim=-1, keepdim=True)
    scale = (estimate * reference).sum(dim=-1, keepdim=True) / reference.square().sum(dim=-1, keepdim=True)
    signal = scale * reference
    noise = (estimate - signal).square().sum(dim=-1).clamp(min=1e-12)
    return 10.0 * torch.log10((signal.square().sum(dim=-1) / noise).clamp(min=1e-12))


def log_spectral_distance(estimate: Tensor, reference: Tensor, *, n_fft: int = 2048, floor_db: float = -80.0) -> Tensor:
    """Log-spectral distance in dB, per clip; independent of phase, lower is better.

    L = 20 log10 |STFT|, floored at `floor_db` below the reference's peak; the root mean square of L_e - L_r over
    frequency, averaged over frames (Gray & Markel 1976). Hann windows of 2048 samples, hop 512.

    Args:
        estimate: [B, N].
        reference: [B, N].

    Returns:
        [B].
    """
    magnitudes = [stft_magnitude(audio, n_fft=n_fft, hop=n_fft // 4) for audio in (estimate, reference)]
    peak = magnitudes[1].amax(dim=(1, 2), keepdim=True)
    levels = [20.0 * torch.log10((magnitude / peak).clamp(min=10 ** (floor_db / 20))) for magnitude in magnitudes]
    return (levels[0] - levels[1]).square().mean(dim=1).sqrt().mean(dim=1)


def log_mel_distance(estimate: Tensor, reference: Tensor, *, sample_rate: int, bands: int = 128) -> Tensor:
    """Log-mel spectral distance in bel (tenths of it are decibels), per clip; independent of phase, lower is better.

    The mean over bands and frames of |log10 m_e^2 - log10 m_r^2|, m the magnitude in each of 128 mel bands (Hann
    windows of 2048 samples, hop 512), floored at -100 dB of full scale. The paper's Appendix B reports an undefined
    `log-MSD`. This is the usual form of such a distance (L1 of log10 of squared mel magnitudes, as in Descript's audio
    codec), but nothing certifies that the two are the same quantity.

    Args:
        estimate: [B, N].
        reference: [B, N].

    Returns:
        [B].
    """
    n_fft = 2048
    filters = mel_filterbank(sample_rate=sample_rate, n_fft=n_fft, bands=bands)
    levels = [
        2 * (filters @ stft_magnitude(audio, n_fft=n_fft, hop=n_fft // 4)).clamp(min=1e-5).log10()
        for audio in (estimate, reference)
    ]
    return (levels[0] - levels[1]).abs().mean(dim=(1, 2))


def chord_agreement_viterbi25(estimate: Tensor, reference: Tensor, *, sample_rate: int) -> Tensor:
    """Share of frames (0.1 s) in which `analysis.viterbi25` detects the same of 25 chords in both, per clip.

    Identity gives 1; chance depends on the music (the reconstruction study measures it on shuffled clips).

    Args:
        estimate: [B, N].
        reference: [B, N].

    Returns:
        [B].
    """
    shares = []
    for pair in zip(estimate, reference, strict=True):
        found, wanted = (recognise_chords(audio.cpu().numpy(), sample_rate=sample_rate).classes for audio in pair)
        shares.append(float((found == wanted).mean()))
    return torch.tensor(shares)


def onset_f1(estimate: Tensor, reference: Tensor, *, sample_rate: int, tolerance_s: float = 0.05) -> Tensor:
    """F1 of the estimate's onsets against the reference's, within 50 ms, per clip: whether attacks survive.

    Onsets are the peaks of librosa's spectral flux in both clips. NaN if neither clip has any.

    Args:
        estimate: [B, N].
        reference: [B, N].

    Returns:
        [B].
    """
    import mir_eval

    librosa = import_librosa()

    scores = []
    for pair in zip(estimate, reference, strict=True):
        found, wanted = (librosa.onset.onset_detect(y=x.cpu().numpy(), sr=sample_rate, units="time") for x in pair)
        known = len(found) and len(wanted)
        score = mir_eval.onset.f_measure(wanted, found, window=tolerance_s)[0] if known else 0.0
        scores.append(float(score) if len(found) or len(wanted) else float("nan"))
    return torch.tensor(scores)


def chroma_agreement(estimate: Tensor, reference: Tensor, *, sample_rate: int) -> Tensor:
    """Share of frames whose strongest pitch class is the same in both, per clip; chance is about 0.09.

    Pitch classes gather STFT power between 80 Hz and 2.5 kHz (window 4096, hop 2048), each bin in the class of its
    nearest semitone; frames 40 dB below the reference's loudest are left out.

    Args:
        estimate: [B, N].
        reference: [B, N], not silent.

    Returns:
        [B].
    """
    n_fft = 4096
    powers = [stft_magnitude(audio, n_fft=n_fft, hop=n_fft // 2).square() for audio in (estimate, reference)]
    frequencies = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1)
    in_range = (frequencies > 80) & (frequencies < 2500)
    classes = (12 * torch.log2(frequencies[in_range] / 440)).round().long() % 12
    found, wanted = (
        torch.zeros(len(power), 12, power.shape[-1]).index_add_(1, classes, power[:, in_range]) for power in powers
    )
    loudness = wanted.sum(dim=1)
    counted = (loudness > 1e-4 * loudness.amax(dim=1, keepdim=True)).float()
    same = (found.argmax(dim=1) == wanted.argmax(dim=1)).float()
    return (same * counted).sum(dim=1) / counted.sum(dim=1)


def reconstruction_measures(codec: Codec, audio: Tensor) -> dict[str, dict[str, float | list[float]]]:
    """Quick measures of a codec's reconstruction from latents and, if it has any, codes; means over clips.

    SI-SNR is left out if the codec synthesises phases.

    Args:
        audio: [B, N] at the codec's sample rate, no clip silent.
    """
    encoding = codec.encode(audio)
    decoded = {"latents": codec.decode_latents(encoding.latents)}
    if encoding.codes is not None:
        decoded["codes"] = codec.decode_codes(encoding.codes)
    found: dict[str, dict[str, float | list[float]]] = {}
    for name, whole in decoded.items():
        estimate = whole[:, : audio.shape[1]]
        chroma = chroma_agreement(estimate, audio, sample_rate=codec.sample_rate)
        found[name] = {
            **({"si_snr_db": si_snr(estimate, audio).mean().item()} if codec.keeps_phase else {}),
            "log_spectral_distance_db": log_spectral_distance(estimate, audio).mean().item(),
            "chroma_agreement": chroma.mean().item(),
        }
    if encoding.codes is not None:
        found["codes"]["perplexity"] = perplexity(encoding.codes, codebook_size=codec.codebook_size).tolist()
    return found


def perplexity(codes: Tensor | Sequence[Tensor], *, codebook_size: int) -> Tensor:
    """exp of the entropy of code use, per codebook: V if all codes are used equally, 1 if only one is used.

    Args:
        codes: [B, K, T], or several such tensors with different B and T.

    Returns:
        [K].
    """
    parts = [codes] if isinstance(codes, Tensor) else codes
    flat = torch.cat([part.transpose(0, 1).flatten(1) for part in parts], dim=1)
    counts = torch.stack([torch.bincount(row, minlength=codebook_size) for row in flat]).double()
    return perplexity_of_counts(counts)


def perplexity_of_counts(counts: Tensor) -> Tensor:
    """The perplexity computed from the number of uses of each code.

    Args:
        counts: [K, V], of any scale.

    Returns:
        [K].
    """
    share = counts / counts.sum(dim=1, keepdim=True)
    return torch.exp(-torch.special.xlogy(share, share).sum(dim=1))


@dataclass(frozen=True)
class Measure:
    """One comparison between a clip and its reconstruction.

    Attributes:
        name: exact name.
        what: one sentence for readers.
        phase_sensitive: whether it compares waveforms sample by sample, and so does not apply to synthesised phases.
        function: (estimate [B, N], reference [B, N], sample rate in Hz) to [B].
    """

    name: str
    what: str
    unit: str
    better: Literal["lower", "higher"]
    function: Callable[[Tensor, Tensor, int], Tensor]
    phase_sensitive: bool = False


MEASURES = (
    Measure(
        "si_snr",
        "Scale-invariant signal-to-noise ratio of the waveform; it depends on phase, to which listeners are hardly "
        "sensitive",
        "dB",
        "higher",
        lambda estimate, reference, _: si_snr(estimate, reference),
        phase_sensitive=True,
    ),
    Measure(
        "log_mel_distance",
        "Mean absolute difference of the log10 power in 128 mel bands, independent of phase",
        "bel",
        "lower",
        lambda estimate, reference, rate: log_mel_distance(estimate, reference, sample_rate=rate),
    ),
    Measure(
        "log_spectral_distance",
        "Root mean square difference of the spectra's levels over all frequencies, independent of phase",
        "dB",
        "lower",
        lambda estimate, reference, _: log_spectral_distance(estimate, reference),
    ),
    Measure(
        "chord_agreement_viterbi25",
        "Share of the time in which the same of 25 chords is detected in original and reconstruction",
        "",
        "higher",
        lambda estimate, reference, rate: chord_agreement_viterbi25(estimate, reference, sample_rate=rate),
    ),
    Measure(
        "chroma_agreement",
        "Share of the time in which the strongest pitch class is the same",
        "",
        "higher",
        lambda estimate, reference, rate: chroma_agreement(estimate, reference, sample_rate=rate),
    ),
    Measure(
        "onset_f1",
        "F1 of the onsets (attacks and drum strokes) that are preserved within 50 ms",
        "",
        "higher",
        lambda estimate, reference, rate: onset_f1(estimate, reference, sample_rate=rate),
    ),
)


def measures_of(*, keeps_phase: bool) -> tuple[Measure, ...]:
    """The measures that apply to a codec, according to whether it keeps phases."""
    return tuple(measure for measure in MEASURES if keeps_phase or not measure.phase_sensitive)


def clip_measures(
    estimate: np.ndarray, reference: np.ndarray, *, sample_rate: int, measures: Sequence[Measure] = MEASURES
) -> dict[str, float]:
    """Measures of one clip [N] against its reference [N], which is not silent; undefined ones are NaN."""
    pair = [torch.from_numpy(np.ascontiguousarray(audio, dtype=np.float32))[None] for audio in (estimate, reference)]
    return {measure.name: measure.function(pair[0], pair[1], sample_rate).item() for measure in measures}


def parameter_count(codec: Codec) -> int:
    """Number of learned parameters, including the codebooks."""
    model = getattr(codec, "model", None)
    assert isinstance(model, torch.nn.Module), "every codec here wraps one"
    books = codec.num_codebooks * codec.codebook_size * codec.latent_dim
    return sum(parameter.numel() for parameter in model.parameters()) + books
