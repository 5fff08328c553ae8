"""Two models in one process, threads and forks do not disturb each other, and a call changes nothing of the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ISOLATED = """
import multiprocessing, os, random, sys, threading, warnings
import numpy as np, torch
torch.set_num_threads(2)
import counterpoint as cp

def state():
    return (
        torch.random.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate(),
        torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled(), os.getcwd(),
        [str(each) for each in warnings.filters],
    )

def draw(name, seed):
    settings = {"steps": 3} if "flow" in name else {}
    return models[name].generate("piano", duration_s=0.6, seed=seed, **settings)[0].audio

names = ["pocket_autoregressive", "pocket_flow_matching"]
models = {name: cp.load_model(name, device="cpu") for name in names}
draw(names[0], 0), draw(names[1], 0)
before = state()
expected = {(name, seed): draw(name, seed) for name in names for seed in (1, 2)}
assert state() == before, "a call changes what belongs to the process"

found = {}
threads = [threading.Thread(target=lambda key=key: found.__setitem__(key, draw(*key))) for key in expected]
for thread in threads: thread.start()
for thread in threads: thread.join()
for key in expected:
    np.testing.assert_array_equal(found[key], expected[key], err_msg=f"{key} in a thread")

def in_child(connection):
    connection.send({key: draw(*key) for key in expected})

receiver, sender = multiprocessing.Pipe(duplex=False)
child = multiprocessing.get_context("fork").Process(target=in_child, args=(sender,))
child.start()
assert receiver.poll(240), "the child hangs"
for key, audio in receiver.recv().items():
    np.testing.assert_array_equal(audio, expected[key], err_msg=f"{key} in a fork")
child.join()
np.testing.assert_array_equal(draw(names[0], 1), expected[names[0], 1])
"""


def test_models_threads_and_forks_do_not_disturb_each_other(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", ISOLATED], cwd=tmp_path, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    assert not done.stdout and not done.stderr, "a call prints nothing"
