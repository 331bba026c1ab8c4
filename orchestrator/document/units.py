"""The units that a number of a row can be shown in; what it is stands in its metric's name."""

from collections.abc import Mapping

SECONDS: Mapping[str, int] = {"s": 1, "min": 60, "h": 3600, "d": 86400}
BYTES: Mapping[str, int] = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
PERCENT: Mapping[str, int] = {"%": 1}
COUNTS: Mapping[str, int] = {"": 1, "k": 10**3, "M": 10**6, "B": 10**9}
DAYS: Mapping[str, int] = {"": 1}


def units_of(metric: str) -> Mapping[str, int]:
    """Return the units of a metric, `test_error` or `search.params`: symbol -> how many of the stored unit make one."""
    name = metric.rpartition(".")[2]
    if name.endswith("_seconds"):
        return SECONDS
    if name.endswith("_bytes"):
        return BYTES
    if "_error" in name:
        return PERCENT
    return DAYS if "_days" in name else COUNTS


def unit_scale(metric: str, symbol: str) -> int:
    """Return how many of the stored unit make one of this. Raises: ValueError for one that the metric has not."""
    units = units_of(metric)
    if symbol not in units:
        known = ", ".join(each or '""' for each in units)
        meant = [each for each in units if each.lower() == symbol.lower()]
        hint = f"; did you mean {meant[0]!r}?" if meant else ";"
        raise ValueError(f"{metric} cannot be shown in {symbol!r}{hint} it can in {known}")
    return units[symbol]
