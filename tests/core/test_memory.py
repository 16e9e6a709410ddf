import pytest

from avbench.core.memory import spare

GB = 10**9


@pytest.fixture
def system(tmp_path):
    """A machine of 100 GB, 60 of them available, and what writes control groups into it."""
    text = f"MemTotal: {100 * GB // 1024} kB\nMemFree: 1 kB\nMemAvailable: {60 * GB // 1024} kB\nHugePages_Total: 0\n"
    write(tmp_path / "proc/meminfo", text)
    write(tmp_path / "proc/self/cgroup", "0::/\n")
    return tmp_path


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def group(folder, limit, used, files, version=2):
    """Write a control group of that many GB, half of its files' pages active."""
    names, prefix = (("memory.max", "memory.current"), "") if version == 2 else ((), "total_")
    names = names or ("memory.limit_in_bytes", "memory.usage_in_bytes")
    write(folder / names[0], f"{limit if limit == 'max' else limit * GB}\n")
    write(folder / names[1], f"{used * GB}\n")
    half = files * GB // 2
    write(folder / "memory.stat", f"anon 1\n{prefix}inactive_file {half}\n{prefix}active_file {half}\n")


def test_a_quarter_of_the_machines_memory_is_left(system):
    assert spare(system) == pytest.approx(35 * GB, abs=10_000)


def test_where_less_than_a_quarter_is_left_nothing_is_to_spare(system):
    write(system / "proc/meminfo", f"MemTotal: {100 * GB // 1024} kB\nMemAvailable: {20 * GB // 1024} kB\n")
    assert spare(system) < 0


@pytest.mark.parametrize("version", [1, 2])
def test_the_narrowest_control_group_decides(system, version):
    tree = system / ("sys/fs/cgroup" if version == 2 else "sys/fs/cgroup/memory")
    line = "0::/cluster/job" if version == 2 else "7:cpu:/\n4:memory:/cluster/job\n0::/"
    write(system / "proc/self/cgroup", line + "\n")
    group(tree / "cluster", 20, used=12, files=4, version=version)  # 12 of 20 available, 5 in reserve
    group(tree / "cluster/job", 40, used=1, files=0, version=version)
    assert spare(system) == 7 * GB


def test_a_group_without_a_limit_leaves_it_to_the_machine(system):
    write(system / "proc/self/cgroup", "0::/job\n")
    group(system / "sys/fs/cgroup/job", "max", used=50, files=0)
    assert spare(system) == pytest.approx(35 * GB, abs=10_000)


def test_in_a_container_that_sees_its_hosts_path_its_own_tree_decides(system):
    write(system / "proc/self/cgroup", "0::/../../host/of/it\n")
    group(system / "sys/fs/cgroup", 8, used=2, files=0)
    assert spare(system) == 4 * GB


def test_where_the_system_does_not_say_nothing_is_to_spare(tmp_path):
    assert spare(tmp_path) == 0
