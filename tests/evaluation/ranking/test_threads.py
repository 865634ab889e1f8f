"""Work shared by threads."""

import threading

import pytest
import torch

from passerby.evaluation.ranking.threads import shared


@pytest.fixture
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("threads", [1, 2, 5], indirect=True)
def test_results_in_order_by_threads_that_compute_alone(threads):
    def work(item):
        return item * item, torch.get_num_threads(), threading.get_ident()

    results = shared(work, range(50))
    assert [square for square, _, _ in results] == [item * item for item in range(50)]
    assert {alone for _, alone, _ in results} == {1}
    assert len({ident for *_, ident in results}) <= threads
    assert torch.get_num_threads() == threads
    # New threads start with the number that was set, too.
    assert shared(lambda _: 0, []) == []
    in_new_thread = []
    thread = threading.Thread(target=lambda: in_new_thread.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert in_new_thread == [threads]


@pytest.mark.parametrize("threads", [1, 2], indirect=True)
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_ends_the_work(threads, error):
    def work(item):
        if item == 3:
            raise error("stop")
        return item

    running = threading.active_count()
    with pytest.raises(error, match="stop"):
        shared(work, range(1000))
    assert torch.get_num_threads() == threads
    assert threading.active_count() == running
