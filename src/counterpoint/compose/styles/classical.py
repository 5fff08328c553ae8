"""Solo piano, baroque, orchestral, chamber, choral, solo guitar, waltz, music box and new age."""

from __future__ import annotations

from counterpoint.compose.style import Drums, Layer, Lead, Style

SOLO_PIANO = Style(
    name="solo piano",
    genres=("solo piano", "piano ballad", "piano solo piece"),
    bpm=(60, 96),
    modes={"major": 0.5, "minor": 0.5},
    progressions={
        "major": ("Imaj7 | VIm7 | IVmaj7 | V", "I | V/3 | VIm | IV", "I | IIIm | IV | IVm", "IV | I/3 | IIm | V7"),
        "minor": ("Im | bVI | bIII | bVII", "Im | IVm | bVII | bIII", "Im | V7/3 | Im | IVm", "bVI | bVII | Im | Im"),
    },
    moods={"major": ("gentle", "peaceful", "soft", "hopeful"), "minor": ("sad", "melancholic", "quiet", "reflective")},
    feels=("flowing arpeggios", "a rolling left hand"),
    layers=(
        Layer("bass", ("piano",), ("R-------5-------", "R---------------", "R-----------5---"), 40, -4.0),
        Layer(
            "arpeggio",
            ("piano",),
            ("0-1-2-1-3-2-1-2-", "0-2-1-2-0-2-1-2-", "..0-1-2-3-2-1-2-", "0-2-1-2-3-2-1-2-"),
            57,
            -5.5,
        ),
    ),
    lead=Lead(
        ("piano",),
        ("x-----x-x---x---", "x---x---x-------", "x-------x-x-x---", "..x-x-x-x-------"),
        ("x-----------....", "x---------------"),
        {"major": "major", "minor": "minor"},
        76,
        thirds=0.2,
    ),
    energy=0.55,
    room=(1.4, 0.18),
)

BAROQUE = Style(
    name="baroque",
    genres=("baroque", "classical baroque", "baroque chamber music"),
    bpm=(76, 116),
    modes={"major": 0.55, "minor": 0.45},
    progressions={
        "major": (
            "I | V | VIm | IIIm | IV | I | IV | V",
            "I | IV | V7 | I",
            "I VIm | IIm V | I IV | V7 I",
            "I V/3 | VIm IIIm | IV I/3 | IIm V7",
        ),
        "minor": (
            "Im | IVm | bVII | bIII | bVI | IVm | V7 | Im",
            "Im V7/3 | Im IVm | Im V7 | Im",
            "Im bVII | bVI V7 | Im IVm | V7 Im",
        ),
    },
    moods={"major": ("elegant", "courtly", "bright"), "minor": ("solemn", "dignified", "serious")},
    feels=("steady running notes", "a stately pulse"),
    layers=(
        Layer(
            "bass",
            ("cello", "bassoon", "contrabass"),
            ("R---3---5---a---", "R-3-5-3-R-5-3-a-", "R---R---5---5---"),
            45,
            -3.0,
            gate=0.85,
        ),
        Layer(
            "arpeggio",
            ("harpsichord",),
            ("0121012101210121", "0213021302130213", "X---x---x---x---"),
            60,
            -4.0,
            gate=0.9,
        ),
        Layer("pad", ("strings", "church organ"), ("X-------X-------",), 62, -11.0, chance=0.5),
    ),
    lead=Lead(
        ("violin", "oboe", "recorder", "flute", "harpsichord", "trumpet"),
        ("x-xxx-xxx-xxx-x-", "xxxxx-x-xxxxx-x-", "x---x-x-x-xxx-x-", "x-x-xxxxx-x-x---"),
        ("x-x-x---x-------", "x---x---x-------"),
        {"major": "major", "minor": "harmonic minor"},
        77,
        leap=0.15,
        gate=0.85,
    ),
    human=0.6,
    energy=0.68,
    room=(1.5, 0.22),
)

