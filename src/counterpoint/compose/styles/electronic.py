"""Techno, house, synthwave, trap, lo-fi, chiptune and ambient."""

from __future__ import annotations

from counterpoint.compose.style import Drums, Layer, Lead, Style

_MACHINE = ("electronic drums", "a drum machine", "electronic beats")

TECHNO = Style(
    name="techno",
    genres=("techno", "electronic techno", "club techno"),
    bpm=(124, 144),
    modes={"major": 0.05, "minor": 0.95},
    progressions={
        "major": ("I | I | bVII | bVII",),
        "minor": ("Im | Im | bVI | bVII", "Im7 | Im7 | IVm7 | IVm7", "Im | Im | Im | bII", "Im | bIII | IVm | Im"),
    },
    moods={"major": ("hypnotic",), "minor": ("hypnotic", "dark", "pulsing", "mechanical")},
    feels=("a pounding four-on-the-floor beat", "a steady kick on every beat"),
    pulse=0.95,
    layers=(
        Layer(
            "bass",
            ("synth bass", "rubber synth bass"),
            ("..R-..R-..R-..R-", "R.RR..R.R.RR..8.", ".RRR.RRR.RRR.RR8"),
            34,
            -2.0,
            gate=0.8,
        ),
        Layer(
            "chords",
            ("saw synth", "poly synth", "synth brass"),
            ("..X...X...X...X.", "...x..x....x..x.", "X..x..x..x..x..."),
            60,
            -5.0,
            gate=0.55,
        ),
        Layer("pad", ("sweep pad", "halo pad"), ("X---------------",), 62, -10.0, chance=0.5),
    ),
    lead=Lead(
        ("saw synth", "square-wave synth", "fat synth lead"),
        ("x.x.xx.x.x.x.xx.", "x..x..x.x..x..x.", "xxx.xxx.xxx.xx.x"),
        ("x..x..x.x.......", "x.x.xx.x.x.x.xx."),
        {"major": "mixolydian", "minor": "minor pentatonic"},
        69,
        gate=0.6,
        level_db=-1.0,
    ),
    drums=Drums(
        ("electronic", "808"),
        (
            {
                "kick": "X...X...X...X...",
                "hat": "o.oxo.oxo.oxo.ox",
                "open": "..x...x...x...x.",
                "clap": "....x.......x...",
            },
            {"kick": "X...X...X...X...", "hat": "oxoxoxoxoxoxoxox", "rim": "...x..x....x..x."},
        ),
        ({"snare": "........xxxxXXXX"}, {"kick": "X...X...X.X.XXXX"}),
        level_db=2.0,
        words=_MACHINE,
    ),
    human=0.0,
    energy=0.8,
)

HOUSE = Style(
    name="house",
    genres=("house", "dance", "disco house", "electronic dance music"),
    bpm=(118, 130),
    modes={"major": 0.45, "minor": 0.55},
    progressions={
        "major": ("Imaj7 | VIm7 | IIm7 | V7", "IV | V | VIm | I", "I | V | VIm | IV"),
        "minor": ("Im7 | IVm7 | bVII | bIII", "Im | bVI | bIII | bVII", "Im7 | Im7 | bVImaj7 | bVII"),
    },
    moods={
        "major": ("uplifting", "happy", "euphoric", "danceable"),
        "minor": ("stylish", "soulful", "night-time", "danceable"),
    },
    feels=("a four-on-the-floor dance beat", "a steady kick on every beat"),
    layers=(
        Layer(
            "bass",
            ("rubber synth bass", "electric bass", "synth bass"),
            ("R.8.R.8.R.8.R.8.", "R..R..8.R..R..8.", "..R...R...R...RR"),
            34,
            -2.0,
            gate=0.85,
        ),
        Layer(
            "chords",
            ("piano", "FM electric piano", "percussive organ"),
            ("X..X..X..X..X...", "..X...X...X..X..", "X-..X-..X..X..X-"),
            62,
            -3.5,
            voices=4,
            gate=0.8,
        ),
        Layer("pad", ("synth strings", "strings"), ("X---------------", "........X-------"), 68, -8.0, chance=0.7),
    ),
    lead=Lead(
        ("saw synth", "calliope synth", "vocal synth lead", "synth brass", "flute"),
        ("x..x..x---x-x---", "x-x-..x-x-..x---", "..x...x-x---x---"),
        ("x-----------....", "x..x..x---------"),
        {"major": "major pentatonic", "minor": "minor pentatonic"},
        73,
        level_db=-1.5,
    ),
    drums=Drums(
        ("electronic", "808", "power"),
        (
            {
                "kick": "X...X...X...X...",
                "clap": "....X.......X...",
                "open": "..X...X...X...X.",
                "shaker": "oxoxoxoxoxoxoxox",
            },
            {
                "kick": "X...X...X...X...",
                "clap": "....X.......X..?",
                "hat": "x.oxx.oxx.oxx.ox",
                "tambourine": "..x...x...x...x.",
            },
        ),
        ({"snare": "....x...x.x.xxxx"}, {"clap": "....X...X..X.XXX"}),
        level_db=2.0,
        words=(*_MACHINE, "a dance beat"),
    ),
    human=0.15,
    energy=0.8,
)

