"""What a planning process is set up with."""

import gc
import os
import signal

from avbench.plan import process


def test_a_signal_of_the_scheduler_does_not_end_the_process():
    before, threshold = signal.getsignal(signal.SIGUSR1), gc.get_threshold()
    try:
        process.prepare()
        os.kill(os.getpid(), signal.SIGUSR1)
        assert gc.get_threshold()[0] > threshold[0]
    finally:
        signal.signal(signal.SIGUSR1, before)
        gc.set_threshold(*threshold)