ORCHESTRAL = Style(
    name="orchestral",
    genres=("orchestral", "epic film score", "classical orchestra", "cinematic orchestral"),
    bpm=(72, 132),
    modes={"major": 0.45, "minor": 0.55},
    progressions={
        "major": ("I | V/3 | VIm | IV", "I | bVI | bVII | I", "I | IV | IIm | V", "VIm | IV | I | V"),
        "minor": ("Im | bVI | bIII | bVII", "Im | IVm | bVI | V", "Im | bVII | bVI | bVII", "Im | bIII | IVm | V"),
    },
    moods={"major": ("heroic", "triumphant", "majestic"), "minor": ("dramatic", "epic", "tense", "dark")},
    feels=("a grand orchestral sound", "broad sweeping phrases"),
    layers=(
        Layer("bass", ("contrabass", "tuba"), ("R-------R-------", "R---R---R---R---", "R--R--R-R--R--R-"), 36, -3.0),
        Layer(
            "chords",
            ("strings", "tremolo strings"),
            ("X---------------", "X-x-x-x-X-x-x-x-", "x.xxx.xxx.xxx.xx"),
            57,
            -3.5,
            voices=4,
        ),
        Layer("pad", ("brass", "French horn", "choir"), ("X---------------", "........X-------"), 58, -7.0, chance=0.7),
        Layer(
            "arpeggio",
            ("harp", "pizzicato strings", "celesta"),
            ("0-1-2-3-4-3-2-1-", "0.1.2.1.0.1.2.1."),
            64,
            -8.0,
            chance=0.5,
        ),
    ),
    lead=Lead(
        ("violin", "French horn", "trumpet", "oboe", "cello", "flute"),
        ("x-------x---x---", "x---x-x-x-------", "x-----x-x-----x-", "x--xx---x--xx---"),
        ("x---------------", "x-------x-------"),
        {"major": "major", "minor": "minor"},
        70,
        gate=0.97,
    ),
    drums=Drums(
        ("orchestra",),
        (
            {"kick": "X.......x.......", "snare": "..............oo"},
            {"kick": "X.....x.X.....x.", "snare": "x.ooxox.x.ooxoxo"},
            {"kick": "X...x...X...x.x.", "tom3": "X..x..x.X..x..x."},
        ),
        ({"snare": "........ooooxxXX", "kick": "X.......X......."},),
        level_db=-2.0,
        chance=0.6,
        words=("orchestral percussion", "big orchestral drums", "martial drums"),
    ),
    energy=0.75,
    room=(2.0, 0.3),
)

CHAMBER = Style(
    name="string quartet",
    genres=("classical string quartet", "chamber music for strings", "slow classical strings"),
    bpm=(60, 92),
    modes={"major": 0.5, "minor": 0.5},
    progressions={
        "major": ("I | VIm | IIm | V", "I V/3 | VIm I/5 | IV I/3 | IIm V", "I | IV | I/5 | V7"),
        "minor": ("Im | bVI | IVm | V", "Im V7/3 | Im IVm | bVI IVm | V7", "Im | IIm7b5 | V7 | Im"),
    },
    moods={"major": ("tender", "serene", "graceful", "soft"), "minor": ("mournful", "sad", "sombre", "quiet")},
    feels=("long bowed lines", "slow sustained harmonies"),
    layers=(
        Layer("bass", ("cello",), ("R-------3---5---", "R---------------", "R---5---R---a---"), 44, -3.0),
        Layer("chords", ("viola",), ("x-------x-------", "x---x---x---x---"), 60, -5.0, voices=2),
        Layer("pad", ("slow strings",), ("x---------------",), 62, -9.0, chance=0.5),
    ),
    lead=Lead(
        ("violin",),
        ("x-----x-x---x---", "x-------x-x-x-x-", "x---x---x-----x-"),
        ("x-----------....", "x-------x-------"),
        {"major": "major", "minor": "harmonic minor"},
        76,
        gate=0.98,
        thirds=0.4,
    ),
    energy=0.6,
    room=(1.6, 0.25),
)

