"""Default requests: captions, chord charts, melodies, tempi."""

from __future__ import annotations

CAPTIONS: tuple[str, ...] = (
    "soft jazz with piano and double bass",
    "rock band with electric guitar and drums",
    "solo piano, calm",
    "warm string quartet",
    "lo-fi beats with electric piano",
    "acoustic folk song with guitar",
    "techno with synth bass and drums",
    "bossa nova with nylon guitar",
    "majestic orchestral film score",
    "bright synth pop",
)
PLAIN_CHART = ("C", "Am", "F", "G")
"""Four chords of equal length, as in the README's example, for half of the clips."""
CHARTS: tuple[tuple[str, ...], ...] = (
    ("D", "A", "Bm", "G"),
    ("Am", "Dm", "E", "Am"),
    ("Eb", "Cm", "Ab", "Bb"),
    ("F#m", "D", "A", "E"),
    ("Gm", "Eb", "Bb", "F"),
)
"""Charts in other keys, one for each clip of the other half."""
BEAT_S = 0.5
TUNES: dict[str, str] = {
    "Ode to Joy": "E5 E5 F5 G5 G5 F5 E5 D5 C5 C5 D5 E5 E5:1.5 D5:.5 D5:2",
    "Twinkle, Twinkle": "D5 D5 A5 A5 B5 B5 A5:2 G5 G5 F#5 F#5 E5 E5 D5:2",
    "Frere Jacques": "F4 G4 A4 F4 F4 G4 A4 F4 A4 Bb4 C5:2 A4 Bb4 C5:2",
    "Mary Had a Little Lamb": "B4 A4 G4 A4 B4 B4 B4:2 A4 A4 A4:2 B4 D5 D5:2",
    "Au clair de la lune": "Bb4 Bb4 Bb4 C5 D5:2 C5:2 Bb4 D5 C5 C5 Bb4:4",
    "Scarborough Fair": "A4:2 A4 E5:2 E5 B4:1.5 C5:.5 B4 A4:3 R E5 G5 A5",
    "Greensleeves": "E4 G4:2 A4 B4:1.5 C#5:.5 B4 A4:2 F#4 D4:1.5 E4:.5 F#4 G4:3",
    "Korobeiniki": "F#5:2 C#5 D5 E5:2 D5 C#5 B4:2 B4 D5 F#5:2 E5 D5",
}
"""Traditional melodies as note:beats, one beat by default, R for a rest; 16 beats of half a second each."""
TEMPI_BPM: tuple[float, ...] = (80.0, 100.0, 120.0, 140.0)