SYNTHWAVE = Style(
    name="synthwave",
    genres=("synthwave", "eighties synth pop", "retro electronic"),
    bpm=(84, 116),
    modes={"major": 0.3, "minor": 0.7},
    progressions={
        "major": ("I | V | VIm | IV", "IV | V | I | VIm", "I | IIIm | IV | V"),
        "minor": ("Im | bVI | bIII | bVII", "Im | bVII | bVI | bVI", "bVI | bVII | Im | Im", "Im | IVm | bVI | bVII"),
    },
    moods={"major": ("nostalgic", "dreamy", "neon-lit"), "minor": ("nostalgic", "cinematic", "neon-lit", "moody")},
    feels=("a driving synth bass", "a steady retro beat"),
    layers=(
        Layer(
            "bass",
            ("synth bass", "rubber synth bass"),
            ("R-R-R-R-R-R-R-R-", "RRRRRRRRRRRRRRRR", "R-RRR-RRR-RRR-RR"),
            35,
            -2.0,
            gate=0.8,
        ),
        Layer(
            "arpeggio",
            ("poly synth", "crystal synth", "saw synth"),
            ("0123210101232101", "0.1.2.3.2.1.2.1.", "0213021302130213"),
            66,
            -6.0,
            voices=3,
            gate=0.8,
        ),
        Layer("pad", ("synth strings", "warm pad", "choir pad"), ("X---------------",), 60, -6.5, voices=4),
    ),
    lead=Lead(
        ("saw synth", "synth brass", "fat synth lead", "calliope synth"),
        ("x-----x-x---x---", "x---x-----x-x---", "x-x-x-------x-x-"),
        ("x---------------", "x-----------x---"),
        {"major": "major", "minor": "minor"},
        73,
        gate=0.97,
    ),
    drums=Drums(
        ("electronic", "power"),
        (
            {"kick": "X.......X.......", "snare": "....X.......X...", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "X.....X.X.....x.", "snare": "....X.......X...", "hat": "xxxxxxxxxxxxxxxx"},
        ),
        ({"tom1": "........xx......", "tom2": "..........xx....", "tom3": "............xxxx"},),
        level_db=0.5,
        words=(*_MACHINE, "big gated drums"),
    ),
    human=0.1,
    room=(1.4, 0.22),
)

