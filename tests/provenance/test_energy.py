"""Energy of a job: from counters where there are any, and otherwise marked as an estimate."""

import pynvml
import pytest

from avbench.provenance import energy
from avbench.provenance.energy import Counter, Meter


def package(folder, number, joules, name=None, reach=1000):
    zone = folder / f"intel-rapl:{number}"
    zone.mkdir(exist_ok=True)
    (zone / "name").write_text((name or f"package-{number}") + "\n", encoding="ascii")
    (zone / "max_energy_range_uj").write_text(f"{int(reach * 1e6)}\n", encoding="ascii")
    (zone / "energy_uj").write_text(f"{int(joules * 1e6)}\n", encoding="ascii")
    return zone


def test_processor_packages_are_counted_and_their_parts_are_not(tmp_path):
    package(tmp_path, 0, 10)
    package(tmp_path, 1, 900)
    package(tmp_path, "0:0", 5, name="core")
    package(tmp_path, 2, 5, name="psys")
    counters = energy.processor_counters(tmp_path)
    assert [counter.name for counter in counters] == ["package-0", "package-1"]
    meter = Meter(counters)
    package(tmp_path, 0, 30)
    package(tmp_path, 1, 100)  # it has started again at 1000
    found = meter.describe(gpu_used=False)
    assert found["processor"]["joules"] == pytest.approx(20 + 200)
    assert found["processor"]["measured"] is True
    assert "package-0, package-1" in found["processor"]["how"]
    assert "gpus" not in found


def test_a_counter_that_may_not_be_read_is_left_out(tmp_path):
    (package(tmp_path, 0, 10) / "energy_uj").unlink()
    assert energy.processor_counters(tmp_path) == []
    assert energy.processor_counters(tmp_path / "none") == []


def test_a_counter_that_fails_later_ends_no_job(tmp_path):
    zone = package(tmp_path, 0, 10)
    meter = Meter(energy.processor_counters(tmp_path))
    package(tmp_path, 0, 15)
    meter.update()
    (zone / "energy_uj").unlink()
    assert meter.describe(gpu_used=False)["processor"]["joules"] == pytest.approx(5)


def test_without_counters_it_is_an_estimate_and_says_so():
    sum(range(10**6))
    before = energy.cpu_seconds() * energy.WATTS_PER_CORE
    found = Meter().describe(gpu_used=False)["processor"]
    assert found["measured"] is False
    assert found["how"].startswith("estimate: 10 W")
    assert before - 0.1 <= found["joules"] <= energy.cpu_seconds() * energy.WATTS_PER_CORE + 0.1


def test_nothing_is_made_up_for_a_gpu_without_a_counter():
    assert Meter().describe(gpu_used=True)["gpus"]["joules"] is None


class Nvml:
    """What NVIDIA's library does for two GPUs, of which the second is too old to count."""

    def __init__(self, monkeypatch):
        self.millijoules = 5_000
        self.fails = False
        devices = {0: "new", 1: "old", "GPU-1234": "new"}
        stand_in = {
            "nvmlInit": lambda: None,
            "nvmlDeviceGetCount": lambda: 2,
            "nvmlDeviceGetHandleByIndex": lambda index: self.find(devices, index, int),
            "nvmlDeviceGetHandleByUUID": lambda uuid: self.find(devices, uuid, str),
            "nvmlDeviceGetTotalEnergyConsumption": self.read,
        }
        for name, function in stand_in.items():
            monkeypatch.setattr(pynvml, name, function)

    def find(self, devices, name, kind):
        assert type(name) is kind
        if name not in devices:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return devices[name]

    def read(self, device):
        if device == "old" or self.fails:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return self.millijoules


@pytest.mark.parametrize(("visible", "counted"), [(None, 1), ("0", 1), ("1", 0), ("GPU-1234", 1), ("", 0), ("7", 0)])
def test_visible_gpus_that_count_are_counted(monkeypatch, visible, counted):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    nvml = Nvml(monkeypatch)
    meter = Meter(gpus=energy.gpu_counters())
    assert len(meter.gpus) == counted
    nvml.millijoules += 7_500
    meter.update()
    nvml.fails = True  # from here on, which ends no job
    found = meter.describe(gpu_used=True)["gpus"]
    assert found["joules"] == (7.5 if counted else None)
    assert found["measured"] is bool(counted)


@pytest.mark.parametrize("missing", ["nvmlInit", "nvmlDeviceGetCount"])
def test_without_a_driver_no_gpus_are_counted(monkeypatch, missing):
    def fail():
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    Nvml(monkeypatch)
    assert energy.gpu_counters()
    monkeypatch.setattr(pynvml, missing, fail)
    assert energy.gpu_counters() == []
    assert "gpus" not in Meter(gpus=energy.gpu_counters()).describe(gpu_used=False)


def test_overflows_are_noticed_between_two_readings():
    joules = 0.0
    meter = Meter([Counter("package-0", lambda: joules % 100, 100.0)])
    for _ in range(10):
        joules += 70
        meter.update()
    assert meter.describe(gpu_used=False)["processor"]["joules"] == pytest.approx(700)
