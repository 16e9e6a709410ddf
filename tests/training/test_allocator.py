import subprocess
import sys

import pytest

# Blocks of 8 MB that are allocated, written and freed again and again, and the page faults that this costs.
COUNT = """
import resource, sys
import numpy as np
from avbench.training.allocator import keep_freed_memory
if len(sys.argv) > 1:
    keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(2**20).sum()
before = faults()
for _ in range(50):
    np.ones(2**20).sum()
print(faults() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_freed_memory_is_used_again():
    counts = [
        int(subprocess.run([sys.executable, "-c", COUNT, *keep], check=True, capture_output=True, text=True).stdout)
        for keep in ([], ["keep"])
    ]
    assert counts[1] < 5000  # 50 blocks have 102,400 pages of 4 kB
    assert counts[1] <= counts[0]