TRAP = Style(
    name="trap",
    genres=("trap", "trap hip hop", "trap beats"),
    bpm=(64, 80),
    modes={"major": 0.0, "minor": 1.0},
    progressions={
        "major": ("I | bII | I | bII",),
        "minor": ("Im | Im | bVI | bVI", "Im | bVI | bVII | Im", "Im | bII | Im | V", "Im | IVm | bVI | V"),
    },
    moods={"major": ("menacing",), "minor": ("dark", "menacing", "moody", "eerie")},
    feels=("a half-time beat with rolling hi-hats", "rattling hi-hats over a half-time snare"),
    layers=(
        Layer(
            "bass",
            ("rubber synth bass", "synth bass"),
            ("R-----..R--.....", "R--...R-..R-....", "R-------..R-..R-"),
            37,
            1.0,
        ),
        Layer(
            "arpeggio",
            ("music box", "tubular bells", "piano", "celesta"),
            ("0.1.2.1.0.1.2.1.", "0..1..2...1..2..", "2...1...0...1..."),
            70,
            -3.0,
        ),
        Layer("pad", ("choir", "synth strings", "choir pad"), ("X---------------",), 60, -9.0, chance=0.7),
    ),
    lead=Lead(
        ("calliope synth", "flute", "square-wave synth", "pizzicato strings", "vocal synth lead"),
        ("x-..x-x-....x-..", "x---..x-x---....", "..x-x-x---......"),
        ("x-------........", "x-x---.........."),
        {"major": "phrygian dominant", "minor": "harmonic minor"},
        74,
    ),
    drums=Drums(
        ("808", "electronic"),
        (
            {"kick": "X.....x...X.....", "clap": "........X.......", "hat": "x.x.x.x.x.xxx.x.x.x.x.x.xxxxx.x."},
            {"kick": "X..x......x..x..", "snare": "........X.......", "hat": "xxxxx.xxx.x.xxxxx.x.x.xxx.x.xxxx"},
        ),
        ({"snare": "........X...xxxx", "hat": "xxxxxxxxxxxxxxxx................"},),
        level_db=0.5,
        words=(*_MACHINE, "808 drums"),
    ),
    human=0.1,
)

LOFI = Style(
    name="lo-fi",
    genres=("lo-fi hip hop", "chillhop", "lo-fi beats", "mellow hip hop"),
    bpm=(68, 90),
    modes={"major": 0.45, "minor": 0.55},
    progressions={
        "major": ("IIm7 | V7 | Imaj7 | VIm7", "Imaj7 | IIIm7 | IVmaj7 | IVm6", "IVmaj7 | IIIm7 | IIm7 | Imaj7"),
        "minor": ("Im7 | IVm7 | bVII7 | bIIImaj7", "bVImaj7 | V7 | Im7 | Im7", "Im7 | bVImaj7 | IVm7 | V7"),
    },
    moods={"major": ("warm", "cozy", "relaxed", "mellow"), "minor": ("dreamy", "rainy", "mellow", "sleepy")},
    feels=("a lazy, swung beat", "a laid-back head-nodding groove", "a dusty boom-bap beat"),
    layers=(
        Layer(
            "bass",
            ("electric bass", "fretless bass", "acoustic bass"),
            ("R-----..R-5-....", "R---..R-....5-a-", "R-----R---......"),
            35,
            -1.0,
        ),
        Layer(
            "chords",
            ("electric piano", "piano", "jazz guitar", "FM electric piano"),
            ("x-----x-----....", "x---------x-----", "d-----..d-------"),
            60,
            -2.5,
            voices=4,
        ),
        Layer("pad", ("warm pad", "slow strings"), ("x---------------",), 66, -12.0, chance=0.3),
    ),
    lead=Lead(
        ("vibraphone", "jazz guitar", "flute", "piano", "muted trumpet", "kalimba"),
        ("x-x-x-----......", "..x-x-x-x-------", "x---..x-x-x-....", "....x-xxx---...."),
        ("x-------........", "x---x---........"),
        {"major": "major pentatonic", "minor": "minor pentatonic"},
        72,
        level_db=-1.0,
    ),
    drums=Drums(
        ("room", "808", "standard"),
        (
            {"kick": "X......x..X.....", "snare": "....X.......X...", "hat": "x.x.x.xox.x.x.x."},
            {"kick": "X..x......xx....", "rim": "....X.......X..?", "hat": "x.o.x.o.x.o.x.oo"},
        ),
        ({"kick": "X......x........", "snare": "....X..........x"},),
        crash=False,
        level_db=-1.0,
        words=("a dusty drum beat", "lazy drums", "hip hop beats"),
    ),
    swing=0.6,
    swing_unit=0.5,
    energy=0.58,
    room=(0.8, 0.15),
)

