"""The styles. Read `style.py` for the pattern letters."""

from __future__ import annotations

from counterpoint.data.compose.style import Drums, Layer, Lead, Style

_ROCK = {"kick": "X.....x.X.......", "snare": "....X.......X...", "hat": "x.o.x.o.x.o.x.o."}
_FILL = {"snare": "....X...X.xxXoxo", "tom1": "........X...", "hat": "x.o.x.o."}

STYLES: dict[str, Style] = {
    style.name: style
    for style in (
        Style(
            name="rock",
            genres=("rock", "rock band"),
            bpm=(100, 150),
            modes={"major": 0.6, "minor": 0.4},
            progressions={
                "major": ("I | V | VIm | IV", "I | IV | V | IV", "I | bVII | IV | I"),
                "minor": ("Im | bVI | bIII | bVII", "Im | bVII | bVI | V"),
            },
            moods={"major": ("energetic", "upbeat"), "minor": ("driving", "gritty")},
            feels=("a straight rock beat",),
            layers=(
                Layer("bass", ("picked bass", "electric bass"), ("R-R-R-R-R-R-5-5-", "R---R-R-R---5-a-"), 35, -2.0),
                Layer("chords", ("overdriven guitar", "distorted guitar"), ("X---..x-x---x---", "X-------x-x-x---"), 52, -4.0),
                Layer("pad", ("rock organ",), ("X---------------",), 60, -11.0, chance=0.3),
            ),
            lead=Lead(
                ("overdriven guitar", "clean electric guitar"),
                ("x--xx-x-x---x-x-", "x---x-x-x--x----", "..x-x-x-x---x---"),
                ("x-------x-----..", "x-----------...."),
                {"major": "major pentatonic", "minor": "minor pentatonic"},
                70,
            ),
            drums=Drums(("power", "standard"), (_ROCK,), (_FILL,)),
        ),
        Style(
            name="solo piano",
            genres=("solo piano", "piano ballad"),
            bpm=(60, 92),
            modes={"major": 0.5, "minor": 0.5},
            progressions={
                "major": ("Imaj7 | VIm7 | IVmaj7 | V", "I | V/3 | VIm | IV"),
                "minor": ("Im | bVI | bIII | bVII", "Im | IVm | bVII | bIII"),
            },
            moods={"major": ("gentle", "peaceful", "soft"), "minor": ("sad", "melancholic", "quiet")},
            feels=("flowing arpeggios",),
            layers=(
                Layer("bass", ("piano",), ("R-------5-------", "R---------------"), 40, -5.0),
                Layer("arpeggio", ("piano",), ("0-1-2-1-3-2-1-2-", "0-2-1-2-0-2-1-2-"), 57, -6.0),
            ),
            lead=Lead(
                ("piano",),
                ("x-----x-x---x---", "x---x---x-------", "x-------x-x-x---"),
                ("x-----------....", "x---------------"),
                {"major": "major", "minor": "minor"},
                76,
            ),
            energy=0.55,
            room=(1.4, 0.2),
        ),
        Style(
            name="swing jazz",
            genres=("swing jazz", "jazz combo"),
            bpm=(110, 176),
            modes={"major": 0.7, "minor": 0.3},
            progressions={
                "major": ("IIm7 | V7 | Imaj7 | VI7", "Imaj7 VIm7 | IIm7 V7 | IIIm7 VI7 | IIm7 V7"),
                "minor": ("IIm7b5 | V7 | Im6 | Im6", "Im7 | IVm7 | IIm7b5 V7 | Im6"),
            },
            moods={"major": ("swinging", "cheerful"), "minor": ("smoky", "cool")},
            feels=("a swing feel",),
            layers=(
                Layer("bass", ("acoustic bass",), ("Rwwa"), 38, -2.0),
                Layer("chords", ("piano", "jazz guitar"), ("..x...x.", "x..x....", "..x..x.."), 60, -6.0, voices=4, gate=0.6),
            ),
            lead=Lead(
                ("tenor sax", "trumpet", "vibraphone", "clarinet"),
                ("x-x-xxx-", "x-xxx-..", ".xx-xxx-"),
                ("x-x-....", "x---...."),
                {"major": "major", "minor": "dorian"},
                70,
            ),
            drums=Drums(
                ("jazz", "brush"),
                ({"ride": "x.xxx.xx", "pedal": "..x...x.", "kick": "o...o...", "snare": "...?..?."},),
                crash=False,
            ),
            swing=0.66,
        ),
        Style(
            name="techno",
            genres=("techno", "electronic dance"),
            bpm=(124, 140),
            modes={"major": 0.1, "minor": 0.9},
            progressions={"major": ("I | I | IV | IV",), "minor": ("Im | Im | bVI | bVII", "Im7 | Im7 | IVm7 | IVm7")},
            moods={"major": ("bright",), "minor": ("hypnotic", "dark")},
            feels=("a pounding four-on-the-floor beat",),
            layers=(
                Layer("bass", ("synth bass", "rubber synth bass"), ("..R-..R-..R-..R-", "R.RR..R.R.RR..8."), 34, -2.0, gate=0.8),
                Layer("chords", ("saw synth", "poly synth"), ("..X...X..X...X..", "...x..x....x..x."), 60, -6.0, gate=0.7),
                Layer("pad", ("sweep pad", "halo pad"), ("X---------------",), 62, -10.0, chance=0.5),
            ),
            lead=Lead(
                ("saw synth", "square-wave synth"),
                ("x.x.xx.x.x.x.xx.", "x..x..x.x..x..x."),
                ("x..x..x.x.......",),
                {"major": "major pentatonic", "minor": "minor pentatonic"},
                69,
                gate=0.6,
                level_db=-3.0,
            ),
            drums=Drums(
                ("electronic", "808"),
                ({"kick": "X...X...X...X...", "hat": "o.oxo.oxo.oxo.ox", "open": "..x...x...x...x.", "clap": "....x.......x..."},),
                ({"snare": "........xxxxXXXX"},),
            ),
            human=0.0,
        ),
        Style(
            name="waltz",
            genres=("waltz", "folk waltz"),
            bpm=(96, 160),
            modes={"major": 0.6, "minor": 0.4},
            progressions={"major": ("I | IV | V7 | I", "I | VIm | IIm | V7"), "minor": ("Im | IVm | V7 | Im", "Im | bVI | IVm | V7")},
            moods={"major": ("graceful", "charming"), "minor": ("wistful", "nostalgic")},
            feels=("a waltz in three",),
            meter="3/4",
            beats=3,
            layers=(
                Layer("bass", ("contrabass", "acoustic bass"), ("R-....", "R-...."), 38, -3.0),
                Layer("chords", ("accordion", "strings", "nylon guitar"), ("..x-x-",), 60, -6.0, gate=0.6),
            ),
            lead=Lead(
                ("violin", "accordion", "clarinet", "flute"),
                ("x---x-", "x-x-x-", "x-----", "x-xxx-"),
                ("x---..", "x-----"),
                {"major": "major", "minor": "harmonic minor"},
                76,
            ),
        ),
    )
}
