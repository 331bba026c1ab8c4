"""A third kind of trial, all of it: random forests (Breiman, 2001) on pixels.

Whoever adds a kind writes this much: settings, a run, what can be wrong, what it costs, and one entry of the catalog.
"""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from trainables import catalog
from trainables.data.datasets import open_dataset
from trainables.errors import DamagedFile
from trainables.trainable import Context, Trainable
from trainables.trial import JSON, Outcome, Spent, Step

PIXELS_TRIED = 16
"""At each node, of which the one that separates the classes best is taken."""


class ForestConfig(BaseModel):
    """Settings of a forest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str = "cifar10"
    trees: int = Field(default=10, ge=1)
    depth: int = Field(default=4, ge=1)
    drawn: int = Field(default=200, ge=2)
    """Training images that each tree is grown from, drawn with replacement."""
    grown_from: Any = None
    """A parent's forest, to be grown on; none when absent."""


class ForestRun:
    """A forest that grows by one tree in an epoch; the random numbers of each are derived from the seed and its place.

    A tree is {"shares": of each class} or {"pixel", "level", "below": tree, "above": tree}.
    """

    def __init__(self, config: ForestConfig, seed: int) -> None:
        self.config, self.seed = config, seed
        self.data = open_dataset(config.dataset)
        self.trees: list[JSON] = []
        self.history: list[Mapping[str, JSON]] = []
        self.seconds = 0.0

    def steps(self) -> Iterator[Step]:
        images, labels = _flat(self.data.train.images), self.data.train.labels
        while len(self.trees) < self.config.trees:
            began = time.process_time()
            random = np.random.default_rng([self.seed, len(self.trees)])
            drawn = random.integers(len(labels), size=self.config.drawn)
            self.trees.append(grow(images[drawn], labels[drawn], self.data.info.classes, self.config.depth, random))
            epoch, metrics = len(self.trees), {"test_error": self.share_of_wrong()}
            self.history.append({"epoch": epoch, **metrics})
            self.seconds += time.process_time() - began
            yield Step(epoch=epoch, step=1, steps=1, metrics=metrics)

    def share_of_wrong(self) -> float:
        """Return the share of test images, in percent, of which the trees together think most of a wrong class."""
        images, labels = _flat(self.data.test.images), self.data.test.labels
        votes = sum(shares(tree, images) for tree in self.forest())
        return 100 * float(np.mean(np.argmax(votes, axis=1) != labels))

    def forest(self) -> list[JSON]:
        return [*(self.config.grown_from or []), *self.trees]

    def state(self) -> bytes:
        return json.dumps([self.trees, self.history, self.seconds]).encode()

    def load(self, state: bytes) -> None:
        try:
            self.trees, self.history, self.seconds = json.loads(state)
        except ValueError as error:
            raise DamagedFile("this is no forest") from error

    def spent(self) -> Spent:
        return Spent(device="cpu", seconds=self.seconds, peak_bytes=self.data.train.images.nbytes)

    def outcome(self) -> Outcome:
        metrics = {"test_error": self.history[-1]["test_error"], "trees": float(len(self.forest()))}
        return Outcome(metrics=metrics, artifacts={"forest": self.forest()}, files={}, epochs=self.history)


def grow(images: np.ndarray, labels: np.ndarray, classes: int, depth: int, random: np.random.Generator) -> JSON:
    """Return a tree for images, shape (N, pixels), that asks `depth` questions at most."""
    best, least = None, float("inf")
    for pixel in random.integers(images.shape[1], size=PIXELS_TRIED) if depth else ():
        level = float(np.median(images[:, pixel]))
        above = images[:, pixel] > level
        impurity = sum(_impurity(labels[side], classes) for side in (above, ~above))
        if above.any() and impurity < least:
            best, least = (int(pixel), level, above), impurity
    if best is None:
        return {"shares": (np.bincount(labels, minlength=classes) / len(labels)).tolist()}
    pixel, level, above = best
    below, over = (grow(images[side], labels[side], classes, depth - 1, random) for side in (~above, above))
    return {"pixel": pixel, "level": level, "below": below, "above": over}


def shares(tree: JSON, images: np.ndarray) -> np.ndarray:
    """Return what a tree says of images: shares of the classes, shape (N, classes)."""
    if "shares" in tree:
        return np.tile(tree["shares"], (len(images), 1))
    above = images[:, tree["pixel"]] > tree["level"]
    return np.where(above[:, None], shares(tree["above"], images), shares(tree["below"], images))


def _impurity(labels: np.ndarray, classes: int) -> float:
    """Return Gini's impurity times the number of labels."""
    counts = np.bincount(labels, minlength=classes)
    return len(labels) - float((counts**2).sum()) / max(len(labels), 1)


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1)


def start_forest(config: ForestConfig, *, seed: int, threads: int, gpus: float) -> ForestRun:
    return ForestRun(config, seed)


def check_forest(config: ForestConfig, context: Context) -> list[tuple[str, str]]:
    if 2**config.depth <= config.drawn:
        return []
    return [("depth", f"a tree of {2**config.depth} leaves cannot be grown from {config.drawn} images")]


def forest_cost(settings: Mapping[str, JSON]) -> float:
    return settings["trees"] * settings["depth"] * settings["drawn"]


CATALOG = {
    **catalog.CATALOG,
    "forest": Trainable(
        name="forest",
        version=1,
        config="forest:ForestConfig",
        start="forest:start_forest",
        metrics=("test_error", "trees"),
        artifacts=("forest",),
        progress="test_error",
        curves=("test_error",),
        inherits=("dataset",),
        check="forest:check_forest",
        cost="forest:forest_cost",
    ),
}
