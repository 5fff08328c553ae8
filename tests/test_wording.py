"""Docstrings, comments, messages, configurations and documentation avoid phrases that are hard to read."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import counterpoint

SOURCE = Path(counterpoint.__file__).parent
ROOT = Path(__file__).parents[1]

PHRASES = {
    r"\bat hand\b": "available",
    r"\banew\b": "again",
    r"\bmend(s|ed)?\b": "correct, repair",
    r"\bcan(not)? be had\b": "is (not) available",
    r"\bis asked of\b|\basked of\b": "is requested from",
    r"\b(goes|go|going|went) by\b|\bto go by\b": "depends on, is chosen by",
    r"\bnobody\b": "no process, no user, not",
    r"\bspeaks? (of|for|against)\b": "mentions, supports, contradicts",
    r"\bin the way of\b|\bfor want of\b": "because of, for lack of",
    r"\b(clip|update|row|frame|system) a (second|minute|system|core)\b": "per second, per clip",
    r"\b(stands|stand) (beside|behind|before|around)\b": "follows, precedes, is next to",
    r"\b(is|are|was|were|be) told\b|\btells? (apart|the (two|user))\b": "receives, distinguishes, shows the user",
    r"\bask(s|ed)? for\b|\b(is|are) asked\b": "request, need",
    r"\bwhoever\b|\bsomebody\b|\beverybody\b|\banybody\b": "the user, anyone, all users",
    r"\bgo(es)? on\b": "continue",
    r"\b(that|which) ships?\b": "included",
    r"\bmakes? no sense\b": "is impossible, must be",
    r"\bone an? (system|core|line|item|trial|rater|step)\b": "one per",
    r"\bcomes? of (it|every|the)\b": "results from",
    r"\bwhat (it|this|that) came to\b|\bsomething is not right\b": "name the result or the error",
}
"""Phrases by regular expression, with what to write instead."""
ANALYSIS = {
    r"\b(hears|hearing)\b|\b(clips|is|are) heard\b|\bheard in\b": "detects, analyses",
    r"\b(tells|told|telling) apart\b": "distinguishes",
    r"\bgo(es)? on (at|where|from|with)\b": "continues",
}
"""Phrases that suit the pages that people listen with, and nothing else."""
FRAGMENTS = {r"^(Of|That|Those|Whose|Whom|By which) ": "begin with a noun or a verb"}
"""How a docstring or a line of it must not begin."""
SENTENCES = {r"^(Of the|Their) ": "begin with the subject", r"\((scratch|finetuned)\)": "trained from scratch"}
"""How a text of a report must not begin, and labels that only a configuration may have."""
NAMES = frozenset(
    {"told", "tell", "tells", "hear", "hears", "hearing", "hearer", "ears", "asked", "asking", "door", "desk"}
)
"""Words that no name of a module, function, class, argument or variable contains."""
_QUOTED = re.compile(r"`[^`]*`|\{[^}]*\}")
"""Names in code, which are left alone."""
LISTENERS = {"listen", "web"}
"""Packages in which people listen, and may hear."""


def texts(source: str) -> Iterator[tuple[int, str]]:
    """(line number, line) of the docstrings, longer strings and comments of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
            yield from ((node.lineno + at, line.strip()) for at, line in enumerate(node.value.split("\n")))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("# ")


def first_lines(source: str) -> Iterator[tuple[int, str]]:
    """(line number, first line) of every docstring, those of fields included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value.split("\n")[0]


def faults(lines: Iterator[tuple[int, str]], phrases: dict[str, str], *, name: str) -> list[str]:
    """`NAME:LINE: 'phrase', write ...` for each phrase found."""
    return [
        f"{name}:{number}: {found[0]!r}, write: {hint}"
        for number, line in lines
        for pattern, hint in phrases.items()
        if (found := re.search(pattern, _QUOTED.sub("", line)))
    ]


def modules() -> Iterator[tuple[str, str, str]]:
    """(package, path, source) of every module."""
    for path in sorted(SOURCE.rglob("*.py")):
        place = path.relative_to(SOURCE)
        yield place.parts[0].removesuffix(".py"), str(place), path.read_text(encoding="utf-8")


def names(source: str) -> Iterator[tuple[int, str]]:
    """(line number, name) of the functions, classes, arguments and variables of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


