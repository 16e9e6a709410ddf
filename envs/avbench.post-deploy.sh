#!/usr/bin/env bash
# Runs in the new environment, from the folder in which Snakemake was started.
set -euo pipefail
if ! grep -qs '^name = "avbench"' pyproject.toml; then
    echo "Start snakemake --use-conda in avbench's checkout, so that the package can be installed from it." >&2
    exit 1
fi
python -m pip install --no-deps --editable .
