"""Compare a device with the CPU, within tolerances, and measure points of Figure 5 on it; see gpu_check.sh.

    python scripts/gpu_check.py --device cuda --out results/gpu_check

With `--quick` everything is small, and the device may be the CPU itself: that tries this script, and nothing else.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from counterpoint.bench.run import run_bench
from counterpoint.codec import blurred_codes, encode_audio, load_codec
from counterpoint.compose import compose
from counterpoint.config import TrainingConfig, UserError, load_yaml, write_json
from counterpoint.config.device import check_device, describe_device, find_device
from counterpoint.encode import encode_dataset
from counterpoint.generate import LoadedModel, load_model
from counterpoint.generate.model import read_model
from counterpoint.metrics.registry import judges
from counterpoint.training import train

ROOT = Path(__file__).parents[1]
MODELS = ("pocket_autoregressive", "pocket_flow_matching")
RATE = 32_000


@dataclass(frozen=True)
class Check:
    """A comparison with the CPU.

    Attributes:
        name: what was compared.
        error: how far the device is from the CPU: relative, or the share of codes that differ.
        tolerance: the largest error that passes.
        seconds: of the comparison, on both devices.
        passed: whether the error is a number within the tolerance.
    """

    name: str
    error: float
    tolerance: float
    seconds: float
    passed: bool


@dataclass(frozen=True)
class Plan:
    """The device and the extent of the checks."""

    device: str
    quick: bool

    @property
    def music(self) -> np.ndarray:
        """[N] chords with noise at 32 kHz."""
        seconds = 4 if self.quick else 30
        time_s = np.arange(seconds * RATE) / RATE
        tones = sum(np.sin(2 * np.pi * hertz * (1 + 0.2 * (time_s // 3)) * time_s) for hertz in (220.0, 277.2, 329.6))
        noise = np.random.default_rng(0).standard_normal(len(time_s))
        return (0.1 * tones + 0.02 * noise).astype(np.float32)

    @property
    def is_gpu(self) -> bool:
        return self.device != "cpu"


def relative(found: torch.Tensor | np.ndarray, expected: torch.Tensor | np.ndarray) -> float:
    """|found - expected| / |expected|, in the Euclidean norm."""
    found, expected = (torch.as_tensor(each).double().cpu() for each in (found, expected))
    return float((found - expected).norm() / expected.norm().clamp(min=1e-12))


def differing(found: torch.Tensor | np.ndarray, expected: torch.Tensor | np.ndarray) -> float:
    """The share of integers that differ."""
    return float((torch.as_tensor(found).cpu() != torch.as_tensor(expected).cpu()).double().mean())


def spectrum(audio: torch.Tensor) -> torch.Tensor:
    """Magnitudes of audio, in which phases that were made anew do not count."""
    return audio.cpu().stft(1024, window=torch.hann_window(1024), return_complex=True).abs()


Found = Iterator[tuple[str, float, float]]
"""(name, error, tolerance) of each comparison."""


def codecs(plan: Plan) -> Found:
    """Latents, codes and drum tracks of a codec, and what it decodes."""
    here, there = load_codec("pocket"), load_codec("pocket").to(plan.device)
    expected, found = encode_audio(plan.music, here), encode_audio(plan.music, there)
    assert expected.codes is not None and found.codes is not None
    yield "codec, latents", relative(found.latents, expected.latents), 1e-3
    yield "codec, codes", differing(found.codes, expected.codes), 0.01
    yield "codec, drum track", differing(blurred_codes(there, plan.music), blurred_codes(here, plan.music)), 0.01
    magnitudes = [
        codec.decode_codes(expected.codes).cpu().stft(1024, return_complex=True).abs() for codec in (here, there)
    ]
    yield "codec, decoded spectrum", relative(magnitudes[1], magnitudes[0]), 0.02


def greedy(model: LoadedModel, *, quick: bool) -> torch.Tensor:
    """Codes [1, K, T] or latents [1, T, D] of a clip, drawn without chance where the paradigm allows it."""
    paradigm, settings = model.paradigm, {"steps": 4 if quick else 25}
    if paradigm.target == "codes":
        settings = {"temperature": 0.0}
    frames = round((1.0 if quick else 4.0) * paradigm.latent.frame_rate)
    device = next(paradigm.parameters()).device
    sample = paradigm.sample(
        text=paradigm.prepare(["calm piano"]).to(device),
        lengths=torch.full((1,), frames, device=device),
        sampling=model.how(settings),
        generators=[torch.Generator().manual_seed(0)],
        window=frames,
    )
    found = sample.latents if sample.codes is None else sample.codes
    assert found is not None
    return found.float()


def models(plan: Plan) -> Found:
    """Clips of both paradigms: in fp32 by CUDA graphs, in bf16, and compiled."""
    for name in MODELS:
        expected = greedy(load_model(name, device="cpu"), quick=plan.quick)
        precisions = [("fp32", False, 0.02)]
        if plan.device.startswith("cuda"):
            precisions += [("bf16", False, 0.5)]  # greedy tokens part for good after the first that rounds otherwise
            precisions += [("fp32", True, 0.02)] if "flow" in name else []
        for precision, compiled, tolerance in precisions:
            loaded = load_model(name, device=plan.device, precision=precision, compiled=compiled)
            found = greedy(loaded, quick=plan.quick)
            error = differing(found, expected) if "auto" in name else relative(found, expected)
            yield f"{name}, {precision}{', compiled' * compiled}", error, tolerance


def losses(plan: Plan) -> Found:
    """The loss of both paradigms on the same target, in fp32 and in bf16."""
    for name in MODELS:
        found: list[float] = []
        for place, dtype in (("cpu", None), (plan.device, None), (plan.device, torch.bfloat16)):
            paradigm = read_model(name).paradigm.to(place)
            latent, generator = paradigm.latent, torch.Generator().manual_seed(0)
            if paradigm.target == "codes":
                target = torch.randint(0, latent.codebook_size, (4, latent.num_codebooks, 50), generator=generator)
            else:
                target = torch.randn(4, 50, latent.latent_dim, generator=generator)
            with torch.autocast(place.partition(":")[0], dtype=torch.bfloat16, enabled=dtype is not None):
                output = paradigm(
                    target.to(place),
                    text=paradigm.prepare(["calm piano"] * 4).to(place),
                    lengths=torch.full((4,), 50).to(place),
                    generator=generator,
                )
            found.append(float(output.loss))
        first, *others = found
        for precision, loss, tolerance in zip(("fp32", "bf16"), others, (1e-4, 0.02), strict=True):
            yield f"{name}, loss in {precision}", abs(loss - first) / abs(first), tolerance


def listeners(plan: Plan) -> Found:
    """Everything that every judge whose weights are here says of a clip."""
    for judge in judges():
        expected, found = judge.analyze(plan.music, device="cpu"), judge.analyze(plan.music, device=plan.device)
        for what in expected:
            yield f"judge {judge.name}, {what}", relative(found[what], expected[what]), 1e-2


def trainings(plan: Plan) -> Found:
    """A dataset encoded on the device, and the loss of a short training on it."""
    with TemporaryDirectory(prefix="gpu-check-") as place:
        data = Path(place) / "data"
        compose(data, clips=12 if plan.quick else 48, duration_s=2.0 if plan.quick else 10.0, seed=0)
        encode_dataset(data, codec="pocket", device=plan.device)
        steps = 2 if plan.quick else 40
        overrides = [f"data.dataset={data}", f"steps={steps}", f"data.segment_s={2.0 if plan.quick else 5.0}"]
        config = load_yaml(ROOT / "configs" / "quick_ar.yaml", TrainingConfig, overrides=overrides)
        found = [
            train(config, out=Path(place) / str(number), device=device, progress=False).loss
            for number, device in enumerate(("cpu", plan.device))
        ]
        assert found[0] is not None and found[1] is not None
        yield "training, loss of the last updates", abs(found[1] - found[0]) / found[0], 0.02


CHECKS: Sequence[Callable[[Plan], Found]] = (codecs, models, losses, listeners, trainings)


def carry_out(plan: Plan) -> list[Check]:
    """Every comparison, with a line for each as it is done."""
    done = []
    for check in CHECKS:
        started = time.perf_counter()
        for name, error, tolerance in check(plan):
            seconds, started = time.perf_counter() - started, time.perf_counter()
            done.append(Check(name, error, tolerance, seconds, passed=bool(error <= tolerance)))
            mark = "ok  " if done[-1].passed else "FAIL"
            print(f"{mark} {name}: {error:.2g} (tolerance {tolerance:g}), {seconds:.1f} s", flush=True)
    return done


def measure(plan: Plan, out: Path) -> None:
    """Points of Figure 5, into `out`; prints the table of them."""
    from counterpoint.cli.output import console

    sizes = {"backbone": "debug", "layers": [2], "batches": [1, 2], "durations_s": [0.2], "repeats": 1}
    if not plan.quick:
        sizes = {"backbone": "musicgen-small", "batches": [1, 8, 64, 256], "durations_s": [10.0], "repeats": 2}
    with torch.cuda.device(plan.device) if plan.device.startswith("cuda:") else torch.no_grad():
        run_bench(device=plan.device.partition(":")[0], out=out, steps=[50], **sizes).print(console())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1 or mps; cpu with --quick only")
    parser.add_argument("--out", type=Path, default=Path("results/gpu_check"), help="folder of the data")
    parser.add_argument("--quick", action="store_true", help="small sizes, to try this script")
    given = parser.parse_args()
    try:
        plan = Plan(find_device(check_device(given.device)), quick=given.quick)
        if not plan.is_gpu and not plan.quick:
            raise UserError("This compares a GPU with the CPU: name a GPU by --device, or try the script with --quick.")
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    print(f"Device: {describe_device(plan.device)}")
    started = time.perf_counter()
    done = carry_out(plan)
    given.out.mkdir(parents=True, exist_ok=True)
    about = {"device": describe_device(plan.device), "torch": torch.__version__, "quick": plan.quick}
    write_json(given.out / "checks.json", {**about, "checks": [asdict(check) for check in done]})
    measure(plan, given.out)
    failed = sum(not check.passed for check in done)
    print(
        f"{len(done) - failed} of {len(done)} checks passed in {time.perf_counter() - started:.0f} s; data: {given.out}"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