def riddles(found: Iterable[tuple[int, str]], *, name: str) -> list[str]:
    """`NAME:LINE: 'name'` for each name with a word of `NAMES`, except the method of Python's files."""
    return [f"{name}:{line}: {each!r}" for line, each in found if each != "tell" and NAMES & set(_words(each))]


def _words(name: str) -> list[str]:
    """The words of a name in snake case or camel case, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"""Draw it anew."""', ["x:1: 'anew', write: again"]),
        ("a = 1\n# nothing is at hand", ["x:2: 'at hand', write: available"]),
        ("raise ValueError(f'{anew} cannot be had')", ["x:1: 'cannot be had', write: is (not) available"]),
        ('"""Draw it again; the word anewer is none, nor is `mend_chords`."""', []),
    ],
)
def test_a_phrase_is_found(source: str, expected: list[str]) -> None:
    assert faults(texts(source), PHRASES, name="x") == expected


def test_a_fragment_is_found() -> None:
    assert faults(first_lines('steps: int = 1\n"""Of one training."""\n'), FRAGMENTS, name="x")
    assert not faults(first_lines('steps: int = 1\n"""Updates of one training."""\n'), FRAGMENTS, name="x")


def test_a_riddling_name_is_found() -> None:
    source = "def _tell(asked):\n    toldAt = heard = asked\n"
    assert riddles(names(source), name="x") == ["x:1: '_tell'", "x:1: 'asked'", "x:2: 'toldAt'"]
    assert riddles([(1, "hearing.py"), (2, "shortest"), (3, "AskedFor")], name="x") == [
        "x:1: 'hearing.py'",
        "x:3: 'AskedFor'",
    ]


def test_modules_and_names_say_what_they_hold() -> None:
    found = [
        fault
        for _, name, source in modules()
        for fault in (*riddles([(0, name)], name=name), *riddles(names(source), name=name))
    ]
    assert not found, "\n".join(found)


def test_a_fragment_of_a_report_is_found() -> None:
    lines = [(1, "Of the 5 takeaways: 3 supported."), (2, "AR does better (scratch)."), (3, "The rate of the model")]
    assert [fault.split(":")[1] for fault in faults(iter(lines), SENTENCES, name="x")] == ["1", "2"]


def test_reports_are_written_in_sentences() -> None:
    found = [
        fault
        for package, name, source in modules()
        if package in ("claims", "report", "results", "study")
        for fault in faults(texts(source), SENTENCES, name=name)
    ]
    assert not found, "\n".join(found)


def test_the_source_avoids_phrases() -> None:
    found = [fault for _, name, source in modules() for fault in faults(texts(source), PHRASES, name=name)]
    assert not found, "\n".join(found)


def test_the_source_names_analyses_as_such() -> None:
    found = [
        fault
        for package, name, source in modules()
        if package not in LISTENERS
        for fault in faults(texts(source), ANALYSIS, name=name)
    ]
    assert not found, "\n".join(found)


def test_docstrings_begin_with_a_noun_or_a_verb() -> None:
    found = [fault for _, name, source in modules() for fault in faults(first_lines(source), FRAGMENTS, name=name)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("folder", ["docs", "configs", "src/counterpoint"])
def test_documents_pages_and_configurations_avoid_phrases(folder: str) -> None:
    suffixes = (".md", ".yaml", *([".js", ".html", ".css"] if folder.startswith("src") else []))
    paths = [
        path for path in sorted((ROOT / folder).rglob("*")) if path.suffix in suffixes and "vendor" not in path.parts
    ]
    found = [
        fault
        for path in paths
        for fault in faults(
            iter(list(enumerate(path.read_text(encoding="utf-8").split("\n"), 1))),
            PHRASES,
            name=str(path.relative_to(ROOT)),
        )
    ]
    assert not found, "\n".join(found)
