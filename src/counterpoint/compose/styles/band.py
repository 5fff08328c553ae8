"""Rock, metal, pop, funk, blues, country and reggae."""

from __future__ import annotations

from counterpoint.compose.style import Drums, Layer, Lead, Style

_TOM_FILL = {
    "snare": "x...x...xxxx....",
    "tom1": "............xx..",
    "tom3": "..............xx",
    "hat": "x.x.x.x.",
    "kick": "X.......X.......",
}
_SNARE_FILL = {"snare": "....X...o.xxXxoX", "hat": "x.x.x.x.", "kick": "X.....x.X......."}

ROCK = Style(
    name="rock",
    genres=("rock", "guitar rock", "rock band", "classic rock"),
    bpm=(100, 152),
    modes={"major": 0.6, "minor": 0.4},
    progressions={
        "major": ("I | V | VIm | IV", "I | IV | V | IV", "I | bVII | IV | I", "VIm | IV | I | V", "I | I/3 | IV | V"),
        "minor": ("Im | bVI | bIII | bVII", "Im | bVII | bVI | V", "Im | bIII | bVII | IV"),
    },
    moods={"major": ("energetic", "upbeat", "loud", "confident"), "minor": ("driving", "gritty", "loud", "intense")},
    feels=("a straight rock beat", "a solid backbeat", "straight eighth notes"),
    layers=(
        Layer(
            "bass",
            ("picked bass", "electric bass"),
            ("R-R-R-R-R-R-5-5-", "R---R-R-R---5-a-", "R-RRR-R-R-RRR-a-"),
            35,
            -2.0,
        ),
        Layer(
            "power",
            ("overdriven guitar", "distorted guitar"),
            ("X---..x-x---x---", "X-------x-x-x---", "X-X-x-X-X-x-X-x-"),
            48,
            -4.5,
        ),
        Layer(
            "chords",
            ("rock organ", "clean electric guitar"),
            ("X---------------", "d---..u-d---d-u-"),
            62,
            -8.0,
            chance=0.7,
        ),
    ),
    lead=Lead(
        ("overdriven guitar", "clean electric guitar", "harmonica", "rock organ"),
        ("x--xx-x-x---x-x-", "x---x-x-x--x----", "..x-x-x-x---x---", "x-x-x---..x-x-x-"),
        ("x-------x-----..", "x-----------....", "x-x-x-------...."),
        {"major": "major pentatonic", "minor": "minor pentatonic"},
        70,
    ),
    drums=Drums(
        ("power", "standard", "room"),
        (
            {"kick": "X.....x.X.......", "snare": "....X.......X...", "hat": "x.o.x.o.x.o.x.o."},
            {"kick": "X.x.....X.x...x.", "snare": "....X.......X..?", "ride": "x.o.x.o.x.o.x.o."},
            {"kick": "X...x...X...x...", "snare": "....X.......X...", "open": "x...x...x...x..."},
        ),
        (_TOM_FILL, _SNARE_FILL),
        level_db=3.0,
    ),
    energy=0.82,
)

METAL = Style(
    name="metal",
    genres=("metal", "heavy metal", "thrash metal"),
    bpm=(132, 180),
    modes={"major": 0.0, "minor": 1.0},
    progressions={
        "major": ("I | bII | I | bII",),
        "minor": ("Im | Im | bVI | bVII", "Im | bII | Im | bVII", "Im | bVI | IVm | V", "Im | Im | bIII | bII"),
    },
    moods={"major": ("aggressive",), "minor": ("aggressive", "heavy", "dark", "loud", "furious")},
    feels=("relentless riffing", "hammering drums", "driving low riffs"),
    layers=(
        Layer(
            "bass", ("picked bass",), ("R-RRR-RRR-RRR-RR", "RRRRRRRRRRRRRRRR", "R---R-R-R---R-R-"), 32, -3.0, gate=0.85
        ),
        Layer(
            "power",
            ("distorted guitar",),
            ("X-xxX-xxX-xxX-xx", "XxxXxxXxxXxxX-X-", "X-------X-xxX-xx"),
            43,
            -2.0,
            gate=0.8,
        ),
        Layer("chords", ("choir", "strings"), ("X---------------",), 60, -11.0, chance=0.3),
    ),
    lead=Lead(
        ("distorted guitar", "overdriven guitar"),
        ("x-x-xxxxx-x-x---", "xxxxx-x-xxxxx-x-", "x---x---x-x-x-x-"),
        ("x---x-----------", "x-------x-------"),
        {"major": "phrygian dominant", "minor": "harmonic minor"},
        73,
        leap=0.15,
        thirds=0.35,
    ),
    drums=Drums(
        ("power",),
        (
            {
                "kick": "XxxxXxxxXxxxXxxx",
                "snare": "....X.......X...",
                "crash": "x...............",
                "ride": "x...x...x...x...",
            },
            {"kick": "X.xxX.xxX.xxX.xx", "snare": "....X.......X...", "hat": "X...X...X...X..."},
            {"kick": "X...x.xxX...x.xx", "snare": "........X.......", "open": "X...X...X...X..."},
        ),
        ({**_TOM_FILL, "kick": "XxxxXxxxXxxxXxxx"}, {"snare": "xxxxxxxxXXXXXXXX", "kick": "X...X...X...X..."}),
        level_db=3.0,
    ),
    human=0.5,
    energy=0.92,
)

