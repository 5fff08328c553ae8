"""Swing, jazz ballads, bossa nova and salsa."""

from __future__ import annotations

from counterpoint.compose.style import Drums, Layer, Lead, Style

SWING = Style(
    name="swing jazz",
    genres=("swing jazz", "jazz", "bebop jazz", "jazz combo"),
    bpm=(112, 180),
    modes={"major": 0.65, "minor": 0.35},
    progressions={
        "major": (
            "IIm7 | V7 | Imaj7 | VI7",
            "Imaj7 VIm7 | IIm7 V7 | IIIm7 VI7 | IIm7 V7",
            "Imaj7 | IVmaj7 | IIIm7 VI7 | IIm7 V7",
            "I6 | I7 | IV6 | IVm6",
        ),
        "minor": ("IIm7b5 | V7 | Im6 | Im6", "Im7 | IVm7 | IIm7b5 V7 | Im6", "Im6 | bVI7 | IIm7b5 | V7"),
    },
    moods={"major": ("swinging", "cheerful", "lively", "cool"), "minor": ("smoky", "cool", "mysterious")},
    feels=("a swing feel", "swung eighth notes", "a walking bass line"),
    pulse=0.85,
    layers=(
        Layer("bass", ("acoustic bass",), ("Rwwa", "R5wa", "Rwwa"), 37, -1.0),
        Layer(
            "chords",
            ("piano", "jazz guitar", "electric piano"),
            ("..x...x.", "x..x....", "..xx...x", "x..x..x."),
            60,
            -5.5,
            voices=4,
            gate=0.6,
        ),
    ),
    lead=Lead(
        ("tenor sax", "alto sax", "trumpet", "vibraphone", "clarinet", "jazz guitar", "muted trumpet"),
        ("x-xxxxx-", "x-xxx-..", ".xx-xxx-", "xxxxx-x-", "..xxxxxx"),
        ("x-x-....", "x---....", "xxx-...."),
        {"major": "major", "minor": "dorian"},
        70,
        gate=0.85,
    ),
    drums=Drums(
        ("jazz", "brush"),
        (
            {"ride": "x.xxx.xx", "pedal": "..x...x.", "kick": "o...o...", "snare": "...?...?"},
            {"ride": "x.xxx.xx", "pedal": "..x...x.", "snare": ".?....x."},
        ),
        ({"snare": "..x.xxxx", "ride": "x......."}, {"tom1": "....x.x.", "snare": "xxx.....", "kick": "......x."}),
        crash=False,
        level_db=-1.0,
    ),
    swing=0.65,
)

JAZZ_BALLAD = Style(
    name="jazz ballad",
    genres=("jazz ballad", "late-night jazz", "slow jazz", "lounge jazz"),
    bpm=(60, 82),
    modes={"major": 0.6, "minor": 0.4},
    progressions={
        "major": (
            "Imaj7 | VIm7 | IIm7 | V7",
            "Imaj7 | IVmaj7 | IIIm7 VIm7 | IIm7 V7",
            "IVmaj7 | IVm6 | IIIm7 VI7 | IIm7 V7",
        ),
        "minor": ("Im7 | IVm7 | IIm7b5 | V7", "Im6 | bVImaj7 | IIm7b5 | V7", "Im7 | bVII7 | bIIImaj7 | bVI7 V7"),
    },
    moods={"major": ("romantic", "warm", "tender", "soft"), "minor": ("sad", "smoky", "intimate", "quiet")},
    feels=("a gentle swing", "a slow swing", "a relaxed, swung pulse"),
    layers=(
        Layer("bass", ("acoustic bass", "fretless bass"), ("R---5---", "R-----a-", "R---w-a-"), 37, -2.0),
        Layer(
            "chords",
            ("piano", "electric piano", "jazz guitar"),
            ("x-----x-", "x---..x-", "..x---x-"),
            60,
            -5.0,
            voices=4,
            spread=True,
        ),
        Layer("pad", ("slow strings",), ("x-------",), 66, -12.0, chance=0.3),
    ),
    lead=Lead(
        ("tenor sax", "muted trumpet", "soprano sax", "vibraphone", "clarinet"),
        ("x---x-x-", "x-xxx---", "..x-x-xx", "x-----xx"),
        ("x-------", "x-----.."),
        {"major": "major", "minor": "dorian"},
        70,
    ),
    drums=Drums(
        ("brush", "jazz"),
        ({"snare": "o.o.o.oo", "pedal": "..x...x.", "kick": "o......."}, {"ride": "x.x.x.xx", "pedal": "..x...x."}),
        crash=False,
        level_db=-4.0,
        chance=0.75,
    ),
    swing=0.63,
    energy=0.58,
    room=(1.2, 0.18),
)