CHIPTUNE = Style(
    name="chiptune",
    genres=("chiptune", "8-bit video game music", "retro game music"),
    bpm=(120, 178),
    modes={"major": 0.6, "minor": 0.4},
    progressions={
        "major": ("I | V | VIm | IV", "IV | V | IIIm | VIm", "I | IIIm | IV | V", "I | bVI | bVII | I"),
        "minor": ("Im | bVI | bVII | Im", "Im | bVII | bVI | V", "Im | IVm | V | Im"),
    },
    moods={"major": ("playful", "cheerful", "adventurous", "bouncy"), "minor": ("urgent", "tense", "adventurous")},
    feels=("rapid arpeggios", "a bouncy eight-bit pulse"),
    pulse=0.95,
    layers=(
        Layer(
            "bass",
            ("square-wave synth", "synth bass"),
            ("R.R.R.R.R.R.R.R.", "R.8.R.8.R.8.R.8.", "R...R.R.5...5.a."),
            40,
            -3.0,
            gate=0.7,
        ),
        Layer(
            "arpeggio",
            ("square-wave synth",),
            ("0120120120120120", "0123012301230123", "0212021202120212"),
            67,
            -7.0,
            gate=0.8,
        ),
    ),
    lead=Lead(
        ("square-wave synth", "saw synth", "calliope synth"),
        ("x-x-xxx-x-x-x---", "x-xxx-x-x-xxx-x-", "x---x-x-x-x-x-x-", "xxx-xxx-x-x-x-x-"),
        ("x---x---x-......", "x-x-x---x-------"),
        {"major": "major", "minor": "minor"},
        79,
        leap=0.35,
        gate=0.8,
    ),
    drums=Drums(
        ("electronic", "808"),
        (
            {"kick": "X...X...X...X...", "snare": "....X.......X...", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "X.....X.X.....X.", "snare": "....X.......X...", "hat": "xxx.xxx.xxx.xxx."},
        ),
        ({"snare": "....X...X.X.XXXX"},),
        crash=False,
        level_db=-2.0,
        chance=0.85,
        words=(*_MACHINE, "blippy drums"),
    ),
    human=0.0,
    energy=0.75,
    room=(0.4, 0.03),
)

AMBIENT = Style(
    name="ambient",
    genres=("ambient", "ambient soundscape", "atmospheric electronic"),
    bpm=(60, 76),
    modes={"major": 0.5, "minor": 0.5},
    progressions={
        "major": ("Imaj7 | Imaj7 | IVmaj7 | IVmaj7", "Imaj7 | VIm7 | IVmaj7 | Imaj7", "I/2 | I | IVmaj7 | VIm7"),
        "minor": ("Im7 | Im7 | bVImaj7 | bVImaj7", "Im7 | bVII | bVImaj7 | IVm7", "Im | Im | IVm | IVm"),
    },
    moods={
        "major": ("peaceful", "calm", "floating", "quiet", "ethereal"),
        "minor": ("mysterious", "lonely", "quiet", "deep", "ethereal"),
    },
    feels=("long drifting chords", "slowly evolving harmonies", "a free-floating pulse"),
    layers=(
        Layer(
            "pad",
            ("sweep pad", "halo pad", "warm pad", "glass pad"),
            ("x---------------",),
            58,
            -2.0,
            voices=4,
            spread=True,
        ),
        Layer(
            "pad", ("choir pad", "slow strings", "new age pad"), ("x---------------",), 67, -6.0, voices=3, chance=0.7
        ),
        Layer("bass", ("rubber synth bass", "contrabass"), ("R---------------",), 35, -6.0, chance=0.7),
        Layer(
            "arpeggio",
            ("crystal synth", "atmosphere synth", "guitar harmonics"),
            ("0...2...1...3...", "..0.....2.....1."),
            70,
            -8.0,
            chance=0.6,
        ),
    ),
    lead=Lead(
        ("glass pad", "piano", "shakuhachi", "synth voice", "atmosphere synth", "French horn"),
        ("x-------x-------", "....x-------x---", "x-----------x---"),
        ("x---------------", "........x-------"),
        {"major": "major pentatonic", "minor": "minor pentatonic"},
        72,
        gate=1.0,
        level_db=-1.0,
    ),
    energy=0.5,
    room=(2.2, 0.45),
)

ELECTRONIC = (TECHNO, HOUSE, SYNTHWAVE, TRAP, LOFI, CHIPTUNE, AMBIENT)
