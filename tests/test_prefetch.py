import threading

import pytest

from avbench.prefetch import prefetch


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
