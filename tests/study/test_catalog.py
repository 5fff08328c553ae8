"""The list of studies: every one with what it reproduces and costs, fast, and finished ones by their reports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from counterpoint.cli.app import app
from counterpoint.study.catalog import Listed, catalog, finished_in, header_cost
from counterpoint.study.shipped import CONFIGS


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> list[Listed]:
    return catalog(tmp_path_factory.mktemp("runs"))


def report(folder: Path) -> Path:
    (folder / "report").mkdir(parents=True)
    (folder / "report" / "index.html").touch()
    return folder


def test_every_shipped_study_is_listed_once_with_what_it_reproduces_and_costs(listed: list[Listed]) -> None:
    assert sorted(study.name for study in listed) == sorted(path.stem for path in CONFIGS.glob("*.yaml"))
    for study in listed:
        assert study.reproduces.startswith(("Table", "Figure", "Appendix")), study.name
        assert study.compares and study.cost, study.name
        assert study.scales == tuple(yaml.safe_load((CONFIGS / f"{study.name}.yaml").read_text()).get("scales", {}))


def test_tables_come_before_figures_and_these_before_appendices_by_number(listed: list[Listed]) -> None:
    places = [study.reproduces.split(",")[0].split() for study in listed]
    kinds = [kind for kind, _ in places]
    assert kinds == sorted(kinds, key=["Table", "Figure", "Appendix"].index)
    numbers = [int(number) for kind, number in places if kind == "Figure"]
    assert numbers == sorted(numbers) and len(numbers) > 4


def test_listing_imports_no_torch() -> None:
    code = (
        "import sys; from counterpoint.study.catalog import catalog; found = catalog(); "
        "heavy = {'torch', 'transformers', 'datasets', 'librosa'} & set(sys.modules); "
        "assert found and not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_study_is_finished_where_its_report_lies(tmp_path: Path) -> None:
    names = ["table3", "table3b", "fig3", "fig5"]
    whole = report(tmp_path / "table3")
    large = report(tmp_path / "table3-paper-mine")
    other = report(tmp_path / "table3b")
    (tmp_path / "fig5" / "report").mkdir(parents=True)  # begun
    report(tmp_path / "fig30")
    assert finished_in(tmp_path, names=names) == {
        "table3": (whole, large),
        "table3b": (other,),
        "fig3": (),
        "fig5": (),
    }
    assert finished_in(tmp_path / "nowhere", names=names) == dict.fromkeys(names, ())


def test_a_folder_is_that_of_the_longest_name(tmp_path: Path) -> None:
    folder = report(tmp_path / "fig3-more-paper")
    assert finished_in(tmp_path, names=["fig3", "fig3-more"]) == {"fig3": (), "fig3-more": (folder,)}


@pytest.mark.parametrize(
    ("header", "cost"),
    [
        (
            "# What.\n#\n# Cost: quick, two minutes\n#       on 2 cores. paper: more.\n# Run:  x\nkind: a\n",
            "two minutes on 2 cores",
        ),
        ("# Cost: 8 min 23 s and 1.4 GB, no network\n# Run:  x\n", "8 min 23 s and 1.4 GB, no network"),
        ("# Nothing is said.\nkey: 1  # Cost: none\n", ""),
    ],
)
def test_the_cost_is_the_first_sentence_of_the_header(tmp_path: Path, header: str, cost: str) -> None:
    (tmp_path / "study.yaml").write_text(header)
    assert header_cost(tmp_path / "study.yaml") == cost


def test_the_verb_prints_names_tables_and_what_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report(tmp_path / "runs" / "quick")
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(app, ["study", "list"])
    assert found.exit_code == 0, found.output
    quick = next(part for part in found.output.split("\n\n") if part.startswith("quick "))
    assert "Table 2" in quick and "finished: runs/quick" in quick
    assert "Appendix B" in found.output
