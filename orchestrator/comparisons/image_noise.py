"""The noise of the test set, which is not that of seeds: how well the images tell two trained networks apart.

It is there with any number of seeds, and it says nothing of other seeds: only of the networks that were trained.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestrator.comparisons.comparison import Comparison, Comparisons
from orchestrator.comparisons.permutation import ALPHA, holm
from orchestrator.tables.statistics import Interval, clopper_pearson
from trainables.errors import SharptuneError
from trainables.loops.predictions import right_answers

FILES: Mapping[str, str] = {
    "test_error": "predictions.npz",
    "test_error_best": "predictions-best.npz",
    "test_error_selected": "predictions-selected.npz",
}
"""Metric -> the file beside a row with the answers that it counts."""

Read = Callable[[str, str], bytes]
"""Returns a file of a trial. Raises: LookupError, OSError or SharptuneError where there is none that can be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What one network answered on its test images."""

    trial_id: str
    right: npt.NDArray[np.bool_]
    """(N,): image by image."""
    labels: npt.NDArray[np.generic]
    """(N,)."""

    @property
    def wrong(self) -> int:
        return int((~self.right).sum())

    @property
    def interval(self) -> Interval:
        """The 95 % interval of its error, in percent (Clopper and Pearson)."""
        return _interval(self.wrong, len(self.right))


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkPair:
    """Two networks on the same images: an exact test of McNemar's."""

    first: str
    """A trial's id."""
    second: str
    only_first_wrong: int
    only_second_wrong: int
    p: float
    """Two-sided: how likely the images that only one gets wrong part so unevenly, were the networks equally good."""
    adjusted: float
    """For all pairs of networks of the same two arms (Holm)."""

    @property
    def decided(self) -> bool:
        return self.adjusted <= ALPHA


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageNoise:
    """What the test images say of the networks of a table's arms."""

    networks: Mapping[str, Answers]
    """By trial id; those whose answers could be read."""
    images: Mapping[str, int]
    """Arm's label -> how many images all its networks were tested on; arms of unlike numbers are not there."""
    intervals: Mapping[str, Interval]
    """Arm's label -> the 95 % interval of one network with the arm's mean error, in percent."""
    pairs: Mapping[tuple[str, str], Sequence[NetworkPair]]
    """Labels of two paired arms -> their networks, by seeds."""
    unread: Sequence[str]
    """What could not be said, and why, in sentences."""


def image_noise(found: Comparisons, read: Read) -> ImageNoise:
    """Return what the stored answers say; what is missing or does not go together is said, and never raised."""
    metric = found.metric.rpartition(".")[2].partition(":")[0]
    if metric not in FILES:
        return ImageNoise(
            networks={}, images={}, intervals={}, pairs={}, unread=(f"No answers are kept for {found.metric}.",)
        )
    networks, unread = _read_all(found, read, FILES[metric])
    images, intervals = {}, {}
    for arm in found.arms:
        answers = [networks[each] for trials in arm.trials.values() for each in trials if each in networks]
        sizes = {len(one.right) for one in answers}
        if len(sizes) == 1:
            (images[arm.label],) = sizes
            mean = sum(one.wrong for one in answers) / len(answers)
            intervals[arm.label] = _interval(round(mean), images[arm.label])
    pairs = {}
    for one in found.comparisons:
        if not one.unpaired:
            tested, other = _pairs(one, networks)
            pairs[one.first.label, one.second.label] = tested
            if other:
                unread.append(
                    f"{one.second.label} against {one.first.label}: {other} pairs of networks were not tested on the "
                    "same images, and are not compared image by image."
                )
    return ImageNoise(networks=networks, images=images, intervals=intervals, pairs=pairs, unread=tuple(unread))


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the two-sided p of the exact test: as many heads of as many fair coins."""
    if only_first + only_second == 0:
        return 1.0
    from scipy.stats import binomtest  # takes a second to load

    return float(binomtest(only_first, only_first + only_second, 0.5).pvalue)


def _interval(wrong: int, n: int) -> Interval:
    part = clopper_pearson(wrong, n)
    return Interval(low=100 * part.low, high=100 * part.high)


def _read_all(found: Comparisons, read: Read, name: str) -> tuple[dict[str, Answers], list[str]]:
    networks: dict[str, Answers] = {}
    missing: dict[str, str] = {}
    for trial_id in dict.fromkeys(each for arm in found.arms for trials in arm.trials.values() for each in trials):
        try:
            right_N, labels_N = right_answers(read(trial_id, name))
            if not len(right_N):
                raise LookupError("there are no images")
            networks[trial_id] = Answers(trial_id=trial_id, right=right_N, labels=labels_N)
        except (LookupError, OSError, SharptuneError) as error:
            missing[trial_id] = str(error)
    if not missing:
        return networks, []
    some = ", ".join(list(missing)[:3]) + (", …" if len(missing) > 3 else "")
    count = len(missing)
    return networks, [f"The answers of {count} network{'s' * (count > 1)} cannot be read ({name} of {some})."]


def _pairs(one: Comparison, networks: Mapping[str, Answers]) -> tuple[list[NetworkPair], int]:
    """Return the networks of two arms that share their seeds, and how many of them had unlike test images."""
    drafts, other = [], 0
    for seed in one.seeds:
        ours, theirs = one.first.trials[seed], one.second.trials[seed]
        for first, second in zip(ours, theirs, strict=False) if len(ours) == len(theirs) else ():
            if first not in networks or second not in networks:
                continue
            a, b = networks[first], networks[second]
            if one.first.dataset != one.second.dataset or not np.array_equal(a.labels, b.labels):
                other += 1
                continue
            drafts.append((first, second, int((~a.right & b.right).sum()), int((a.right & ~b.right).sum())))
    p_values = [mcnemar(first_wrong, second_wrong) for *_, first_wrong, second_wrong in drafts]
    return [
        NetworkPair(first=first, second=second, only_first_wrong=ours, only_second_wrong=theirs, p=p, adjusted=adjusted)
        for (first, second, ours, theirs), p, adjusted in zip(drafts, p_values, holm(p_values), strict=True)
    ], other
