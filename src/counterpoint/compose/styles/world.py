"""Celtic jig, Indian raga, Japanese, flamenco, tango and calypso."""

from __future__ import annotations

from counterpoint.compose.style import Drums, Layer, Lead, Style

CELTIC = Style(
    name="celtic jig",
    genres=("Celtic jig", "Irish folk dance", "Celtic folk"),
    bpm=(96, 124),
    modes={"major": 0.6, "minor": 0.4},
    progressions={
        "major": ("I | IV | I | V", "I | V | VIm | IV", "I | I | bVII | IV", "I | IIm | IV | V"),
        "minor": ("Im | bVII | Im | bVII", "Im | bIII | bVII | Im", "Im | IVm | bVII | Im"),
    },
    moods={"major": ("merry", "lively", "dancing", "cheerful"), "minor": ("spirited", "mystical", "lively")},
    feels=("a lilting six-eight rhythm", "a jig rhythm in six-eight"),
    meter="6/8",
    beats=2,
    pulse=1.15,
    layers=(
        Layer(
            "chords",
            ("steel guitar", "harp", "accordion"),
            ("d.ud.u", "x..x..", "x.xx.x"),
            58,
            -5.0,
            voices=4,
            gate=0.8,
        ),
        Layer("bass", ("acoustic bass", "cello"), ("R--5--", "R-----"), 40, -4.0, chance=0.7),
        Layer("power", ("bagpipes", "reed organ"), ("X-----",), 57, -12.0, chance=0.35),
    ),
    lead=Lead(
        ("fiddle", "piccolo", "whistle", "bagpipes", "accordion", "recorder"),
        ("xxxxxx", "x-xxxx", "xxxx-x", "x-xx-x"),
        ("xxxx--", "x-xx--", "x--x-."),
        {"major": "mixolydian", "minor": "dorian"},
        76,
        leap=0.2,
        gate=0.85,
    ),
    drums=Drums(
        ("room", "standard"),
        ({"loconga": "X.oX.o", "tambourine": "..x..x"}, {"tom3": "X.oxox", "shaker": "xoxxox"}),
        crash=False,
        level_db=-3.0,
        chance=0.6,
        words=("a frame drum", "hand drums", "folk percussion"),
    ),
    energy=0.75,
    room=(1.0, 0.14),
)

INDIAN = Style(
    name="indian",
    genres=("Indian raga", "Indian classical", "Indian music"),
    bpm=(66, 116),
    modes={"major": 0.6, "minor": 0.4},
    progressions={
        "major": ("I | I | I | I", "I | I | bII | I"),
        "minor": ("Im | Im | Im | Im", "Im | Im | bVII | Im"),
    },
    moods={"major": ("exotic", "meditative", "spiritual"), "minor": ("mystical", "meditative", "solemn")},
    feels=("a droning background", "an unchanging drone"),
    layers=(
        Layer("power", ("reed organ", "warm pad"), ("X---------------",), 50, -6.0),
        Layer(
            "arpeggio", ("sitar", "dulcimer"), ("0---1---1---0---", "0...2...1...2...", "0.2.1.2.0.2.1.2."), 55, -7.0
        ),
    ),
    lead=Lead(
        ("sitar", "shehnai", "sitar", "flute", "violin"),
        ("x-xxx-x-x---x-xx", "x---xxx-x-xxx---", "xxx-xxx-x-x-x---", "x-----xxx---x-x-"),
        ("x-x-x-----------", "x-----------...."),
        {"major": "phrygian dominant", "minor": "harmonic minor"},
        67,
        leap=0.12,
    ),
    drums=Drums(
        ("standard",),
        (
            {"loconga": "X...x..xX...x...", "hibongo": "..xo..x...xo..xo", "lobongo": ".....x.......x.."},
            {"loconga": "X..x....X..x....", "muteconga": "..x..xx...x..xxx"},
        ),
        ({"hibongo": "x.xxx.xxxxxxxxxx"},),
        crash=False,
        level_db=-1.5,
        chance=0.75,
        words=("tabla-like hand drums", "hand drums", "hand percussion"),
    ),
    room=(1.2, 0.2),
)

