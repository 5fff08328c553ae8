"""Waveforms in and out of files, seconds and frames, and the one loudness policy. Imports no torch."""

from counterpoint.audio.files import audio_duration_s, load_audio, resample, save_audio, save_stream, stream_audio
from counterpoint.audio.loudness import SILENCE_PEAK, TARGET_RMS, normalize_loudness
from counterpoint.audio.sound import Sound, SoundLike
from counterpoint.audio.units import frames, seconds

__all__ = [
    "SILENCE_PEAK",
    "TARGET_RMS",
    "Sound",
    "SoundLike",
    "audio_duration_s",
    "frames",
    "load_audio",
    "normalize_loudness",
    "resample",
    "save_audio",
    "save_stream",
    "seconds",
    "stream_audio",
]
