"""The registry of what is built in; what other packages bring is tested in tests/plugins."""

from __future__ import annotations

import pytest

from counterpoint.config import UserError
from counterpoint.config.codec_formats import FORMATS
from counterpoint.config.registry import BUILT_IN
from counterpoint.metrics.registry import FAMILIES
from counterpoint.paradigm import PARADIGMS
from counterpoint.paradigm.solvers import SOLVERS
from counterpoint.study.engines.registry import ENGINES
from counterpoint.study.kinds import KINDS

REGISTRIES = (PARADIGMS, FORMATS, FAMILIES, SOLVERS, KINDS, ENGINES)


def test_every_entry_that_is_built_in_is_where_the_table_says() -> None:
    assert {registry.group for registry in REGISTRIES} == BUILT_IN.keys()
    for registry in REGISTRIES:
        names = tuple(BUILT_IN[registry.group])
        assert tuple(registry)[: len(names)] == names and len(list(registry.values())) >= len(names)


def test_a_paradigm_s_entry_has_the_name_that_it_is_registered_by() -> None:
    assert [entry.name for entry in PARADIGMS.values()] == list(PARADIGMS)
    looks = {(entry.mark, entry.colour) for entry in PARADIGMS.values()}
    assert len(looks) == len({entry.short for entry in PARADIGMS.values()}) == len(list(PARADIGMS))


def test_a_name_that_is_not_there_is_answered_with_those_that_are() -> None:
    assert "euler" in SOLVERS and "eulr" not in SOLVERS and SOLVERS.check("heun") == "heun"
    with pytest.raises(
        UserError, match=r"There is no solver 'eulr' \(did you mean 'euler'\?\); .* are euler, midpoint"
    ):
        SOLVERS["eulr"]