POP = Style(
    name="pop",
    genres=("pop", "pop song", "catchy pop", "radio pop"),
    bpm=(88, 128),
    modes={"major": 0.75, "minor": 0.25},
    progressions={
        "major": (
            "I | V | VIm | IV",
            "VIm | IV | I | V",
            "I | VIm | IV | V",
            "IVmaj7 | V | IIIm7 | VIm",
            "I | V/3 | VIm | IV",
        ),
        "minor": ("Im | bVI | bIII | bVII", "Im | bVII | bVI | bVII", "bVI | bVII | Im | Im"),
    },
    moods={"major": ("happy", "cheerful", "bright", "feel-good"), "minor": ("bittersweet", "emotional", "yearning")},
    feels=("a steady pop beat", "a simple backbeat", "a danceable groove"),
    layers=(
        Layer(
            "bass",
            ("electric bass", "synth bass"),
            ("R---R-R-R---R-5-", "R-----R-R-----a-", "R-R-R-R-R-R-R-R-"),
            36,
            -3.0,
        ),
        Layer(
            "chords",
            ("piano", "electric piano", "steel guitar"),
            ("X---x---X---x---", "x---..x-..x-x---", "d---d-u-..u-d-u-"),
            62,
            -5.0,
        ),
        Layer("pad", ("synth strings", "warm pad", "strings"), ("X---------------",), 65, -11.0, chance=0.6),
        Layer(
            "arpeggio",
            ("muted guitar", "clean electric guitar"),
            ("0.2.1.2.0.2.1.2.", "..2...1...2...0."),
            64,
            -9.0,
            chance=0.5,
            gate=0.7,
        ),
    ),
    lead=Lead(
        ("synth voice", "vocal synth lead", "piano", "clean electric guitar", "flute", "calliope synth"),
        ("x-x-x---x-x-x---", "..x-x-x-x---x---", "x---x-x---x-x---", "x-xx--x-x-x-----"),
        ("x-----------....", "x---x-------...."),
        {"major": "major", "minor": "minor"},
        74,
        thirds=0.25,
    ),
    drums=Drums(
        ("standard", "room", "electronic"),
        (
            {"kick": "X.......X.x.....", "snare": "....X.......X...", "hat": "x.o.x.o.x.o.x.o."},
            {"kick": "X..x..x.X..x....", "clap": "....X.......X...", "hat": "x.x.x.x.x.x.x.x."},
            {
                "kick": "X...x...X...x...",
                "snare": "....X.......X...",
                "shaker": "oxoxoxoxoxoxoxox",
                "open": "..x...x...x...x.",
            },
        ),
        (_SNARE_FILL, {"tom1": "..........xx....", "tom2": "............x.x.", "snare": "....X..........."}),
    ),
)

