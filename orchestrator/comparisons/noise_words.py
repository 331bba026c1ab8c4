"""What the test images say of trained networks, in words and as data."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.comparisons.comparison import Comparisons
from orchestrator.comparisons.permutation import ALPHA

if TYPE_CHECKING:
    from orchestrator.comparisons.image_noise import ImageNoise, NetworkPair  # which loads NumPy


def noise_sentences(found: Comparisons, noise: "ImageNoise") -> list[str]:
    """Return what is said of the noise of the test set, apart from that of seeds."""
    lines: list[str] = []
    for arm in found.arms:
        if arm.label in noise.intervals:
            span = noise.intervals[arm.label]
            lines.append(
                f"  {arm.label}: a network of its mean error has {span.low:.2f} to {span.high:.2f} % "
                f"on other images of this kind (95 %, Clopper–Pearson, {noise.images[arm.label]:,} images)"
            )
    for (first, second), pairs in noise.pairs.items():
        if pairs:
            apart = sum(pair.decided for pair in pairs)
            lines.append(
                f"  {second} against {first}: the images tell {apart} of {len(pairs)} pairs of networks apart "
                f"(exact McNemar test, Holm, {100 * ALPHA:g} %)"
            )
    if lines:
        lines.insert(0, "Noise of the test set; it holds for these networks, and says nothing of other seeds:")
    return [*lines, *noise.unread]


def noise_json(noise: "ImageNoise") -> dict[str, Any]:
    """Return the same as data."""
    return {
        "networks": {
            trial_id: {
                "wrong": one.wrong,
                "images": len(one.right),
                "low": one.interval.low,
                "high": one.interval.high,
            }
            for trial_id, one in noise.networks.items()
        },
        "intervals": {
            label: {"low": span.low, "high": span.high, "images": noise.images[label]}
            for label, span in noise.intervals.items()
        },
        "pairs": [
            {"first": first, "second": second, "networks": _pairs_json(pairs)}
            for (first, second), pairs in noise.pairs.items()
        ],
        "unread": list(noise.unread),
    }


def _pairs_json(pairs: Sequence["NetworkPair"]) -> list[dict[str, Any]]:
    names = ("first", "second", "only_first_wrong", "only_second_wrong", "p", "adjusted", "decided")
    return [{name: getattr(pair, name) for name in names} for pair in pairs]
