"""JSON and YAML from elsewhere: whatever it holds becomes a value or one sentence, in bounded time."""

from __future__ import annotations

import random
import time

import pytest

from counterpoint.config import TrainingConfig, UserError, load_yaml
from counterpoint.config.documents import parse_json, parse_yaml, quoted
from counterpoint.config.load import read_settings

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' + "1" * 5000 + "}", "too many digits"),
        (r'{"caption": "\ud800"}', "half a character"),
        (r'["\uDFFF"]', "half a character"),
        ("{", "not valid JSON"),
        ("", "not valid JSON"),
    ],
)
def test_json_out_of_bounds_is_a_value_error(text: str, said: str):
    with pytest.raises(ValueError, match=said):
        parse_json(text)


def test_whole_characters_may_be_escaped():
    assert parse_json(r'"\ud83c\udfb5 \\ud800"') == "\U0001f3b5 \\ud800"


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        "[" * 5000,
        "{" * 5000,
        "- " * 3000,
        "a: &a [*a]",
        "a: 2001-99-99",
        "a: " + "1" * 5000,
        "[",
        "@",
        "*x",
        "!!python/object/apply:os.system [ls]",
        "!!int x",
        "!!float x",
        "!!bool x",
        "!!timestamp x",
        "!!binary x",
        "? [a]\n: b",
        "x" * (1 << 22),
        "a: 1\nb: 2\na: 3",
        "{a: {b: 1, b: 1}}",
        "010",
        "-07_7",
        "1:30",
        "1:30.5",
    ],
    ids=range(24),
)
def test_yaml_out_of_bounds_is_one_sentence_soon(text: str):
    started = time.process_time()
    with pytest.raises(UserError, match=r"it is not valid YAML \(") as refused:
        parse_yaml(text, source="it")
    assert time.process_time() - started < 5
    assert len(str(refused.value)) < 300
    with pytest.raises(UserError) as refused:
        read_settings([f"steps={text}"])
    assert len(str(refused.value)) < 500


def test_numbers_and_keys_stay_what_they_look_like():
    numbers = "[0, -7, 10, 1_000, 0.5, 00.5, 1.0e-3, 0x10]"
    assert parse_yaml(numbers, source="it") == [0, -7, 10, 1000, 0.5, 0.5, 1e-3, 16]
    merged = "a: &a {x: 1, y: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: *b, y: 3}"
    assert parse_yaml(merged, source="it")["c"] == {"x": 2, "y": 3}
    with pytest.raises(UserError, match="the key steps is used twice, again in line 3"):
        parse_yaml("steps: 5\nseed: 1\nsteps: 10", source="it")


def test_aliases_within_bounds_are_fine():
    assert parse_yaml("a: &a {b: 1}\nc: *a", source="it") == {"a": {"b": 1}, "c": {"b": 1}}


def test_drawn_yaml_never_raises_anything_else(tmp_path):
    drawn, path = random.Random(1), tmp_path / "a.yaml"
    for _ in range(300):
        text = "".join(drawn.choices([*"ab:-[]{}&*!|>%@'\"\n #,?01.", "\n  ", ": ", "scales", "model"], k=24))
        path.write_text(text)
        with pytest.raises(UserError):
            load_yaml(path, TrainingConfig)


@pytest.mark.parametrize("scales", ["5", "[a]", "{quick: 5}", "{1: {}}", "x"])
def test_scales_of_another_form_are_refused(tmp_path, scales: str):
    (tmp_path / "a.yaml").write_text(f"scales: {scales}\nsteps: 1\n")
    with pytest.raises(UserError, match="scales must name groups"):
        load_yaml(tmp_path / "a.yaml", TrainingConfig)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_configuration_comes_in_any_encoding(tmp_path, encoding: str):
    text = "# Entwürfe\nmodel: {paradigm: flow_matching}\ndata: {dataset: Größe}\n"
    (tmp_path / "a.yaml").write_bytes(text.encode(encoding))
    if encoding == "latin-1":
        with pytest.warns(UserWarning, match="Latin-1"):
            found = load_yaml(tmp_path / "a.yaml", TrainingConfig)
    else:
        found = load_yaml(tmp_path / "a.yaml", TrainingConfig)
    assert found.data.dataset == "Größe"


@pytest.mark.parametrize(
    "setting",
    [
        "steps=true",
        "batch_size=[true]",
        "seed=18446744073709551616",
        "seed=9223372036854775808",
        "seed=-1",
        "optimizer.betas=[1, 1]",
        "optimizer.betas=[-1, 2]",
        "optimizer.betas=[.nan, .nan]",
        "optimizer.betas=[true, 0.9]",
        "optimizer.learning_rate=.inf",
        "optimizer.weight_decay=.nan",
        "data.segment_s=.inf",
        "model.times_location=.nan",
        f"steps={LAUGHS}",
    ],
)
def test_values_are_checked_where_they_enter(tmp_path, setting: str):
    (tmp_path / "a.yaml").write_text("model: {paradigm: flow_matching}\ndata: {dataset: x}\n")
    with pytest.raises(UserError) as refused:
        load_yaml(tmp_path / "a.yaml", TrainingConfig, overrides=[setting])
    assert len(str(refused.value)) < 500


def test_quotes_are_clipped():
    nested: list = []
    for _ in range(5000):
        nested = [nested, nested]
    nested.append("x" * 10_000)
    assert len(quoted(nested)) < 300 and len(quoted("x" * 10_000)) < 100 and len(quoted({"a": list(range(9999))})) < 100
