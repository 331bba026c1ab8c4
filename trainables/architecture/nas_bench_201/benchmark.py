"""What the benchmark knows of each cell: how well it was on three datasets, how large it is, how long it took to train.

The numbers are *validation* accuracies after 200 epochs, of two or three trainings of each cell; none is of a test set.
CIFAR-10's training images were halved, one half to train and one to validate; of CIFAR-100 and ImageNet16-120 half of
the test images validated (arXiv:2001.00326, section 2.2). Where the table comes from stands in `benchmark.md`.

Shape letters: X = cells in the order of their digits, D = datasets, R = runs.
"""

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from trainables.architecture.nas_bench_201.cell import EDGES, OPERATIONS, NasBench201Cell
from trainables.errors import DataError

FILE = Path(__file__).with_suffix(".parquet")
SHA256 = "cf206cf05d760af73fb30c1bcbc513591905f841074780bb4d42370b91897d4a"

VALIDATION_IMAGES: Mapping[str, int] = {"cifar10": 25_000, "cifar100": 5_000, "imagenet16_120": 3_000}
"""The datasets, and on how many images each accuracy was measured: all are whole numbers of them."""
DATASETS = tuple(VALIDATION_IMAGES)
CELLS = len(OPERATIONS) ** len(EDGES)
"""15,625."""
RUNS = 3
"""At most."""

STAGE_CHANNELS = (16, 32, 64)
CELLS_PER_STAGE = 5


MARKED = "benchmark_marked"
METRICS = (
    *(f"benchmark{what}_{dataset}" for what in ("", "_regret", "_rank") for dataset in DATASETS),
    MARKED,
)
"""What `metrics_of` returns."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What the table has of a cell on a dataset."""

    cell: str
    """Its six digits."""
    dataset: str
    runs: tuple[float, ...]
    """The validation accuracy of each run, in percent."""
    accuracy: float
    """Their mean: what the cell is ranked by."""
    regret: float
    """How much the best of all cells has more, in points of percent."""
    rank: int
    """1 of the best; cells of one accuracy share the first of their ranks."""
    params: int
    """As the table has them, with the classifier of the dataset."""
    train_seconds: float
    """Of one training, on the benchmark's GPUs."""
    latency_seconds: float
    """Of one batch, there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """Why an entry is to be read with care."""

    kind: str
    """`shared`: it is that of other cells, too; `params`: not those of the cell's own convolutions."""
    sentence: str


