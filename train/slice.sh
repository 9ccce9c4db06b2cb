#!/bin/sh
# One slice of a training on a machine that is lent for minutes at a time.
#
#     OUT=DIR train/slice.sh DATA MINUTES SECONDS
#
# The first slice starts `python3 -m train all` beside itself, which is to end after MINUTES; every slice waits for it,
# for SECONDS at most, then leaves in OUT what is finished: a tar in parts of 15 MiB, to be joined with cat. Later slices
# on the same machine only wait and collect. On another machine, unpack the last tar into target/train first: what is
# finished there is not trained again.
set -eu
data=$1 minutes=$2 seconds=$3
home=target/train
mkdir -p "$home"
if [ ! -e "$home/running" ]; then
    touch "$home/running" "$home/session.txt"
    PYTHONUNBUFFERED=1 setsid sh -c "python3 -m train all --data '$data' --minutes $minutes; echo exit \$?" \
        >"$home/session.txt" 2>&1 </dev/null &
fi
while [ "$seconds" -gt 0 ] && ! grep -q '^exit ' "$home/session.txt"; do
    sleep 5
    seconds=$((seconds - 5))
done
cat "$home/session.txt"
tail -qn 1 "$home"/logs/*.jsonl || true
command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=utilization.gpu,memory.used --format=csv
cd "$home"
for part in judge.safetensors weights cards goldens faces logs evaluation.json session.txt; do
    [ -e "$part" ] && echo "$part"
done | tar -cf - -T - | split -b 15M - "$OUT/train.tar."
ls -l "$OUT"
