"""Writes `docs/samples`: the models that ship beside real music and their codec, on captions that no training saw.

Run it in the folder of the project after the models were changed:

    python scripts/publish_samples.py
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from counterpoint.compose import compose
from counterpoint.encode import reconstruct_file
from counterpoint.generate import GenerationRequest, generate, load_model
from counterpoint.study.samples import write_samples

SEED = 2026
"""The seed of the captions; the models were trained on the corpus of seed 0."""
CLIPS, DURATION_S = 12, 8.0
MODELS = {"Auto-regressive": "pocket_autoregressive", "Flow matching": "pocket_flow_matching"}
OUT = Path("docs/samples").resolve()


def write_clips(aside: Path) -> list[str]:
    """Write folders of clips below `aside`, one a system; returns each as NAME=FOLDER."""
    corpus = compose(aside / "corpus", clips=CLIPS, duration_s=DURATION_S, seed=SEED)
    rows = sorted((row for split in corpus.splits.values() for row in split), key=lambda row: row["id"])
    for name in ("real", "codec", *MODELS.values()):
        (aside / name).mkdir()
    for row in rows:
        music = corpus.audio_path(row)
        shutil.copyfile(music, aside / "real" / f"{row['id']}{music.suffix}")
        (aside / "real" / f"{row['id']}.txt").write_text(row["caption"], encoding="utf-8")
        reconstruct_file(music, out=aside / "codec" / f"{row['id']}.wav", codec="pocket")
    for name in MODELS.values():
        model = load_model(name)
        captions = [row["caption"] for row in rows]
        request = GenerationRequest(captions, duration_s=DURATION_S, seed=SEED, sampling=model.how({}))
        for row, clip in zip(rows, generate(request, model=model), strict=True):
            clip.save(aside / name / f"{row['id']}.wav")
    shown = {"Real music": "real", "Through the codec": "codec", **MODELS}
    return [f"{name}={folder}" for name, folder in shown.items()]


def main() -> None:
    """Compose, reconstruct, generate, and write the page."""
    with tempfile.TemporaryDirectory() as place:
        columns = write_clips(Path(place))
        os.chdir(place)  # the page shows the command, and no reader needs to know where this was
        write_samples(columns, out=Path("samples"), prompts=CLIPS)
        shutil.rmtree(OUT, ignore_errors=True)
        shutil.copytree("samples", OUT)


if __name__ == "__main__":
    main()