FUNK = Style(
    name="funk",
    genres=("funk", "funky soul", "groovy funk"),
    bpm=(92, 118),
    modes={"major": 0.3, "minor": 0.7},
    progressions={
        "major": ("I7 | I7 | IV7 | I7", "I7 | bVII7 | IV7 | I7"),
        "minor": ("Im7 | IV7 | Im7 | IV7", "Im7 | Im7 | IVm7 | V7", "Im7 | bIII | IV7 | Im7"),
    },
    moods={"major": ("groovy", "playful", "sunny"), "minor": ("groovy", "funky", "tight", "cool")},
    feels=("a syncopated sixteenth-note groove", "a tight syncopated groove"),
    layers=(
        Layer(
            "bass",
            ("slap bass", "electric bass"),
            ("R..R..8.R.5..7R.", "R.R...8..R.R5.7.", "R--..R8...R.7.a."),
            35,
            -1.0,
            gate=0.8,
        ),
        Layer(
            "chords",
            ("clavinet", "clean electric guitar"),
            ("x.xx.xx..xx.x.x.", ".xx..xx.x.x..xx.", "x..x..x...xx.x.."),
            62,
            -5.5,
            gate=0.6,
        ),
        Layer(
            "chords",
            ("brass", "drawbar organ"),
            ("X-..........X.X.", "..........x.X-..", "X.X............."),
            65,
            -6.5,
            voices=4,
            chance=0.7,
            gate=0.8,
        ),
    ),
    lead=Lead(
        ("alto sax", "trumpet", "tenor sax", "electric piano", "synth brass"),
        ("x.xx..x.x.x.....", "..x.xx.x..x-....", "x-.x..x-..xxx-.."),
        ("x.x.x-----......", "x--.............", "x..x..x-........"),
        {"major": "mixolydian", "minor": "blues"},
        69,
        gate=0.8,
    ),
    drums=Drums(
        ("standard", "room"),
        (
            {"kick": "X.x...x...x..x..", "snare": "....X..o.o..X..?", "hat": "xoxoxoxoxoxoxoxo"},
            {
                "kick": "X..x..x..x......",
                "snare": "....X.....o.X...",
                "hat": "x.xxx.xxx.xxx.x.",
                "open": "..............x.",
            },
        ),
        (_SNARE_FILL, {"snare": "....X.xx.xx.XxxX", "hat": "x.x.x.x."}),
    ),
    swing=0.54,
    swing_unit=0.5,
    energy=0.78,
)

BLUES = Style(
    name="blues",
    genres=("blues", "electric blues", "blues band"),
    bpm=(60, 112),
    modes={"major": 0.7, "minor": 0.3},
    progressions={
        "major": (
            "I7 | IV7 | I7 | I7 | IV7 | IV7 | I7 | I7 | V7 | IV7 | I7 | V7",
            "I7 | I7 | I7 | I7 | IV7 | IV7 | I7 | I7 | V7 | IV7 | I7 | V7",
            "I7 | IV7 | I7 | V7",
        ),
        "minor": ("Im7 | IVm7 | Im7 | Im7 | IVm7 | IVm7 | Im7 | Im7 | bVI7 | V7 | Im7 | V7", "Im7 | IVm7 | Im7 | V7"),
    },
    moods={"major": ("laid-back", "soulful", "earthy"), "minor": ("sad", "soulful", "smoky", "lonely")},
    feels=("a shuffle", "a rolling triplet shuffle", "a shuffling beat"),
    layers=(
        Layer("bass", ("acoustic bass", "electric bass"), ("R.R3.35.56.6", "R--3--5--6--", "R.RR.R5.55.a"), 36, -2.0),
        Layer(
            "chords",
            ("honky-tonk piano", "piano", "drawbar organ"),
            ("x.xx.xx.xx.x", "..x..x..x..x", "X-----..x..x"),
            60,
            -6.0,
            voices=4,
            gate=0.8,
        ),
        Layer("chords", ("jazz guitar", "clean electric guitar"), ("...x.....x..",), 58, -8.0, chance=0.5, gate=0.5),
    ),
    lead=Lead(
        ("harmonica", "clean electric guitar", "overdriven guitar", "tenor sax"),
        ("x-xx-xx--...", "..xx-xx-xx--", "x--x-xx-----", "...x-xx-xx-x"),
        ("x-xx-----...", "x-----......", "x-xx-xx----."),
        {"major": "blues", "minor": "blues"},
        69,
    ),
    drums=Drums(
        ("standard", "room", "brush"),
        (
            {"kick": "X.....x..x..", "snare": "...X.....X.?", "ride": "x.xx.xx.xx.x"},
            {"kick": "X.....X....x", "snare": "...X..?..X..", "hat": "x.xx.xx.xx.x"},
        ),
        (
            {"snare": "...X..xxxXxX", "ride": "x..x........"},
            {"tom1": "......xxx...", "tom3": ".........xxx", "snare": "...X........"},
        ),
    ),
)

