"""Which numbers each process takes, from the first step and after going on."""

from types import SimpleNamespace

import pytest

from latentinpaint.data.numbered_stream import EpochSampler, StreamDataModule


class Numbers(StreamDataModule):
    """A stream of numbers in batches, as Lightning would ask for it."""

    def __init__(self, length, size, ranks, batches_trained=0, batches_in_epoch=0, limit=None):
        super().__init__()
        self.length = length
        self.size = size
        self.ranks = ranks
        self.limit = limit
        self.batches_in_epoch = batches_in_epoch  # as Lightning counts them, and keeps them in its checkpoints
        self.total = SimpleNamespace(processed=batches_trained)
        loop = SimpleNamespace(batch_progress=SimpleNamespace(total=self.total))
        self.trainer = SimpleNamespace(world_size=ranks, fit_loop=SimpleNamespace(epoch_loop=loop))

    def stream_length(self):
        return self.length

    def numbers_a_batch(self):
        return self.size

    def batches_an_epoch(self):
        return self.limit or self.length // self.ranks // self.size

    def run(self, batches):
        """The numbers of so many batches of every process, batch by batch."""
        taken = []
        while batches:
            streams = [self.stream(rank) for rank in range(self.ranks)]
            while batches and self.batches_in_epoch < self.batches_an_epoch() and len(streams[0]) >= self.size:
                for stream in streams:
                    taken += stream[: self.size]
                    del stream[: self.size]
                self.total.processed += 1
                self.batches_in_epoch += 1
                batches -= 1
            if batches:
                self.batches_in_epoch = 0
        return taken

    def stream(self, rank):
        sampler = EpochSampler(range(self.length), self.position)
        sampler.rank, sampler.num_replicas = rank, self.ranks
        return list(sampler)

    def resumed(self, size, ranks, limit=None):
        """A run that goes on from the checkpoint of this one."""
        other = Numbers(self.length, size, ranks, self.total.processed, self.batches_in_epoch, limit)
        other.load_state_dict(self.state_dict())
        return other


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_processes_share_the_numbers(ranks):
    numbers = Numbers(length=24, size=2, ranks=ranks).run(24 // ranks)
    assert sorted(numbers) == list(range(48))


@pytest.mark.parametrize("stop", [1, 5, 11, 12, 13, 30])
@pytest.mark.parametrize("limit", [None, 7])
def test_going_on_in_the_same_way_is_not_having_stopped(stop, limit):
    whole = Numbers(length=50, size=2, ranks=2, limit=limit).run(40)
    run = Numbers(length=50, size=2, ranks=2, limit=limit)
    first = run.run(stop)
    second = run.resumed(2, 2, limit)
    more = second.run(5)
    last = second.resumed(2, 2, limit).run(35 - stop) if stop < 35 else []
    assert first + more + last == whole


@pytest.mark.parametrize("stop", [1, 7, 12, 30])
@pytest.mark.parametrize(("size", "ranks"), [(2, 1), (2, 3), (8, 2), (5, 1)])
def test_going_on_on_other_processes_uses_no_number_twice(stop, size, ranks):
    run = Numbers(length=50, size=2, ranks=2)
    first = run.run(stop)
    second = run.resumed(size, ranks)
    after = second.run(6)
    last = second.resumed(2, 2).run(6)
    together = first + after + last
    assert len(set(together)) == len(together)
    # It goes on where it was; only what fills no batch of all processes at an epoch's end is passed over.
    following = max(first) + 1
    assert min(after) in (following, following + -following % 50)
    if -following % 50 >= max(4, size * ranks):
        assert min(after) == following


def test_a_run_that_begins_has_no_state():
    assert EpochSampler(range(6)).position is None
    stream = Numbers(length=6, size=2, ranks=1)
    assert stream.position() == (0, 0) and stream.state_dict() == {"number": 0, "batches": 0}
    stream.trainer = None
    assert stream.position() == (0, 0) and stream.state_dict() == {}