class Benchmark:
    """The table in memory, some 3 MB: columns of numbers, a row for each cell.

    Raises: DataError, when the file is not the one that was shipped.
    """

    def __init__(self, content: bytes) -> None:
        if hashlib.sha256(content).hexdigest() != SHA256:
            raise DataError(f"{FILE} is not the file that ships with sharptune; install it again")
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet

        # Arrow's threads, also those that read ahead out of a Python file, may abort a process that ends soon after.
        table = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(content)).read(use_threads=False)
        digits = pyarrow.compute.cast(table["cell"], "int32").to_numpy()
        places = sum(digits // 10**power % 10 * len(OPERATIONS) ** power for power in range(len(EDGES)))
        names = table["dataset"].unify_dictionaries().combine_chunks()
        datasets = np.array([DATASETS.index(name) for name in names.dictionary.to_pylist()])[names.indices.to_numpy()]
        images = np.array(list(VALIDATION_IMAGES.values()))[datasets]
        right = np.rint(table["val_accuracy"].to_numpy().astype(float) * images / 100)
        self.accuracy_XDR = np.full((CELLS, len(DATASETS), RUNS), np.nan)
        """In percent; NaN where there is no such run."""
        self.accuracy_XDR[places, datasets, table["run"].to_numpy()] = 100 * right / images
        self.params_XD = np.zeros((CELLS, len(DATASETS)), dtype=int)
        self.params_XD[places, datasets] = np.rint(table["params_millions"].to_numpy().astype(float) * 1e6)
        self.train_seconds_XD = np.zeros((CELLS, len(DATASETS)))
        self.train_seconds_XD[places, datasets] = table["train_seconds"].to_numpy()
        self.latency_seconds_XD = np.zeros((CELLS, len(DATASETS)))
        self.latency_seconds_XD[places, datasets] = table["latency_seconds"].to_numpy()
        self.mean_XD = np.nanmean(self.accuracy_XDR, axis=2).round(9)
        """Without the last digits, which depend on the order of adding: equal cells have equal means."""
        ordered = np.sort(-self.mean_XD, axis=0)
        columns = range(len(DATASETS))
        self._rank_XD = np.stack([1 + np.searchsorted(ordered[:, d], -self.mean_XD[:, d]) for d in columns], axis=1)

    def entry(self, cell: NasBench201Cell, dataset: str) -> Entry:
        """Return what the table has of a cell on a dataset of DATASETS."""
        x, d = place(cell), DATASETS.index(dataset)
        runs = self.accuracy_XDR[x, d]
        return Entry(
            cell=cell.digits,
            dataset=dataset,
            runs=tuple(runs[~np.isnan(runs)].tolist()),
            accuracy=float(self.mean_XD[x, d]),
            regret=round(float(self.mean_XD[:, d].max() - self.mean_XD[x, d]), 9),
            rank=int(self._rank_XD[x, d]),
            params=int(self.params_XD[x, d]),
            train_seconds=float(self.train_seconds_XD[x, d]),
            latency_seconds=float(self.latency_seconds_XD[x, d]),
        )

    def best(self, dataset: str, operations: Sequence[str] = OPERATIONS) -> NasBench201Cell:
        """Return the best of the cells that consist of these operations alone, the first of equals by its digits."""
        allowed_K = np.isin(OPERATIONS, operations)
        accuracy_X = np.where(allowed_K[digits_XE()].all(axis=1), self.mean_XD[:, DATASETS.index(dataset)], -np.inf)
        return cell_at(int(accuracy_X.argmax()))

    def alike(self, cell: NasBench201Cell) -> tuple[NasBench201Cell, ...]:
        """Return all cells that compute what this one does, itself among them, in the order of their digits."""
        return self._by_what_they_compute[cell.canonical]

    @cached_property
    def _by_what_they_compute(self) -> dict[str, tuple[NasBench201Cell, ...]]:
        found: dict[str, list[NasBench201Cell]] = {}
        for cell in map(cell_at, range(CELLS)):
            found.setdefault(cell.canonical, []).append(cell)
        return {computed: tuple(cells) for computed, cells in found.items()}

    def marks(self, cell: NasBench201Cell) -> tuple[Mark, ...]:
        """Return why the entry of a cell is to be read with care; nothing of most cells."""
        found = []
        if others := len(self._with_its_runs(cell)):
            whose = "one other cell, which computes" if others == 1 else f"{others} other cells, which compute"
            found.append(Mark(kind="shared", sentence=f"its runs on CIFAR-10 are those of {whose} the same"))
        if excess := int(self.params_excess_X[place(cell)]):
            kernel = "3×3" if abs(excess) == CONVOLUTIONS["nor_conv_3x3"] else "1×1"
            more = "more" if excess > 0 else "less"
            words = f"its entry has one {kernel} convolution {more}, as another cell has that computes the same"
            found.append(Mark(kind="params", sentence=words))
        return tuple(found)

    @cached_property
    def params_excess_X(self) -> np.ndarray:
        """How many more parameters the table has of each cell than its own operations have: of 150 not 0."""
        return self.params_XD[:, DATASETS.index("cifar10")] - params_of(digits_XE(), classes=10)

    @cached_property
    def shared_entries(self) -> tuple[tuple[NasBench201Cell, ...], ...]:
        """The groups of cells with the very same runs on CIFAR-10 that compute the same: 37 groups of 413 cells.

        (34 further pairs have the same two runs and compute something else. That is chance: of 7,456 cells with two
        runs, each a number of 25,000 images, some agree; none of them does on the other datasets.)
        """
        found: dict[tuple[int, str], list[NasBench201Cell]] = {}
        for group in self._equal_runs.values():
            for cell in map(cell_at, group if len(group) > 1 else ()):
                found.setdefault((group[0], cell.canonical), []).append(cell)
        return tuple(tuple(cells) for cells in found.values() if len(cells) > 1)

    def _with_its_runs(self, cell: NasBench201Cell) -> list[NasBench201Cell]:
        """Return the other cells that have the runs of a cell and compute the same."""
        group = self._equal_runs[self._runs[place(cell)]]
        return [other for other in map(cell_at, group) if other != cell and other.canonical == cell.canonical]

    @cached_property
    def _runs(self) -> list[tuple[float, ...]]:
        return [tuple(runs) for runs in np.nan_to_num(self.accuracy_XDR[:, DATASETS.index("cifar10")]).tolist()]

    @cached_property
    def _equal_runs(self) -> dict[tuple[float, ...], list[int]]:
        groups: dict[tuple[float, ...], list[int]] = {}
        for x, runs in enumerate(self._runs):
            groups.setdefault(runs, []).append(x)
        return groups


@cache
def benchmark() -> Benchmark:
    """Return the table, which a process reads once. Raises: DataError."""
    try:
        content = FILE.read_bytes()
    except OSError as error:
        raise DataError(f"{FILE}, which ships with sharptune, cannot be read: {error.strerror}") from error
    return Benchmark(content)


def metrics_of(cell: NasBench201Cell) -> dict[str, float]:
    """Return what is known of a cell as metrics of the search that found it: METRICS.

    `benchmark_<dataset>` is the mean validation accuracy in percent, `benchmark_regret_<dataset>` what the best of all
    15,625 cells has more, in points of percent, `benchmark_rank_<dataset>` the rank among them, from 1; regret and rank
    are to all cells, also where a search may not choose all operations. `benchmark_marked` is 1 for a cell that
    `Benchmark.marks` has something to say of, else 0.
    """
    entries = {dataset: benchmark().entry(cell, dataset) for dataset in DATASETS}
    return {
        **{f"benchmark_{dataset}": entry.accuracy for dataset, entry in entries.items()},
        **{f"benchmark_regret_{dataset}": entry.regret for dataset, entry in entries.items()},
        **{f"benchmark_rank_{dataset}": entry.rank for dataset, entry in entries.items()},
        MARKED: int(bool(benchmark().marks(cell))),
    }


def place(cell: NasBench201Cell) -> int:
    """Return which of all cells it is, in the order of their digits, from 0."""
    return int(cell.digits, base=len(OPERATIONS))


def cell_at(x: int) -> NasBench201Cell:
    """Return the cell at a place."""
    return NasBench201Cell(operations=tuple(OPERATIONS[digit] for digit in digits_XE()[x]))


@cache
def digits_XE() -> np.ndarray:
    """Return the digits of all cells, a row for each: places in OPERATIONS."""
    return np.array(list(itertools.product(range(len(OPERATIONS)), repeat=len(EDGES))))


CONVOLUTIONS = {
    name: CELLS_PER_STAGE * sum(kernel**2 * channels**2 + 2 * channels for channels in STAGE_CHANNELS)
    for name, kernel in (("nor_conv_1x1", 1), ("nor_conv_3x3", 3))
}
"""Parameters of an edge in all cells of the benchmark's network: weights without bias, and a batch norm's two for each
channel."""


def params_of(digits_XE: np.ndarray, *, classes: int) -> np.ndarray:
    """Return the parameters of the benchmark's network of each cell.

    Beside the cells there are the stem, the two blocks between stages, a batch norm, and the classifier.
    """
    first, _, last = STAGE_CHANNELS
    blocks = sum(9 * c * 2 * c + 9 * (2 * c) ** 2 + c * 2 * c + 2 * 2 * (2 * c) for c in STAGE_CHANNELS[:-1])
    fixed = 9 * 3 * first + 2 * first + blocks + 2 * last + classes * (last + 1)
    of_edges = np.array([CONVOLUTIONS.get(name, 0) for name in OPERATIONS])
    return fixed + of_edges[digits_XE].sum(axis=1)