CHORAL = Style(
    name="choral",
    genres=("choral", "church choir music", "hymn", "sacred choral"),
    bpm=(60, 88),
    modes={"major": 0.6, "minor": 0.4},
    progressions={
        "major": (
            "I IV | I/3 V | VIm IV | I/5 V",
            "I | IV | IIm | V",
            "I V/3 | VIm IIIm | IV I | V7 I",
            "I | V | IV | I",
        ),
        "minor": ("Im IVm | Im V | bVI IVm | V Im", "Im | bVII | bVI | V", "Im | IVm | bIII | bVII"),
    },
    moods={
        "major": ("reverent", "peaceful", "uplifting", "holy"),
        "minor": ("solemn", "dark", "mysterious", "haunting"),
    },
    feels=("block harmonies", "long held chords", "a slow procession"),
    layers=(
        Layer("bass", ("church organ", "choir"), ("R-------R-------", "R---------------"), 43, -5.0),
        Layer("chords", ("choir",), ("X-------x-------", "X---x---x---x---"), 60, -1.5, voices=4),
        Layer("pad", ("church organ", "reed organ"), ("X---------------",), 60, -6.0, voices=4, chance=0.7),
    ),
    lead=Lead(
        ("choir", "voice oohs", "synth voice"),
        ("x-------x---x---", "x---x---x-------", "x---x---x---x---"),
        ("x---------------", "x-------x-------"),
        {"major": "major", "minor": "minor"},
        69,
        leap=0.1,
        gate=1.0,
    ),
    human=0.7,
    energy=0.6,
    room=(2.4, 0.4),
)

SOLO_GUITAR = Style(
    name="acoustic guitar",
    genres=("acoustic folk", "fingerstyle guitar", "folk guitar piece"),
    bpm=(76, 120),
    modes={"major": 0.6, "minor": 0.4},
    progressions={
        "major": ("I | V/3 | VIm | IV", "I | IV | I | V", "I/2 | I | IV | V", "I | IIm | IV | I"),
        "minor": ("Im | bVII | bVI | bVII", "Im | bIII | bVII | IV", "Im | bVI | bIII | V"),
    },
    moods={
        "major": ("warm", "intimate", "hopeful", "pastoral"),
        "minor": ("wistful", "melancholic", "intimate", "quiet"),
    },
    feels=("fingerpicked patterns", "a rolling fingerpicking pattern"),
    layers=(
        Layer(
            "arpeggio",
            ("steel guitar", "nylon guitar"),
            ("0-2-1-3-0-2-1-3-", "0-1-2-3-2-1-2-1-", "02130213021302-3"),
            55,
            -3.0,
            voices=4,
        ),
        Layer("bass", ("acoustic bass", "cello"), ("R-------5-------", "R---------------"), 40, -5.0, chance=0.5),
        Layer("chords", ("steel guitar",), ("d---..u-d---d-u-",), 60, -7.0, voices=4, chance=0.35),
    ),
    lead=Lead(
        ("steel guitar", "nylon guitar", "harmonica", "whistle", "recorder", "cello"),
        ("x---x-x-x---x---", "..x-x-x-x-------", "x-----x-x-x-x---"),
        ("x-----------....", "x---x-----------"),
        {"major": "major pentatonic", "minor": "minor"},
        74,
    ),
    energy=0.6,
    room=(0.9, 0.15),
)

WALTZ = Style(
    name="waltz",
    genres=("waltz", "ballroom waltz", "old-fashioned waltz"),
    bpm=(92, 168),
    modes={"major": 0.6, "minor": 0.4},
    progressions={
        "major": ("I | IV | V7 | I", "I | VIm | IIm | V7", "I | I | V7 | V7 | V7 | V7 | I | I", "I | III7 | VIm | V7"),
        "minor": ("Im | IVm | V7 | Im", "Im | bVI | IVm | V7", "Im | Im | V7 | V7"),
    },
    moods={"major": ("graceful", "charming", "romantic"), "minor": ("wistful", "nostalgic", "bittersweet")},
    feels=("a waltz in three", "three-four time", "an oom-pah-pah rhythm"),
    meter="3/4",
    beats=3,
    pulse=0.75,
    layers=(
        Layer("bass", ("contrabass", "acoustic bass", "tuba"), ("R-....", "R-...."), 38, -2.5),
        Layer("chords", ("accordion", "strings", "nylon guitar", "piano"), ("..x-x-", "..x.x."), 60, -4.5, gate=0.7),
        Layer("pad", ("slow strings",), ("x-----",), 64, -11.0, chance=0.3),
    ),
    lead=Lead(
        ("violin", "accordion", "clarinet", "flute", "piano", "oboe"),
        ("x---x-", "x-x-x-", "x-----", "x-xxx-", "x--xx-"),
        ("x---..", "x-----"),
        {"major": "major", "minor": "harmonic minor"},
        76,
        thirds=0.25,
    ),
    room=(1.4, 0.2),
)

