import pytest

from counterpoint.config.nearest import did_you_mean, nearest

KNOWN = ("pocket_autoregressive", "pocket_flow_matching", "quick/autoregressive", "laptop-ar", "pocket_vae_25hz")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("pocket_ar", "pocket_autoregressive"),
        ("pocket-AR", "pocket_autoregressive"),
        ("pocket_fm", "pocket_flow_matching"),
        ("pocket_flow", "pocket_flow_matching"),
        ("pocket_autoregresive", "pocket_autoregressive"),
        ("quick/autoregresive", "quick/autoregressive"),
        ("pocket_vae_25", "pocket_vae_25hz"),
        ("laptop_ar", "laptop-ar"),
        ("xyzzy", None),
        ("", None),
    ],
)
def test_the_nearest_name(typed: str, meant: str | None) -> None:
    assert nearest(typed, KNOWN) == meant


def test_nothing_is_suggested_where_nothing_is_known() -> None:
    assert nearest("pocket", []) is None
    assert did_you_mean("xyzzy", KNOWN) == ""
    assert did_you_mean("pocket_ar", KNOWN) == " (did you mean 'pocket_autoregressive'?)"
