#!/usr/bin/env bash
# Checks that a GPU gives what the CPU gives, within tolerances: codecs, models (CUDA graphs, bfloat16, compiled), judges,
# control tracks and a training. Then it measures points of Figure 5 at the paper's size (400M models, bfloat16), and
# prints a summary. All of it is data in the folder OUT: checks.json, points.jsonl and limits.json.
#
# Cost: planned for less than 8 minutes on an H100; it has not been run on one yet.
# Run:  scripts/gpu_check.sh
#       DEVICE=cuda:1 OUT=results/gpu-1 scripts/gpu_check.sh
#       DEVICE=cpu scripts/gpu_check.sh --quick        (tries the script itself on a machine without a GPU)
set -euo pipefail
cd "$(dirname "$0")/.."
BIN=${BIN:-.venv/bin}
exec timeout "${LIMIT_S:-480}" "$BIN/python" scripts/gpu_check.py \
    --device "${DEVICE:-cuda}" --out "${OUT:-results/gpu_check}" "$@"
