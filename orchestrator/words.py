"""How things are said to people, whoever says them: a duration."""


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
