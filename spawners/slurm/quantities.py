"""Times and amounts of memory, as Slurm's options write them. Pure."""

from __future__ import annotations

import math
import re

_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_DIGITS = r"\d{1,9}"
_CLOCK = re.compile(rf"(?:({_DIGITS})-)?({_DIGITS})(?::({_DIGITS}))?(?::({_DIGITS}))?", re.ASCII)
_MEMORY = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([KMGT]?)I?B?", re.ASCII)


def seconds(text: str) -> int:
    """Of `minutes`, `minutes:seconds`, `hours:minutes:seconds`, `days-hours[:minutes[:seconds]]`. Raises ValueError.

    Source of the forms: sbatch's --time.
    """
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise ValueError("expected a time such as 90 (minutes), 1:30:00 or 2-12 (days and hours)")
    days, *parts = match.groups()
    numbers = [int(part) for part in parts if part is not None]
    if days is None:
        units = (60,) if len(numbers) == 1 else (60, 1) if len(numbers) == 2 else (3600, 60, 1)
    else:
        units = (3600, 60, 1)
    return int(days or 0) * 86_400 + sum(n * unit for n, unit in zip(numbers, units, strict=False))


def clock(amount: int) -> str:
    """So many seconds as `days-hours:minutes:seconds`."""
    minutes, rest = divmod(amount, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}-{hours:02}:{minutes:02}:{rest:02}"


def megabytes(text: str) -> int:
    """Of an amount such as `4G` or `512 MB`; without a unit, as Slurm has it, of megabytes. Raises ValueError."""
    match = _MEMORY.fullmatch(text.strip().upper())
    if match is None:
        raise ValueError("expected an amount of memory such as 4G or 512M")
    return math.ceil(float(match[1]) * _UNITS[match[2] or "M"] / 2**20)
