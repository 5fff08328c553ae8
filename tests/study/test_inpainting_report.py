"""The report of a study of inpainting says what the tests allow, shows what was filled in, and opens from disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from counterpoint.study.kinds.inpainting import InpaintingStudy
from counterpoint.study.report.content import InpaintingContent
from counterpoint.study.report.inpainting import assemble_inpainting, write_inpainting_report
from counterpoint.study.report.read import Folders

Fabricate = Callable[..., Folders]
STUDY = {
    "kind": "inpainting",
    "training": {"backbone": "debug", "steps": 3},
    "inpainting": {"mask_s": 0.8, "margin_s": 0.5, "steps": 3},
    "prompts": {"duration_s": 2},
    "report": {"examples": 2},
}


def assembled(folders: Folders) -> InpaintingContent:
    study = InpaintingStudy.model_validate(STUDY).model_dump(mode="json")
    return assemble_inpainting(folders, name="tiny", study=study, study_yaml="kind: inpainting\n", own_data=False)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory, fabricate_inpainting: Fabricate) -> InpaintingContent:
    return assembled(fabricate_inpainting(tmp_path_factory.mktemp("study")))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, content: InpaintingContent) -> Path:
    return write_inpainting_report(content, tmp_path_factory.mktemp("report")).parent


@pytest.fixture(scope="module")
def page(report: Path) -> str:
    return (report / "index.html").read_text(encoding="utf-8")


def test_the_verdict_is_one_sentence(content: InpaintingContent) -> None:
    print(content.verdict.sentence)
    for p in content.verdict.points:
        print(p)
    assert content.verdict.sentence.endswith(".")


def test_page(page: str) -> None:
    assert page
