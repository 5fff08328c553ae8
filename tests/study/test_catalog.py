"""The list of studies: every one with what it reproduces and costs, fast, and finished ones by their results."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from counterpoint.cli.app import app
from counterpoint.config import write_json
from counterpoint.results.records import RESULTS_FILE, SCHEMA_VERSION, Header, Provenance, StudyInfo
from counterpoint.study.catalog import Listed, catalog, finished_in
from counterpoint.study.shipped import CONFIGS


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> list[Listed]:
    return catalog(tmp_path_factory.mktemp("runs"))


def finished(folder: Path, *, study: str, schema: int = SCHEMA_VERSION) -> Path:
    """A folder with the head of the results of a study."""
    info = StudyInfo(name=study, kind="grid", shipped=study, config={})
    header = Header(schema_version=schema, study=info, provenance=Provenance(steps={}))
    write_json(folder / RESULTS_FILE, header.model_dump(mode="json"))
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


def test_a_study_is_finished_where_its_results_lie_whatever_the_folder_is_called(tmp_path: Path) -> None:
    names = ["table3", "fig3", "fig5"]
    own = finished(tmp_path / "mine", study="table3")
    large = finished(tmp_path / "table3-paper", study="table3")
    finished(tmp_path / "other", study="")
    finished(tmp_path / "older", study="fig3", schema=SCHEMA_VERSION - 1)
    (tmp_path / "fig5" / "report").mkdir(parents=True)  # begun
    assert finished_in(tmp_path, names=names) == {"table3": (own, large), "fig3": (), "fig5": ()}
    assert finished_in(tmp_path / "nowhere", names=names) == dict.fromkeys(names, ())


def test_the_verb_prints_names_tables_and_what_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(tmp_path / "runs" / "quick", study="quick")
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(app, ["study", "list"])
    assert found.exit_code == 0, found.output
    quick = next(part for part in found.output.split("\n\n") if part.startswith("quick "))
    assert "Table 2" in quick and "finished: runs/quick" in quick
    assert "Appendix B" in found.output
