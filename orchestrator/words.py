"""How things are said to people, whoever says them: durations, sizes, numbers, and text that a terminal only shows.

What others wrote (errors, labels, logs, names of hosts and files) may hold characters that a terminal acts on: it
repaints what stands above, changes its title, or turns the order of letters around. `shown` is the one place where
they become harmless; and secrets of the environment are not shown (`trainables.record.secrets`).
"""

import re
from collections.abc import Iterable

from trainables.record.secrets import masked

_ACTED_ON = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1 controls but for tabs and the ends of lines
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # which way letters go
    "\u2028\u2029\ufeff\ufff9-\ufffb"  # ends of lines that few know of, and what is not seen
    "\ud800-\udfff\U000e0000-\U000e007f]"  # no characters at all, and letters that are not seen
)
_IN_A_LINE = re.compile(f"[\t\n]|{_ACTED_ON.pattern}")


def shown(text: str) -> str:
    """Return text of several lines as a terminal may have it: what it would act on is spelled out, ESC as `\\x1b`."""
    return _ACTED_ON.sub(_spelled, masked(text))


def shown_line(text: str) -> str:
    """Return the same of what must stay on one line: tabs and ends of lines are spelled out too."""
    return _IN_A_LINE.sub(_spelled, masked(text))


def shown_lines(lines: Iterable[str]) -> list[str]:
    """Return the same of many lines, for which the environment is asked once."""
    lines = list(lines)
    text = "\n".join(lines)
    if masked(text) != text:
        return [shown_line(line) for line in lines]
    return [_IN_A_LINE.sub(_spelled, line) for line in lines]


def duration(seconds: float) -> str:
    """Return seconds as people say them: `45 s`, `3 min`, `2 h 05 min`, `3 d 4 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"


def size(count: int) -> str:
    """Return bytes as people say them: `0 B`, `912 B`, `34.5 kB`, `1.2 GB`; a kB is 1,000 B."""
    if count < 1000:
        return f"{count} B"
    scaled = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        scaled /= 1000
        if scaled < 999.95 or unit == "TB":
            break
    return f"{scaled:.1f} {unit}"


def with_minus(number: str) -> str:
    """Return the text of a number with a minus sign in place of the hyphen it begins with: `−2.0e-7`."""
    return f"−{number[1:]}" if number.startswith("-") else number


def unrounded(value: float | None) -> str:
    """Return a measured number as it is but for what nobody measures, `68.1`, `−0.01234567891`; "" for none."""
    return "" if value is None else with_minus(f"{value:.10g}")


def _spelled(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode("ascii")
