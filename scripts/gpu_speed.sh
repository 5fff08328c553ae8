#!/usr/bin/env bash
# All speed measurements that want a GPU: its ceilings, and Figures 5, 6 and 7 with both engines at the paper's size
# (400M models, bfloat16, guidance). Saves every run as a JSON line under results/speed/DEVICE, for the repository, and
# ends with ms a step at batch 1, clips a second at batch 256, and both as shares of the roofline.
#
# Cost: estimated at 17 minutes on an H100. Interrupted, the same command goes on where it was.
# Run:  scripts/gpu_speed.sh
#       SCALE=debug scripts/gpu_speed.sh      (a minute on a CPU: tries the script)
set -euo pipefail
SCALE=${SCALE:-paper}
BIN=${BIN:-.venv/bin}

if [ "$SCALE" = debug ]; then
    device=cpu
    summary=(--backbone debug --batch 1,2 --duration-s 0.2 --steps 50)
    compiled=(--backbone debug --batch 1 --duration-s 0.2 --steps 50)
else
    device=cuda
    summary=(--batch 1,256 --steps 50)
    compiled=(--batch 8,64 --steps 50)
fi

"$BIN/counterpoint" bench --device-limits --device "$device" --out "runs/limits-$device"
name=$("$BIN/python" -c "import json, re; \
print(re.sub(r'\W+', '-', json.load(open('runs/limits-$device/limits.json'))['name']).strip('-').lower())")
saved=results/speed/$name
mkdir -p "$saved"
cp "runs/limits-$device/limits.json" "$saved/limits.json"

for figure in fig5 fig6 fig7; do
    "$BIN/counterpoint" study run "$figure" --scale "$SCALE"
    cp "runs/$figure-$SCALE/steps/measure/points.jsonl" "$saved/$figure.jsonl"
done

"$BIN/counterpoint" bench --device "$device" --engine compiled --paradigm flow_matching "${compiled[@]}" \
    --out "runs/compiled-$SCALE"
cp "runs/compiled-$SCALE/points.jsonl" "$saved/compiled.jsonl"

# Measured already, as a part of Figure 5: this only prints.
"$BIN/counterpoint" bench --device "$device" --engine both "${summary[@]}" --out "runs/fig5-$SCALE/steps/measure"
echo "Saved: $saved. Reports: runs/fig{5,6,7}-$SCALE/report/index.html"
