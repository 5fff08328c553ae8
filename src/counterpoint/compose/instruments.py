"""The General MIDI instruments in use: program, names for captions, playing range and sustain."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Instrument:
    """An instrument of the soundfont.

    Attributes:
        program: General MIDI program, 0-127.
        name: the name stored with a clip.
        words: other true names for it in captions.
        low, high: the MIDI range in which it sounds natural.
        sustains: whether it holds its level while a note lasts (winds, bowed strings, organs, pads).
    """

    program: int
    name: str
    words: tuple[str, ...]
    low: int
    high: int
    sustains: bool = False


def _table() -> dict[str, Instrument]:
    struck = (
        (0, "piano", "grand piano|acoustic piano", 36, 96),
        (3, "honky-tonk piano", "saloon piano|detuned old piano", 40, 90),
        (4, "electric piano", "Rhodes|e-piano", 40, 88),
        (5, "FM electric piano", "digital electric piano|bright electric piano", 40, 88),
        (6, "harpsichord", "harpsichord", 41, 89),
        (7, "clavinet", "funky clavinet|clavinet keys", 43, 84),
        (8, "celesta", "celesta|bell-like celesta", 60, 100),
        (9, "glockenspiel", "glockenspiel|bright bells", 67, 100),
        (10, "music box", "music box|tinkling music box", 60, 98),
        (11, "vibraphone", "vibraphone|vibes", 53, 89),
        (12, "marimba", "marimba|wooden mallets", 45, 91),
        (13, "xylophone", "xylophone", 60, 98),
        (14, "tubular bells", "tubular bells|bells", 60, 80),
        (15, "dulcimer", "hammered dulcimer", 50, 86),
        (24, "nylon guitar", "classical guitar|acoustic guitar|Spanish guitar", 40, 83),
        (25, "steel guitar", "acoustic guitar|steel-string guitar|folk guitar", 40, 84),
        (26, "jazz guitar", "mellow electric guitar|jazz guitar", 40, 84),
        (27, "clean electric guitar", "electric guitar|clean guitar", 40, 84),
        (28, "muted guitar", "palm-muted guitar|muted electric guitar", 40, 80),
        (31, "guitar harmonics", "guitar harmonics", 52, 88),
        (32, "acoustic bass", "upright bass|double bass", 28, 55),
        (33, "electric bass", "bass guitar|fingered bass", 28, 55),
        (34, "picked bass", "bass guitar|picked electric bass", 28, 55),
        (35, "fretless bass", "fretless bass guitar|smooth fretless bass", 28, 55),
        (36, "slap bass", "funky slap bass|slapped bass", 28, 55),
        (38, "synth bass", "bass synth|synthesizer bass", 28, 55),
        (39, "rubber synth bass", "bass synth|deep synth bass", 28, 55),
        (45, "pizzicato strings", "plucked strings|pizzicato", 43, 86),
        (46, "harp", "concert harp|harp", 36, 96),
        (47, "timpani", "kettledrums|timpani", 36, 57),
        (104, "sitar", "Indian sitar|sitar", 48, 79),
        (105, "banjo", "banjo|five-string banjo", 48, 84),
        (106, "shamisen", "shamisen|Japanese lute", 50, 80),
        (107, "koto", "koto|Japanese zither", 48, 86),
        (108, "kalimba", "thumb piano|kalimba", 52, 86),
        (114, "steel drums", "steel pans|steelpan", 52, 86),
    )
    sustained = (
        (16, "drawbar organ", "Hammond organ|electric organ", 40, 90),
        (17, "percussive organ", "jazz organ|organ", 40, 90),
        (18, "rock organ", "rotary organ|overdriven organ", 40, 90),
        (19, "church organ", "pipe organ|church organ", 36, 90),
        (20, "reed organ", "harmonium|reed organ", 43, 84),
        (21, "accordion", "accordion|squeezebox", 50, 88),
        (22, "harmonica", "blues harp|mouth organ", 58, 88),
        (23, "bandoneon", "tango accordion|bandoneon", 50, 88),
        (29, "overdriven guitar", "crunchy electric guitar|overdriven electric guitar", 40, 84),
        (30, "distorted guitar", "heavy electric guitar|distortion guitar|fuzzy guitar", 38, 84),
        (40, "violin", "solo violin|violin", 56, 95),
        (41, "viola", "solo viola|viola", 50, 84),
        (42, "cello", "solo cello|cello", 38, 74),
        (43, "contrabass", "bowed double bass|contrabass", 28, 55),
        (44, "tremolo strings", "trembling strings|tremolo strings", 43, 88),
        (48, "strings", "string ensemble|string section|orchestral strings", 36, 90),
        (49, "slow strings", "soft string ensemble|warm strings", 36, 88),
        (50, "synth strings", "synthesizer strings|string synth", 38, 88),
        (52, "choir", "choir voices|vocal choir|choral aahs", 48, 79),
        (53, "voice oohs", "wordless voices|vocal oohs", 48, 79),
        (54, "synth voice", "synthetic voices|synth choir", 48, 84),
        (56, "trumpet", "solo trumpet|trumpet", 54, 84),
        (57, "trombone", "solo trombone|trombone", 42, 70),
        (58, "tuba", "tuba|low brass", 29, 55),
        (59, "muted trumpet", "muted trumpet|trumpet with a mute", 54, 82),
        (60, "French horn", "horns|French horns", 43, 74),
        (61, "brass", "brass section|horn section", 43, 82),
        (62, "synth brass", "synthesizer brass|brassy synth", 43, 84),
        (64, "soprano sax", "soprano saxophone", 56, 86),
        (65, "alto sax", "alto saxophone|saxophone", 50, 80),
        (66, "tenor sax", "tenor saxophone|saxophone", 45, 76),
        (67, "baritone sax", "baritone saxophone", 38, 66),
        (68, "oboe", "solo oboe|oboe", 58, 88),
        (69, "English horn", "cor anglais|English horn", 52, 80),
        (70, "bassoon", "bassoon", 36, 70),
        (71, "clarinet", "solo clarinet|clarinet", 50, 88),
        (72, "piccolo", "piccolo flute", 74, 98),
        (73, "flute", "solo flute|flute", 60, 94),
        (74, "recorder", "wooden recorder|recorder", 60, 90),
        (75, "pan flute", "panpipes|pan flute", 60, 90),
        (77, "shakuhachi", "bamboo flute|Japanese flute", 55, 86),
        (78, "whistle", "whistling|whistled tune", 60, 91),
        (79, "ocarina", "ocarina", 60, 88),
        (80, "square-wave synth", "chiptune lead|8-bit synth|square lead", 45, 95),
        (81, "saw synth", "saw lead|buzzing synth|sawtooth synth", 40, 92),
        (82, "calliope synth", "airy synth lead|calliope lead", 52, 92),
        (85, "vocal synth lead", "synth voice lead", 50, 86),
        (87, "fat synth lead", "big synth lead|bass and lead synth", 38, 84),
        (88, "new age pad", "shimmering pad|fantasia synth", 43, 90),
        (89, "warm pad", "warm synth pad|soft synth pad", 40, 86),
        (90, "poly synth", "polysynth|synth chords", 43, 88),
        (91, "choir pad", "airy vocal pad|space choir pad", 43, 86),
        (92, "glass pad", "bowed glass pad|glassy synth", 45, 88),
        (94, "halo pad", "glowing pad|halo synth pad", 43, 86),
        (95, "sweep pad", "sweeping synth pad|evolving pad", 43, 86),
        (98, "crystal synth", "crystal bells synth|glittering synth", 50, 96),
        (99, "atmosphere synth", "atmospheric synth|plucked atmosphere pad", 43, 88),
        (109, "bagpipes", "Highland bagpipes|pipes", 55, 80),
        (110, "fiddle", "folk fiddle|violin", 55, 91),
        (111, "shehnai", "oriental oboe|shehnai", 55, 84),
    )
    rows = [(*row, False) for row in struck] + [(*row, True) for row in sustained]
    return {
        name: Instrument(program, name, tuple(words.split("|")), low, high, sustains)
        for program, name, words, low, high, sustains in rows
    }


INSTRUMENTS: dict[str, Instrument] = _table()

KITS: dict[str, int] = {
    "standard": 0,
    "room": 8,
    "power": 16,
    "electronic": 24,
    "808": 25,
    "jazz": 32,
    "brush": 40,
    "orchestra": 48,
}

# Drum lanes of a pattern and their General MIDI keys.
DRUMS: dict[str, int] = {
    "kick": 36,
    "snare": 38,
    "rim": 37,
    "clap": 39,
    "hat": 42,
    "pedal": 44,
    "open": 46,
    "crash": 49,
    "ride": 51,
    "bell": 53,
    "tom1": 50,
    "tom2": 47,
    "tom3": 43,
    "tambourine": 54,
    "cowbell": 56,
    "hibongo": 60,
    "lobongo": 61,
    "muteconga": 62,
    "conga": 63,
    "loconga": 64,
    "hiagogo": 67,
    "loagogo": 68,
    "cabasa": 69,
    "shaker": 70,
    "claves": 75,
    "block": 76,
    "triangle": 81,
}
