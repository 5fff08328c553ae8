"""`counterpoint listen new`: make the folder of a test, ready to be served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from counterpoint.config import UserError, atomic_folder, write_json
from counterpoint.config.text import read_text
from counterpoint.listen.design import DESIGN_FILE, TestDesign, find_design, read_design
from counterpoint.listen.folder import ORIGIN_FILE, read_test
from counterpoint.listen.sources import Source, read_source
from counterpoint.listen.stimuli import Progress, Wanted, check_items, fill_stimuli
from counterpoint.results.schema import TRUTH


@dataclass(frozen=True)
class MadeTest:
    """A new test.

    Attributes:
        conditions: names of the conditions that are compared.
    """

    folder: Path
    design: TestDesign
    items: int
    conditions: Sequence[str]


def make_test(
    out: Path,
    *,
    places: Sequence[str],
    design: str = "",
    items: int = 12,
    seed: int = 0,
    systems: Sequence[str] | None = None,
    reference: str = "",
    progress: Progress | None = None,
) -> MadeTest:
    """Make a test from a finished study, or from folders of audio (one per system). A failure leaves nothing behind.

    Args:
        out: a new or empty folder.
        places: see `read_source`.
        design: an included design or a YAML file; by default the paper's if spans were filled in, else `mos`.
        items: number of items, spread evenly over those of the source.
        seed: seed of blind names and orders.
        systems: systems to compare; by default the paper's, or all systems with a model.
        reference: name of the folder with the true music.
        progress: called with (items done, total items).

    Raises:
        UserError: see `read_source` and `fill_stimuli`; or the design needs a reference and the source has none.
    """
    source = read_source(places, systems=systems, reference=reference)
    path = find_design(design or ("ratings" if any(item.span_s for item in source.items) else "mos"))
    chosen = read_design(path)
    check_items(source, items)
    _check_conditions(source, chosen)
    text = read_text(path, what="design")
    wanted = Wanted(
        items=items,
        seed=seed,
        questions=[question.model_dump() for question in chosen.questions],
        training=chosen.training,
        low_pass_hz=chosen.low_pass_hz if source.reference else (),
        checks=chosen.attention,
        pairs=chosen.presentation == "pair",
        most_beeps=min(5, *(question.high for question in chosen.questions if question.high > 1), 5),
    )

    def fill(place: Path) -> None:
        fill_stimuli(place, source, wanted, progress=progress)
        (place / DESIGN_FILE).write_text(text, encoding="utf-8")
        write_json(place / ORIGIN_FILE, {"study": str(source.study) if source.study else ""})

    atomic_folder(out, fill)
    return MadeTest(out, chosen, items, list(read_test(out).key.names.values()))


def _check_conditions(source: Source, design: TestDesign) -> None:
    compared = [key for key in source.conditions if key not in (source.reference, source.anchor)]
    if design.presentation == "pair" and design.compare == "systems" and len(compared) < 2:
        raise UserError(
            f"The design {design.design} compares two or more systems, but there is only {len(compared)} besides the "
            "reference and the anchor; name more systems, or copy the design and set compare: all."
        )
    if (design.open_reference or design.low_pass_hz) and not source.reference:
        raise UserError(
            f"The design {design.design} needs the true music ({TRUTH} of a study, or --reference with folders); "
            "give it, or copy the design and set open_reference: false and low_pass_hz: []."
        )
