"""Times: both ways of writing them, and back."""

from datetime import timedelta

import pytest

from latentinpaint.errors import InputError
from latentinpaint.training.durations import as_clock, read_duration, spoken_duration


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1h", 3600),
        ("90m", 5400),
        ("1h30m", 5400),
        ("1 h 30 m", 5400),
        ("1.5h", 5400),
        ("2d", 172800),
        ("45s", 45),
        ("00:01:30:00", 5400),
        ("1:2:3:4", 93784),
    ],
)
def test_a_time_is_read_and_written(written, seconds):
    duration = read_duration("trainer.max_time", written)
    assert duration.total_seconds() == seconds
    assert read_duration("x", as_clock(duration)) == duration
    assert read_duration("x", spoken_duration(seconds)) == duration


@pytest.mark.parametrize("written", ["", "soon", "1", "01:30:00", "0m", "-1h", "1h30", "1x"])
def test_what_is_no_time_is_one_sentence(written):
    with pytest.raises(InputError, match="trainer.max_time is a time such as 45m, .* not "):
        read_duration("trainer.max_time", written)


def test_spoken():
    assert [spoken_duration(seconds) for seconds in (0.2, 59.6, 3661, 90000)] == ["0s", "1m", "1h 1m 1s", "1d 1h"]
    assert as_clock(timedelta(days=1, seconds=3661)) == "01:01:01:01"