JAPANESE = Style(
    name="japanese",
    genres=("traditional Japanese", "Japanese folk", "Far Eastern traditional"),
    bpm=(60, 92),
    modes={"major": 0.0, "minor": 1.0},
    progressions={
        "major": ("I | I | IV | I",),
        "minor": ("Im | Im | IVm | Im", "Im | bVI | Im | IVm", "Im | IVm | bVI | Im"),
    },
    moods={"major": ("serene",), "minor": ("serene", "contemplative", "mysterious", "quiet")},
    feels=("sparse plucked phrases", "space between the notes"),
    layers=(
        Layer("arpeggio", ("koto", "shamisen"), ("0...1...2.1.....", "0.1.2...1.......", "0-----1-2-------"), 58, -2.5),
        Layer("bass", ("koto", "contrabass"), ("R---------------", "R-------........"), 45, -6.0, chance=0.6),
        Layer("power", ("slow strings", "warm pad"), ("x---------------",), 57, -12.0, chance=0.4),
    ),
    lead=Lead(
        ("shakuhachi", "koto", "flute", "shamisen"),
        ("x-----x-x-------", "x---x-x-x-----..", "..x-x---x-------", "x-xx----x-x-...."),
        ("x-----------....", "x-------........"),
        {"major": "hirajoshi", "minor": "hirajoshi"},
        72,
        leap=0.2,
    ),
    drums=Drums(
        ("orchestra", "room"),
        (
            {"tom3": "X...............", "block": "........x......."},
            {"tom3": "X.......x..x....", "block": "....x..........."},
        ),
        crash=False,
        level_db=-4.0,
        chance=0.35,
        words=("sparse taiko-like drums", "sparse drums and wood block"),
    ),
    energy=0.62,
    room=(1.6, 0.3),
)

FLAMENCO = Style(
    name="flamenco",
    genres=("flamenco", "Spanish guitar music", "Spanish flamenco"),
    bpm=(100, 160),
    modes={"major": 0.25, "minor": 0.75},
    progressions={
        "major": ("I | bII | bIII | bII", "I | bII | I | bII"),
        "minor": ("Im | bVII | bVI | V", "Im | IVm | bVI | V", "IVm | bIII | bVI | V7"),
    },
    moods={"major": ("fiery", "exotic"), "minor": ("passionate", "fiery", "dramatic")},
    feels=("rapid strummed rhythms", "a fiery three-beat rhythm"),
    meter="3/4",
    beats=3,
    pulse=0.9,
    layers=(
        Layer(
            "chords", ("nylon guitar",), ("d.uud.u.d.u.", "d-..dudud-..", "d..ud..ududu"), 57, -3.5, voices=4, gate=0.8
        ),
        Layer("bass", ("acoustic bass",), ("R-----5-----", "R-----------"), 40, -5.0, chance=0.5),
    ),
    lead=Lead(
        ("nylon guitar", "nylon guitar", "violin", "trumpet"),
        ("x.xxx.xxx.x.", "xxxxxxx-x-x-", "x-x-xxxxx-x-", "x---x-xxxxx-"),
        ("x-----------", "x-x-x-------"),
        {"major": "phrygian dominant", "minor": "harmonic minor"},
        71,
        leap=0.12,
        gate=0.85,
    ),
    drums=Drums(
        ("standard",),
        ({"clap": "x.xxx.x.x.x.", "loconga": "X.....x....."}, {"clap": "..x.x...x.x.", "loconga": "X...x...x..."}),
        crash=False,
        level_db=-4.0,
        chance=0.5,
        words=("hand claps and a box drum", "hand claps", "clapping percussion"),
    ),
    energy=0.8,
)