BOSSA = Style(
    name="bossa nova",
    genres=("bossa nova", "Brazilian bossa nova", "Latin lounge"),
    bpm=(112, 144),
    modes={"major": 0.6, "minor": 0.4},
    progressions={
        "major": (
            "Imaj7 | II7 | IIm7 | V7",
            "Imaj7 | VIm7 | IIm7 | V7",
            "Imaj7 | Imaj7 | IVmaj7 | IVm6",
            "IIIm7 | VI7 | IIm7 | V7",
        ),
        "minor": ("Im7 | IVm7 | IIm7b5 | V7", "Im6 | Im6 | IVm6 | V7", "Im7 | bVImaj7 | IIm7b5 | V7"),
    },
    moods={"major": ("breezy", "relaxed", "sunny", "soft"), "minor": ("wistful", "nostalgic", "intimate")},
    feels=("a syncopated bossa nova rhythm", "a gentle Latin syncopation"),
    pulse=0.68,
    layers=(
        Layer("bass", ("acoustic bass", "fretless bass"), ("R--55--5", "R--R5--5", "R--55--a"), 37, -2.0),
        Layer("chords", ("nylon guitar",), ("x..x..x./.x..x.x.", "x-.x.x-./.x..x..x"), 58, -3.5, voices=4, gate=0.7),
        Layer("pad", ("slow strings", "electric piano"), ("x-------",), 66, -11.0, voices=4, chance=0.4),
    ),
    lead=Lead(
        ("flute", "tenor sax", "nylon guitar", "vibraphone", "voice oohs", "trombone"),
        ("x--x--x-", "x-x--x--", ".x-x-x--", "x-xx-x--"),
        ("x-------", "x--x----"),
        {"major": "major", "minor": "minor"},
        73,
    ),
    drums=Drums(
        ("brush", "jazz", "standard"),
        (
            {"kick": "X..xX..x", "rim": "x..x..x./..x..x..", "hat": "oooooooo"},
            {"kick": "x..xx..x", "rim": "x..x..x./..x..x..", "shaker": "xoxoxoxo"},
        ),
        crash=False,
        level_db=-3.0,
        chance=0.85,
    ),
    energy=0.62,
)

SALSA = Style(
    name="salsa",
    genres=("salsa", "Latin salsa", "Afro-Cuban dance music"),
    bpm=(156, 180),
    modes={"major": 0.4, "minor": 0.6},
    progressions={
        "major": ("I | IV | V7 | IV", "I | VIm | IIm | V7", "I | I | V7 | V7"),
        "minor": ("Im | IVm | V7 | V7", "Im | bVII | bVI | V7", "Im | V7 | V7 | Im"),
    },
    moods={"major": ("festive", "joyful", "lively"), "minor": ("fiery", "passionate", "lively")},
    feels=("a syncopated Latin clave", "a montuno over the clave", "an off-beat tumbao bass"),
    pulse=0.85,
    layers=(
        Layer("bass", ("acoustic bass", "electric bass"), ("...5--8-", "R--5--8-"), 36, -1.0),
        Layer("arpeggio", ("piano",), ("0.21.2.1/.2.1.2.1", "x.12.1.x/.1.2.1.2"), 66, -3.0, voices=3, gate=0.8),
        Layer(
            "chords",
            ("brass", "trombone"),
            ("X-....../......X.", "......x-/X......."),
            64,
            -6.0,
            voices=3,
            chance=0.8,
            gate=0.8,
        ),
    ),
    lead=Lead(
        ("trumpet", "trombone", "flute", "alto sax"),
        ("x-xx--x-", "..x-xxx-", "x--x--x-", "x-x-xx-x"),
        ("x-x-....", "x---...."),
        {"major": "major", "minor": "harmonic minor"},
        71,
        thirds=0.3,
        gate=0.8,
    ),
    drums=Drums(
        ("standard",),
        (
            {
                "claves": "..x.x.../x..x..x.",
                "conga": "......xx",
                "muteconga": "x.x.x...",
                "cowbell": "x.o.x.o.",
                "hibongo": "xoxoxoxo",
            },
            {
                "claves": "x..x..x./..x.x...",
                "conga": "......xx",
                "muteconga": "..x.....",
                "cabasa": "xoxoxoxo",
                "cowbell": "x...x.o.",
            },
        ),
        ({"hiagogo": "....x.xx", "tom1": "x..x..x."},),
        crash=False,
        level_db=-0.5,
        words=("Latin percussion", "congas and cowbell", "hand drums"),
    ),
    energy=0.8,
)

JAZZ = (SWING, JAZZ_BALLAD, BOSSA, SALSA)
