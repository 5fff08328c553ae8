"""Tests for other tools, ratings from them, and the verbs of the command line."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from counterpoint.cli.app import app
from counterpoint.config import UserError, read_json
from counterpoint.listen.answers import Answers
from counterpoint.listen.exchange import export_test, import_ratings, webmushra
from counterpoint.listen.folder import read_test
from counterpoint.listen.results import collect

New = Callable[..., Path]
PAGES = {"ratings": "likert_single_stimulus", "ab": "likert_multi_stimulus", "mushra": "mushra"}


@pytest.mark.parametrize(("design", "pages"), [("ratings", 3 * 5 * 2), ("ab", 3 * 3), ("mushra", 3)])
def test_webmushra_gets_every_trial_and_every_clip(new_test: New, tmp_path: Path, design: str, pages: int) -> None:
    test = read_test(new_test(design=design))
    path = export_test(test, tmp_path / "out")
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert [page["type"] for page in config["pages"] if isinstance(page, dict)] == ["generic", "volume", "finish"]
    (shuffled,) = [page for page in config["pages"] if isinstance(page, list)]
    assert shuffled[0] == "random" and len(shuffled) == 1 + pages
    assert len({page["id"] for page in shuffled[1:]}) == pages
    for page in shuffled[1:]:
        assert page["type"] == PAGES[design]
        for clip in [*page["stimuli"].values(), *([page["reference"]] if "reference" in page else [])]:
            assert (tmp_path / "out" / clip).is_file()
        assert not {*page["stimuli"]} & {*test.systems}, "blind names"
    rows = list(csv.DictReader((tmp_path / "out" / "trials.csv").open(encoding="utf-8")))
    assert len(rows) == {"ratings": 15, "ab": 9, "mushra": 3}[design]
    assert not (tmp_path / "out" / "key.json").exists()
    with pytest.raises(UserError, match="already exists"):
        export_test(test, tmp_path / "out")
    (test.folder / test.manifest.items[0].files[0].file).unlink()
    with pytest.raises(UserError, match=r"The clip .* is missing; restore it from a copy"):
        export_test(test, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_labels_and_captions_are_escaped(new_test: New) -> None:
    test = read_test(new_test())
    pages = webmushra(test)["pages"][2][1:]
    assert any("&lt;b&gt;waltz" in page["content"] for page in pages) and not any(
        "<b>" in page["content"] for page in pages
    )
    assert [point["label"] for point in pages[0]["response"]][::9] == ["1 very rough", "10 seamless"]


def test_a_design_without_reference_is_no_page_of_webmushra(new_test: New) -> None:
    folder = new_test(design="mushra")
    text = (folder / "test.yaml").read_text().replace("open_reference: true ", "open_reference: false ")
    (folder / "test.yaml").write_text(text)
    with pytest.raises(UserError, match="needs an open reference"):
        webmushra(read_test(folder))


def ratings(path: Path, rows: list[str], header: str = "rater,item,system,question,value") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_ratings_from_elsewhere_count_like_our_own(new_test: New, tmp_path: Path) -> None:
    test = read_test(new_test())
    blind = Path(test.files_of(test.items["track-1"])["ar"]).stem
    rows = [
        f"{who},{item},{system},{question},{value}"
        for who, shift in (("ann", 0), ("bob", 1))
        for item in test.items
        for system, value in (("fm", 8 + shift), ("ar", 5 + shift))
        for question in ("transition_smoothness", "audio_match")
    ]
    rows = [row.replace("track-1,ar,", f"track-1,{blind},") for row in rows]
    answers = Answers(test)
    assert import_ratings(answers, ratings(tmp_path / "a.csv", rows)) == 2
    found = collect(answers)
    mean = found.mean("audio_match", "fm")
    assert mean and (mean.value, mean.n) == (8.5, 6) and found.kept == 2 and not found.excluded
    with pytest.raises(UserError, match=r"'ann' .* was imported already"):
        import_ratings(answers, tmp_path / "a.csv")
    answers.close()


def test_an_empty_database_has_no_answers(new_test: New) -> None:
    test = read_test(new_test())
    (test.folder / "answers.db").touch()
    with pytest.raises(UserError, match="has no answers yet"):
        Answers(test, create=False)


def test_preferences_from_elsewhere_keep_their_side(new_test: New, tmp_path: Path) -> None:
    test = read_test(new_test(design="ab"))
    rows = [f"ann,{item},fm,ar,preference,1" for item in test.items] + [
        f"ann,{item},ar,fm_inversion,preference,0.5" for item in test.items
    ]
    answers, header = Answers(test), "rater,item,system,other,question,value"
    for row, message in {"fm,ar,preference,0.3": "0, 0.5 or 1", "fm,fm,preference,1": "'fm' with itself"}.items():
        with pytest.raises(UserError, match=message):
            import_ratings(answers, ratings(tmp_path / "a.csv", [f"ann,track-1,{row}"], header))
    for again in ("fm,ar,preference,1", "ar,fm,preference,0"):
        with pytest.raises(UserError, match="has two ratings of ann, track-1"):
            import_ratings(answers, ratings(tmp_path / "a.csv", [*rows, f"ann,track-1,{again}"], header))
    import_ratings(answers, ratings(tmp_path / "a.csv", rows, header))
    duels = {(duel.first, duel.second): duel.share for duel in collect(answers).duels}
    assert duels == {("ar", "fm"): 0.0, ("ar", "fm_inversion"): 0.5}
    answers.close()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("ann,track-1,fm,audio_match,11", "value 11; it must be a whole number from 1 to 10"),
        ("ann,track-1,fm,audio_match,3.5", "value 3.5; it must be a whole number from 1 to 10"),
        ("ann,track-1,fm,audio_match,many", "which is not a number"),
        ("ann,nowhere,fm,audio_match,5", "names the item 'nowhere'"),
        ("ann,track-1,musicgen,audio_match,5", "names the system 'musicgen'; the systems of the test are"),
        ("ann,track-1,fm,beauty,5", "names the question 'beauty'"),
        ("ann,track-1,fm,,5", "has no 'question'"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_added(new_test: New, tmp_path: Path, row: str, message: str) -> None:
    answers = Answers(read_test(new_test()))
    good = "bob,track-1,fm,audio_match,5"
    with pytest.raises(UserError, match=f"line 3.*{message}"):
        import_ratings(answers, ratings(tmp_path / "a.csv", [good, row]))
    with pytest.raises(UserError, match="has two ratings of"):
        import_ratings(answers, ratings(tmp_path / "b.csv", [good, good]))
    assert collect(answers).entered == 0
    answers.close()


def run(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["listen", *map(str, arguments)])
    if code:
        assert isinstance(done.exception, UserError), done.output
        return str(done.exception)
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_the_verbs_from_new_to_results(inpainted: Path, tmp_path: Path) -> None:
    folder = tmp_path / "test"
    said = run("new", folder, "--from", inpainted, "--items", "3")
    assert "3 items, each as Ground truth, Auto-regression" in said and "design ratings" in said
    assert "judgments of each system and question" in run("plan", folder) and "12 raters" in run(
        "plan", folder, "--raters", "12"
    )
    links = run("invite", folder, "--raters", "2", "--url", "https://listen.example/").split()
    assert len(links) == 2 and all(link.startswith("https://listen.example/r/") for link in links)
    assert "All data of" in run("delete", folder, links[0])
    rows = [f"ann,{item},fm,audio_match,7" for item in read_test(folder).items]
    assert "1 raters added" in run("import", folder, ratings(tmp_path / "a.csv", rows))
    out = run("results", folder, "--csv", tmp_path / "raw.csv", "--json", tmp_path / "found.json")
    assert "1 raters entered" in out
    assert len((tmp_path / "raw.csv").read_text().splitlines()) == 4
    assert read_json(tmp_path / "found.json")["judgments"] == 3
    assert "webMUSHRA" in run("export", folder, tmp_path / "out")


def test_folders_of_audio_make_a_test(inpainted: Path, tmp_path: Path) -> None:
    places = [f"{name}={inpainted / 'steps' / f'generate_{name}'}" for name in ("ar", "fm")]
    truth = f"music={inpainted / 'steps' / 'prompts' / 'truth'}"
    sources = [option for place in (*places, truth) for option in ("--from", place)]
    said = run("new", tmp_path / "mos", *sources, "--items", "2", "--reference", "music")
    assert "each as music, ar, fm; design mos" in said
    test = read_test(tmp_path / "mos")
    assert test.study is None and test.key.hidden_reference == "music" and test.contestants == ["ar", "fm"]
    run("new", tmp_path / "mushra", *sources, "--items", "2", "--reference", "music", "--design", "mushra")
    assert read_test(tmp_path / "mushra").key.low_anchor == "low_pass_3500"


def test_what_cannot_be_made_is_said_in_a_sentence(inpainted: Path, tmp_path: Path) -> None:
    steps = inpainted / "steps"
    ar, fm = (f"{name}={steps / f'generate_{name}'}" for name in ("ar", "fm"))
    cases = {
        "no finished study 'nowhere'": ["--from", "nowhere"],
        "two or more folders": ["--from", ar],
        "compares two or more systems, but there is only 1": [
            *("--from", ar, "--from", fm, "--reference", "fm", "--design", "ab", "--items", "2")
        ],
        "needs the true music": ["--from", ar, "--from", fm, "--design", "mushra", "--items", "2"],
        "no design 'stars'": ["--from", ar, "--from", fm, "--design", "stars"],
        "has no system 'music'": ["--from", ar, "--from", fm, "--reference", "music"],
        "a number from 1 to 8": ["--from", inpainted, "--items", "9"],
    }
    for message, arguments in cases.items():
        assert message in run("new", tmp_path / "out", *arguments, code=2), message
    assert not (tmp_path / "out").exists()


def test_clips_of_different_lengths_are_named(inpainted: Path, tmp_path: Path) -> None:
    from counterpoint.audio import load_audio, save_audio

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for clip in ("a", "b"):
            audio, _ = load_audio(inpainted / "steps" / "generate_ar" / "track-1.wav", sample_rate=32_000)
            short = name == "two" and clip == "b"
            save_audio(
                tmp_path / name / f"{clip}.wav", audio[: len(audio) // 2] if short else audio, sample_rate=32_000
            )
    said = run(
        "new", tmp_path / "out", "--from", tmp_path / "one", "--from", tmp_path / "two", "--items", "2", code=2
    )  # fmt: skip
    assert "clips of 'b' differ in length: two has 1.00 s, one has 2.00 s" in said
