"""What a name that people write means: the own stage first, then the nearest ancestor; `stage.name` always works.

One rule for tables, figures, filters, exclude, needs and labels. A *lineage* here is what each stage knows, stage ->
names: the own stage first, then its ancestors, nearest first.
"""

from collections.abc import Collection, Mapping
from typing import TypeAlias

from trainables.errors import unknown_name

Lineage: TypeAlias = Mapping[str, Collection[str]]


def find_name(written: str, lineage: Lineage) -> tuple[str, str] | None:
    """Return (stage, name) for a name as people write it; None when no stage knows it."""
    stage, dot, rest = written.partition(".")
    name, places = (rest, [stage]) if dot else (written, lineage)
    return next(((each, name) for each in places if name in lineage.get(each, ())), None)


def find_key(key: str, lineage: Lineage) -> tuple[str, str]:
    """Return (stage, key) for a key as people write it. Raises: UnknownName."""
    found = find_name(key, lineage)
    if found is not None:
        return found
    stage, dot, name = key.partition(".")
    if not dot:
        raise unknown_name("key", key, dict.fromkeys(known for names in lineage.values() for known in names))
    if stage in lineage:
        raise unknown_name(f"key of stage {stage!r}:", name, lineage[stage])
    raise unknown_name("stage", stage, lineage)


def short_key(stage: str, key: str, lineage: Lineage) -> str:
    """Return the shortest that people can write for a key of a stage: `p`, or `search.p` where `p` means another."""
    return key if find_name(key, lineage) == (stage, key) else f"{stage}.{key}"
