"""JASCO's chord mapping: a permutation of our classes, read without ever running what a file says."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from counterpoint.analysis.audiocraft_chords import audiocraft_classes
from counterpoint.analysis.chords import vocabulary
from counterpoint.config import UserError


def mapping(*, unknown: bool = True) -> dict[str, int]:
    """As audiocraft writes it: labels in the order of their first appearance, and then `UNK`."""
    order = np.random.default_rng(0).permutation(len(vocabulary()))
    found = {vocabulary()[place]: index for index, place in enumerate(order)}
    return found | ({"UNK": len(found)} if unknown else {})


def write(path: Path, value: object) -> Path:
    path.write_bytes(pickle.dumps(value))
    return path


def test_every_class_of_ours_becomes_theirs(tmp_path: Path) -> None:
    theirs = mapping()
    classes = audiocraft_classes(write(tmp_path / "m.pkl", theirs))
    assert sorted(classes) == list(range(193))
    assert all(classes[index] == theirs[label] for index, label in enumerate(vocabulary()))
    track = np.array([0, 5, 5, 192], dtype=np.int16)
    assert [vocabulary()[place] for place in track] == [
        next(label for label, index in theirs.items() if index == found) for found in classes[track]
    ]


def test_a_label_that_their_data_lacked_is_unknown_to_them(tmp_path: Path) -> None:
    theirs = mapping()
    del theirs["Ebm7b5/Db"]
    classes = audiocraft_classes(write(tmp_path / "m.pkl", theirs))
    assert classes[vocabulary().index("Ebm7b5/Db")] == theirs["UNK"] and (classes == theirs["UNK"]).sum() == 1
    del theirs["UNK"]
    with pytest.raises(UserError, match="no class for 'Ebm7b5/Db', nor one for 'UNK'"):
        audiocraft_classes(write(tmp_path / "m.pkl", theirs))


def test_a_pickle_that_would_run_code_never_does(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Malicious:
        def __reduce__(self) -> object:
            return Path.touch, (marker,)

    path = write(tmp_path / "bad.pkl", {**mapping(), "C": Malicious()})
    with pytest.raises(UserError, match="would run code"):
        audiocraft_classes(path)
    assert not marker.exists()
    pickle.loads(path.read_bytes())
    assert marker.exists()  # so it was a threat


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"H7": 3}, "'H7'"),
        ({"C": 0, "D": 0, "UNK": 1}, "two chords one class"),
        (["C"], "must hold a dict"),
        ({"C": True}, "must hold a dict"),
    ],
)
def test_what_is_no_mapping_is_said_to_be_none(tmp_path: Path, content: object, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        audiocraft_classes(write(tmp_path / "m.pkl", content))


def test_missing_and_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no chord mapping at"):
        audiocraft_classes(tmp_path / "none.pkl")
    (tmp_path / "cut.pkl").write_bytes(pickle.dumps(mapping())[:100])
    with pytest.raises(UserError, match="is damaged"):
        audiocraft_classes(tmp_path / "cut.pkl")
