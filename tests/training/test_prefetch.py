import threading

import pytest

from avbench.training.prefetch import ahead, prefetch


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_results_come_in_the_order_of_the_plan(threads):
    plan = ((number, 2) for number in range(20))
    assert list(prefetch(pow, plan, threads)) == [number**2 for number in range(20)]


def test_the_next_is_read_while_the_present_is_worked_on():
    second_is_read = threading.Event()

    def read(number):
        if number == 1:
            second_is_read.set()
        return number

    found = prefetch(read, ((number,) for number in range(3)), threads=1)
    assert next(found) == 0
    assert second_is_read.wait(10)
    assert list(found) == [1, 2]


@pytest.mark.parametrize("threads", [0, 2])
def test_an_error_in_reading_is_raised_where_its_result_would_be(threads):
    found = prefetch(lambda number: 1 // number, ((number,) for number in (1, 0)), threads)
    assert next(found) == 1
    with pytest.raises(ZeroDivisionError):
        next(found)


@pytest.mark.parametrize("threads", [0, 2])
def test_no_more_is_asked_of_an_endless_plan_than_needed(threads):
    asked = []
    plan = ((asked.append(number) or number,) for number in iter(int, 1))
    found = prefetch(lambda number: number, plan, threads)
    next(found)
    found.close()
    assert len(asked) <= 2 * threads + 1


def test_what_nobody_asks_for_any_more_is_not_read():
    asked, may_go_on = [], threading.Event()

    def read(number):
        asked.append(number)
        if number:
            may_go_on.wait(10)
        return number

    found = prefetch(read, ((number,) for number in range(20)), threads=2)
    assert next(found) == 0
    may_go_on.set()
    found.close()
    assert len(asked) <= 5


def test_moved_items_come_in_order():
    assert list(ahead(iter(range(20)), str)) == [str(number) for number in range(20)]
    assert list(ahead(iter([]), str)) == []


def test_the_next_item_is_moved_while_the_present_is_worked_on():
    second_is_moved = threading.Event()

    def move(number):
        if number == 1:
            second_is_moved.set()
        return number

    found = ahead(iter(range(3)), move)
    assert next(found) == 0
    assert second_is_moved.wait(10)
    assert list(found) == [1, 2]


def test_an_error_in_moving_is_raised_where_its_item_would_be():
    found = ahead(iter([1, 0]), lambda number: 1 // number)
    assert next(found) == 1
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_who_stops_early_closes_what_the_items_come_from():
    closed = threading.Event()

    def items():
        try:
            yield from range(20)
        finally:
            closed.set()

    found = ahead(items(), str)
    assert next(found) == "0"
    found.close()
    assert closed.is_set()