TANGO = Style(
    name="tango",
    genres=("tango", "Argentine tango", "ballroom tango"),
    bpm=(108, 132),
    modes={"major": 0.15, "minor": 0.85},
    progressions={
        "major": ("I | V7 | V7 | I", "I | VI7 | IIm | V7"),
        "minor": ("Im | V7 | V7 | Im", "Im | IVm | V7 | Im", "Im | bVI | IIm7b5 | V7", "Im | I7 | IVm | V7"),
    },
    moods={"major": ("elegant", "flirtatious"), "minor": ("dramatic", "passionate", "sultry")},
    feels=("a marching staccato pulse", "a strict tango pulse"),
    pulse=0.9,
    layers=(
        Layer(
            "bass",
            ("contrabass", "acoustic bass"),
            ("R--.R-R-5---a---", "R---5---R---5---", "R-----R-5---R---"),
            38,
            -2.0,
            gate=0.7,
        ),
        Layer(
            "chords",
            ("piano", "bandoneon", "accordion"),
            ("X.x.x.x.X.x.x.x.", "X..x..X.X...x...", "x...x...x...x.x."),
            58,
            -4.0,
            voices=4,
            gate=0.55,
        ),
        Layer("pad", ("strings",), ("X-------X-------",), 64, -9.0, chance=0.4),
    ),
    lead=Lead(
        ("bandoneon", "violin", "clarinet", "accordion"),
        ("x--xx-x-x---x---", "x-xxx-x-x-------", "..x-x-xxx---x---", "x---xxx-x---x-x-"),
        ("x-------x-......", "x-x-x---x-......"),
        {"major": "major", "minor": "harmonic minor"},
        73,
        gate=0.85,
    ),
    energy=0.75,
    room=(1.1, 0.15),
)

CALYPSO = Style(
    name="calypso",
    genres=("calypso", "Caribbean island music", "tropical dance music"),
    bpm=(104, 138),
    modes={"major": 1.0, "minor": 0.0},
    progressions={
        "major": ("I | IV | V7 | I", "I | V7 | V7 | I", "I | VIm | IIm | V7", "I | I7 | IV | V7"),
        "minor": ("Im | IVm | V7 | Im",),
    },
    moods={"major": ("sunny", "joyful", "carefree", "festive"), "minor": ("breezy",)},
    feels=("a syncopated Caribbean beat", "a bouncing island rhythm"),
    layers=(
        Layer("bass", ("electric bass", "acoustic bass"), ("R-----3-5---5---", "R--5--R-R--5--a-"), 36, -2.0, gate=0.8),
        Layer(
            "chords",
            ("nylon guitar", "marimba", "steel guitar"),
            ("..x...x...x...x.", "x..x..x...x.x...", "..d-..u-..d-d-u-"),
            62,
            -4.5,
            gate=0.6,
        ),
        Layer("chords", ("brass",), ("X-............X.", "......X.X......."), 64, -8.0, chance=0.35, gate=0.7),
    ),
    lead=Lead(
        ("steel drums", "steel drums", "marimba", "flute", "xylophone"),
        ("x--x--x-x-x-x---", "x-x-x--x--x-x---", "..x-x--x--x-x-x-"),
        ("x--x--x-........", "x---x-----......"),
        {"major": "major", "minor": "minor"},
        74,
        thirds=0.5,
    ),
    drums=Drums(
        ("standard", "room"),
        (
            {
                "kick": "X...X...X...X...",
                "rim": "...x..x....x..x.",
                "shaker": "xoxoxoxoxoxoxoxo",
                "cowbell": "x..x..x.x..x..x.",
            },
            {
                "kick": "X..x..x.X..x..x.",
                "snare": "...o..X....o..X.",
                "hat": "xoxoxoxoxoxoxoxo",
                "conga": "......xx......xx",
            },
        ),
        ({"tom1": "........x.x.....", "tom3": "............x.x.", "snare": "xxxx............"},),
        crash=False,
        level_db=-1.0,
        words=("drums", "Caribbean percussion", "a lively drum beat"),
    ),
)

WORLD = (CELTIC, INDIAN, JAPANESE, FLAMENCO, TANGO, CALYPSO)