COUNTRY = Style(
    name="country",
    genres=("country", "bluegrass", "country and western"),
    bpm=(96, 136),
    modes={"major": 0.95, "minor": 0.05},
    progressions={
        "major": (
            "I | IV | I | V",
            "I | I | IV | IV | V | V | I | I",
            "I | V | IV | I",
            "I | VIm | IV | V7",
            "I | V/3 | IV | V",
        ),
        "minor": ("Im | bVII | bVI | V", "Im | IVm | bVII | Im"),
    },
    moods={"major": ("cheerful", "rustic", "sunny", "homely"), "minor": ("dusty", "lonesome")},
    feels=("a boom-chick rhythm", "a two-beat country feel"),
    layers=(
        Layer("bass", ("acoustic bass", "electric bass"), ("R-------5-------", "R---..R-5---..a-"), 36, -2.5),
        Layer("chords", ("steel guitar",), ("....d-u-....d-u-", "..d-d-u-..u-d-u-"), 60, -5.0, voices=4, gate=0.7),
        Layer(
            "arpeggio",
            ("banjo", "steel guitar", "dulcimer"),
            ("0213021302130213", "0.213.210.213.21", "021.021.021.0213"),
            64,
            -6.0,
            voices=4,
            chance=0.75,
        ),
    ),
    lead=Lead(
        ("fiddle", "harmonica", "banjo", "clean electric guitar"),
        ("x-x-x-xxx-x-x-x-", "x---x-x-x-xxx---", "x-xxx-x-x---x---"),
        ("x---x-------....", "x-x-x-----------"),
        {"major": "major pentatonic", "minor": "minor pentatonic"},
        74,
        thirds=0.3,
    ),
    drums=Drums(
        ("brush", "standard"),
        (
            {"kick": "X.......X.......", "snare": "ooXoooXoooXoooXo"},
            {"kick": "X.......X.......", "rim": "....X.......X...", "hat": "x.x.x.x.x.x.x.x."},
        ),
        ({"snare": "ooXoooXoXxXxXxXx"},),
        crash=False,
        level_db=-0.5,
        chance=0.8,
    ),
)

REGGAE = Style(
    name="reggae",
    genres=("reggae", "roots reggae", "dub reggae"),
    bpm=(66, 92),
    modes={"major": 0.55, "minor": 0.45},
    progressions={
        "major": ("I | IV | I | V", "I | VIm | IIm | V", "I | IIm | I | IIm", "IV | I | IV | V"),
        "minor": ("Im | IVm | Im | IVm", "Im | bVII | Im | bVII", "Im7 | IVm7 | bVII | Im7"),
    },
    moods={"major": ("sunny", "relaxed", "easygoing"), "minor": ("laid-back", "dubby", "hazy")},
    feels=("off-beat chords", "a one-drop half-time groove", "a skanking off-beat"),
    layers=(
        Layer(
            "bass",
            ("electric bass", "fretless bass"),
            ("R---..R-5-R-..8-", "..R-R-5---R-R---", "R--5--R-....3-5-"),
            34,
            0.0,
        ),
        Layer(
            "chords",
            ("clean electric guitar", "muted guitar", "piano"),
            ("..X...X...X...X.", "..x...x...x...xu"),
            62,
            -4.0,
            gate=0.5,
        ),
        Layer(
            "chords",
            ("drawbar organ", "percussive organ"),
            (".xx..xx..xx..xx.", "..x.x.x...x.x.x."),
            60,
            -9.0,
            chance=0.8,
            gate=0.5,
        ),
    ),
    lead=Lead(
        ("trombone", "harmonica", "trumpet", "calliope synth", "square-wave synth"),
        ("x-x-x---..x-x---", "..x-x-x-x---....", "x---x-x-x-x-...."),
        ("x-------........", "x-x-----........"),
        {"major": "major pentatonic", "minor": "minor pentatonic"},
        69,
    ),
    drums=Drums(
        ("room", "standard"),
        (
            {"kick": "........X.......", "rim": "........X.......", "hat": "x.xox.x.x.xox.x."},
            {"kick": "X...x...X...x...", "rim": "....x...X...x..?", "hat": "x.o.x.o.x.o.x.oo"},
        ),
        (
            {"snare": "........X..x.xX.", "tom2": "..........x....."},
            {"tom1": "x..x..x.........", "tom3": "........x..x...."},
        ),
        crash=False,
    ),
    swing=0.56,
    swing_unit=0.5,
    room=(1.2, 0.2),
)

BAND = (ROCK, METAL, POP, FUNK, BLUES, COUNTRY, REGGAE)
