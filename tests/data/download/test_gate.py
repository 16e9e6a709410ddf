"""Pausing together."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from avbench.core.errors import UserError
from avbench.data.download.gate import Gate


def pauses(capsys):
    """Return the pauses reported so far, in seconds."""
    lines = capsys.readouterr().err.splitlines()
    assert all(line.startswith("blocked by the host (") for line in lines)
    return [float(line.split("pausing ")[1].removesuffix(" s")) for line in lines]


def test_pauses_double_until_a_success(capsys):
    gate = Gate(0.01, 10)
    for _ in range(3):
        gate.blocked(gate.enter(), "HTTP error 429")
    gate.succeeded(gate.enter())
    gate.blocked(gate.enter(), "HTTP error 429")
    assert pauses(capsys) == [0.01, 0.02, 0.04, 0.01]


def test_what_was_begun_before_a_pause_neither_counts_twice_nor_ends_it(capsys):
    gate = Gate(0.01, 10)
    early, late = gate.enter(), gate.enter()
    gate.blocked(early, "why")
    gate.blocked(late, "why")
    gate.succeeded(late)
    gate.blocked(gate.enter(), "why")
    assert pauses(capsys) == [0.01, 0.02]


def test_what_the_host_asks_for_counts_if_it_is_longer(capsys):
    gate = Gate(0.05, 10)
    gate.blocked(gate.enter(), "why", 0.1)
    gate.blocked(gate.enter(), "why", 0.02)
    assert pauses(capsys) == [0.1, 0.1]


def test_pauses_add_up_to_no_more_than_allowed(capsys):
    gate = Gate(0.01, 0.05)
    for _ in range(3):
        gate.blocked(gate.enter(), "not a bot")
    gate.blocked(gate.enter(), "not a bot")
    assert pauses(capsys) == [0.01, 0.02, 0.02]
    with pytest.raises(
        UserError, match=r"the host blocks downloads \(not a bot\).*run again later.*download.concurrent"
    ):
        gate.enter()
    with pytest.raises(UserError):
        gate.sleep(1000)


def test_a_request_to_wait_for_longer_than_allowed_ends_the_downloads(capsys):
    gate = Gate(0.01, 5)
    gate.blocked(gate.enter(), "HTTP error 429", 3600)
    with pytest.raises(UserError, match="asks for another 3600 s; download.max_pause_s is 5"):
        gate.enter()
    assert pauses(capsys) == []


@pytest.mark.parametrize("settings", [(0, 0), (0, 0.1), (5, 0)])
def test_settings_of_zero_end(settings):
    gate = Gate(*settings)
    with pytest.raises(UserError):
        while True:
            gate.blocked(gate.enter(), "why")


def test_all_who_wait_wake_when_the_gate_is_shut():
    gate = Gate(1000, 5000)
    gate.blocked(gate.enter(), "why")
    begun = threading.Barrier(9)

    def wait(number):
        begun.wait()
        with pytest.raises(UserError, match="stopped"):
            gate.enter() if number % 2 else gate.sleep(1000)

    with ThreadPoolExecutor(8) as executor:
        waiting = [executor.submit(wait, number) for number in range(8)]
        begun.wait()
        gate.shut()
        for future in waiting:
            future.result(timeout=60)
    with pytest.raises(UserError, match="stopped"):
        gate.check()
