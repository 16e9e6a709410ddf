"""How much energy a job took: counters of processors and GPUs where they can be read, otherwise an estimate."""

import functools
import os
import resource
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POWERCAP = Path("/sys/class/powercap")
WATTS_PER_CORE = 10.0  # of a busy core: an order of magnitude, since servers and laptops differ by a factor of three
_POLL_S = 30.0  # a processor's counter overflows every few minutes under full load


@dataclass(frozen=True)
class Counter:
    """A counter of energy: it only grows, until it overflows.

    Attributes:
        name: what it counts.
        read: returns joules; raises OSError.
        range: the joules at which it starts again from zero; None if it does not.
    """

    name: str
    read: Callable[[], float]
    range: float | None = None


class Meter:
    """Energy since the meter was made, of all that ran on what is counted: a shared machine is counted as a whole.

    Args:
        processors, gpus: counters that can be read.
        cpu_s: seconds of this process's processor time that an estimate leaves out.
    """

    def __init__(self, processors: Sequence[Counter] = (), gpus: Sequence[Counter] = (), cpu_s: float = 0.0) -> None:
        self.processors, self.gpus, self.cpu_s = processors, gpus, cpu_s
        self._counters = [*processors, *gpus]
        self._last = [counter.read() for counter in self._counters]
        self._joules = [0.0] * len(self._counters)
        self._lock = threading.Lock()
        if any(counter.range for counter in self._counters):
            threading.Thread(target=self._poll, name="energy", daemon=True).start()

    def _poll(self) -> None:
        ended = threading.Event()
        while not ended.wait(_POLL_S):
            self.update()

    def update(self) -> None:
        """Read all counters: often enough that none overflows twice in between."""
        with self._lock:
            for place, counter in enumerate(self._counters):
                try:
                    now = counter.read()
                except OSError:
                    continue  # until the next time: no work is lost for want of this number
                overflow = counter.range if counter.range and now < self._last[place] else 0.0
                self._joules[place] += now - self._last[place] + overflow
                self._last[place] = now

    def describe(self, gpu_used: bool) -> dict[str, Any]:
        """Return the joules so far, of ``processor`` and, if there are counters or one was used, of ``gpus``.

        Each is ``{"joules", "measured", "how"}``; joules are None where nothing can be said.
        """
        self.update()
        split = len(self.processors)
        energy = {
            "processor": _measured(self.processors, self._joules[:split]) or _estimated(cpu_seconds() - self.cpu_s)
        }
        if gpus := _measured(self.gpus, self._joules[split:]):
            energy["gpus"] = gpus
        elif gpu_used:
            energy["gpus"] = {"joules": None, "measured": False, "how": "the GPUs' counters could not be read"}
        return energy


def cpu_seconds() -> float:
    """Return the processor time of this process and of the children that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def _measured(counters: Sequence[Counter], joules: Sequence[float]) -> dict[str, Any] | None:
    if not counters:
        return None
    names = ", ".join(counter.name for counter in counters)
    return {"joules": round(sum(joules), 1), "measured": True, "how": f"all that ran on {names} meanwhile"}


def _estimated(seconds: float) -> dict[str, Any]:
    how = f"estimate: {WATTS_PER_CORE:g} W for each second of a core's time"
    return {"joules": round(seconds * WATTS_PER_CORE, 1), "measured": False, "how": how}


def processor_counters(folder: Path = POWERCAP) -> list[Counter]:
    """Return the counters of processor packages: RAPL, by way of Linux's powercap. Most systems show them to root only.

    Args:
        folder: where the kernel shows them.
    """
    counters = []
    for zone in sorted(folder.glob("intel-rapl:*")):  # AMD's too
        if zone.name.count(":") > 1:
            continue  # a part of a package
        try:
            name = (zone / "name").read_text(encoding="ascii").strip()
            reach = int((zone / "max_energy_range_uj").read_text(encoding="ascii")) / 1e6
            counter = Counter(name, functools.partial(_powercap_joules, zone / "energy_uj"), reach)
            counter.read()
        except (OSError, ValueError):
            continue
        if name.startswith("package"):
            counters.append(counter)
    return counters


def gpu_counters() -> list[Counter]:
    """Return the counters of NVIDIA's GPUs (NVML, Volta and later): those in CUDA_VISIBLE_DEVICES, by default all."""
    import pynvml

    try:
        pynvml.nvmlInit()
        total = pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError:
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(total))))
    counters = []
    for name in filter(None, (part.strip() for part in visible.split(","))):
        try:
            if name.isdecimal():
                device, label = pynvml.nvmlDeviceGetHandleByIndex(int(name)), f"GPU {name}"
            else:
                device, label = pynvml.nvmlDeviceGetHandleByUUID(name), "GPU"
            _joules(device)
        except (pynvml.NVMLError, OSError):
            continue
        counters.append(Counter(label, functools.partial(_joules, device)))
    return counters


def _powercap_joules(counter: Path) -> float:
    return int(counter.read_text(encoding="ascii")) / 1e6


def _joules(device: Any) -> float:
    import pynvml

    try:
        return pynvml.nvmlDeviceGetTotalEnergyConsumption(device) / 1000
    except pynvml.NVMLError as error:
        raise OSError(f"NVML: {error}") from error