MUSIC_BOX = Style(
    name="lullaby",
    genres=("lullaby", "children's lullaby", "cradle song"),
    bpm=(66, 100),
    modes={"major": 0.85, "minor": 0.15},
    progressions={
        "major": ("I | V7 | V7 | I", "I | IV | V | I", "I | VIm | IV | V7", "I | I/3 | IV | V"),
        "minor": ("Im | IVm | V7 | Im", "Im | bVI | bVII | Im"),
    },
    moods={"major": ("sweet", "sleepy", "innocent", "soft"), "minor": ("eerie", "lonely", "fragile")},
    feels=("a gentle rocking three", "a cradle-rocking pulse"),
    meter="3/4",
    beats=3,
    layers=(
        Layer("arpeggio", ("music box", "celesta", "harp", "glockenspiel"), ("0-1-2-", "0-2-1-", "0-1-1-"), 67, -4.0),
        Layer("bass", ("harp", "pizzicato strings", "marimba"), ("R-....", "R---5-"), 48, -6.0, chance=0.7),
        Layer("pad", ("warm pad", "slow strings", "voice oohs"), ("x-----",), 62, -11.0, chance=0.4),
    ),
    lead=Lead(
        ("music box", "celesta", "glockenspiel", "ocarina", "kalimba", "recorder"),
        ("x---x-", "x-x-x-", "x-----", "x-xxx-"),
        ("x-----", "x---.."),
        {"major": "major", "minor": "harmonic minor"},
        81,
        leap=0.2,
    ),
    energy=0.52,
    room=(1.3, 0.2),
)

NEW_AGE = Style(
    name="new age",
    genres=("new age", "relaxing new age", "meditation music"),
    bpm=(60, 84),
    modes={"major": 0.7, "minor": 0.3},
    progressions={
        "major": ("Imaj7 | IVmaj7 | Imaj7 | IVmaj7", "I | V | IV | IV", "I/2 | I | IV | VIm", "VIm | IV | I | V"),
        "minor": ("Im | bVII | bVI | bVII", "Im7 | IVm7 | bVII | Im7"),
    },
    moods={"major": ("calm", "soothing", "tranquil", "soft"), "minor": ("mystical", "calm", "contemplative")},
    feels=("gently rippling notes", "a slow breathing pulse"),
    layers=(
        Layer(
            "pad",
            ("new age pad", "warm pad", "choir pad", "halo pad"),
            ("x---------------",),
            60,
            -5.0,
            voices=4,
            spread=True,
        ),
        Layer(
            "arpeggio",
            ("harp", "dulcimer", "nylon guitar", "crystal synth"),
            ("0-1-2-3-4-3-2-1-", "0.1.2.3.4.5.4.3.", "0-2-1-3-2-4-3-5-"),
            58,
            -4.0,
            voices=3,
        ),
        Layer("bass", ("fretless bass", "cello"), ("R---------------",), 38, -7.0, chance=0.6),
    ),
    lead=Lead(
        ("pan flute", "flute", "English horn", "ocarina", "voice oohs", "violin"),
        ("x-------x---x---", "x-----x-x-------", "....x---x---x-x-"),
        ("x-----------....", "x---------------"),
        {"major": "major pentatonic", "minor": "minor pentatonic"},
        75,
        gate=0.98,
    ),
    energy=0.55,
    room=(2.0, 0.38),
)

CLASSICAL = (SOLO_PIANO, BAROQUE, ORCHESTRAL, CHAMBER, CHORAL, SOLO_GUITAR, WALTZ, MUSIC_BOX, NEW_AGE)
