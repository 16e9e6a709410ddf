#!/usr/bin/env bash
# All that is to be measured on a GPU, in at most ten minutes (after set-up): ./benchmarks/gpu.sh [cuda|cpu]
#
# Writes to $OUT (results/benchmarks/gpu unless set), a log and a table a part, and status.csv; a part that fails or takes
# too long leaves the others' results alone. With `cpu`, the same parts, shortened, on the small preset.
# PYTHON: an interpreter with the locked packages; without it, .venv is used, and made where there is none.
set -euo pipefail
cd "$(dirname "$0")/.."

device=${1:-cuda}
out=${OUT:-results/benchmarks/gpu}
case $device in
  cuda) seconds=${EACH_S:-20} steps=${STEPS:-300} limits=(260 160 150) ;;  # with the first one's 10 s: 580 s
  cpu) seconds=${EACH_S:-5} steps=${STEPS:-60} limits=(120 120 120) ;;
  *) echo "usage: $0 [cuda|cpu]" >&2; exit 2 ;;
esac
if [ -z "${PYTHON:-}" ]; then
  make setup
  PYTHON=$PWD/.venv/bin/python
fi
mkdir -p "$out"
echo "part,status,seconds" > "$out/status.csv"
failed=0

part() { # name, limit in seconds, command
  local name=$1 limit=$2 begin=$SECONDS status=0
  shift 2
  timeout --kill-after=5 "$limit" "$@" > "$out/$name.log" 2>&1 || status=$?
  [ "$status" = 0 ] || failed=1
  echo "$name,$status,$((SECONDS - begin))" | tee -a "$out/status.csv"
}

part machine 10 "$PYTHON" -c 'import platform, torch
print(platform.platform(), "Python", platform.python_version(), "PyTorch", torch.__version__, "CUDA", torch.version.cuda)
print(torch.cuda.get_device_properties(0) if torch.cuda.is_available() else "no GPU")'
part training "${limits[0]}" "$PYTHON" -m benchmarks.training --device "$device" --seconds "$seconds" --output "$out/training.csv"
part losses "${limits[1]}" "$PYTHON" -m benchmarks.runs losses --device "$device" --steps "$steps" --output "$out/losses.csv"
part resume "${limits[2]}" "$PYTHON" -m benchmarks.runs resume --device "$device" --steps "$steps" --output "$out/resume.csv"
exit "$failed"
