"""Files of scores and of runs as an experiment leaves them."""

import itertools
import json

METHODS = ["untrained", "random", "soft-positive", "NA"]
TASKS = ["home", "afar"]
SUBSETS = ["small", "large"]


def run_files(folder):
    files = []
    for number, (method, subset, seed) in enumerate(itertools.product(["random", "sp70"], SUBSETS, [0, 1])):
        values = {
            "dataset": "controlled", "subset": subset, "labels": "none", "method": method,
            "budget": "default", "seed": seed,
            "steps": 700, "epochs": 70, "final_loss": number / 7, "final_batch_accuracy": 0.5,
            "seconds": 12.5,
        }  # fmt: skip
        files.append(folder / f"run-{number}.json")
        files[-1].write_text(json.dumps(values), encoding="utf-8")
    return files
