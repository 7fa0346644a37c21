"""Work shared out to processes: all of it is done, whatever happens to one of them."""

import signal
import threading
import time
from functools import partial
from multiprocessing import active_children

import pytest
from crew_tasks import begin_badly, begin_slowly, begin_squaring

from latentinpaint.batch.pool import ProcessPool, WorkerDied
from latentinpaint.errors import InputError


def test_everything_is_done_once():
    started = []
    results = list(ProcessPool(begin_squaring, 2, started.append).map_unordered(list(range(10, 30))))
    assert sorted(results) == [(index, (index + 10) ** 2) for index in range(20)]
    assert started == list(range(20))


def test_a_lost_process_costs_its_own_item_alone(tmp_path):
    log = tmp_path / "log"
    pool = ProcessPool(partial(begin_squaring, (3, 4, 8), log), 2)
    results = dict(pool.map_unordered(range(9)))
    assert results == {n: WorkerDied(-signal.SIGKILL) if n in (3, 4, 8) else n**2 for n in range(9)}
    # Two to begin with, one more for each that was lost while there was work.
    assert len(log.read_text().split()) in (4, 5)


def test_processes_that_cannot_begin():
    with pytest.raises(InputError, match="no such model"):
        list(ProcessPool(partial(begin_badly, "no such model"), 2).map_unordered([1, 2, 3]))
    with pytest.raises(InputError, match="want of memory"):
        list(ProcessPool(begin_badly, 2).map_unordered([1, 2, 3]))


def test_an_interrupt_leaves_nothing_half_written(tmp_path):
    def interrupt():
        deadline = time.monotonic() + 60
        while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    pool = ProcessPool(partial(begin_slowly, tmp_path), 2)
    waiting = threading.Thread(target=interrupt)
    waiting.start()
    with pytest.raises(KeyboardInterrupt):
        list(pool.map_unordered([0, 1, 2]))
    waiting.join()
    assert not list(tmp_path.iterdir()) and not active_children()


def test_leaving_early_ends_the_processes():
    results = ProcessPool(begin_squaring, 2).map_unordered(range(50))
    next(results)
    assert active_children()
    results.close()
    assert not active_children()
