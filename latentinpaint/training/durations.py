"""Times as a person writes them: 45m, 1h30m, or Lightning's days:hours:minutes:seconds."""

import re
from datetime import timedelta

from latentinpaint.errors import InputError

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def read_duration(name: str, written: str) -> timedelta:
    """A time above 0.

    Args:
        name: what the user calls it, for the message.
        written: numbers with the units d, h, m and s, such as 1h30m, or days:hours:minutes:seconds.

    Raises:
        InputError: if it is none.
    """
    text = str(written).replace(" ", "")
    parts = dict.fromkeys(_UNITS.values(), 0.0)
    clock = re.fullmatch(r"(\d+):(\d+):(\d+):(\d+)", text)
    units = re.fullmatch(r"(?:\d+(?:\.\d+)?[dhms])+", text)
    if clock:
        parts.update(zip(parts, map(float, clock.groups()), strict=True))
    elif units:
        for number, unit in re.findall(r"([\d.]+)([dhms])", text):
            parts[_UNITS[unit]] += float(number)
    duration = timedelta(**parts)
    if duration <= timedelta(0):
        raise InputError(f"{name} is a time such as 45m, 1h30m or 00:01:30:00, not {written}")
    return duration


def as_clock(duration: timedelta) -> str:
    """A time as Lightning reads it, days:hours:minutes:seconds, in whole seconds."""
    hours, rest = divmod(duration.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{duration.days:02d}:{hours:02d}:{minutes:02d}:{seconds:02d}"


def spoken_duration(seconds: float) -> str:
    """Seconds as a person writes them, such as 1h 30m."""
    rest = round(seconds)
    words = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            words.append(f"{count}{unit}")
    return " ".join(words) or "0s"
