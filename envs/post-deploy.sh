#!/usr/bin/env bash
# Runs in each new environment: makes avbench importable from the checkout, without its dependencies, a build or a
# download. Snakemake looks for a script beside every environment file; they are links to this one.
set -euo pipefail
packages=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "${AVBENCH_CHECKOUT:?is set by the Snakefile}" > "$packages/avbench.pth"
