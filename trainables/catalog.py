"""What can be run: each kind of trial by its name. What an entry is: `trainable.Trainable`.

Importing this loads neither torch nor Ray. The orchestrator gets a catalog as an argument, so tests hand it others.
"""

from collections.abc import Mapping

from trainables.config import OF_SUPERNET
from trainables.errors import unknown_name
from trainables.trainable import KIND_OF_GENOTYPE, KIND_OF_TRIAL, Trainable

TIMING = (
    "gpu_days",
    "cpu_days",
    "gpu_days_total",
    "cpu_days_total",
    "peak_memory_bytes",
    "wall_seconds",
    "device_seconds",
)
"""Columns a table may show that are measurements of the running, not of the result. What each is: `trial.Spent`, and
`lineage.totals` for the days."""

BENCHMARK = (
    "benchmark_cifar10",
    "benchmark_cifar100",
    "benchmark_imagenet16_120",
    "benchmark_regret_cifar10",
    "benchmark_regret_cifar100",
    "benchmark_regret_imagenet16_120",
    "benchmark_rank_cifar10",
    "benchmark_rank_cifar100",
    "benchmark_rank_imagenet16_120",
    "benchmark_marked",
)
"""What is looked up of a cell that a search of NAS-Bench-201 finds, and what each is:
`trainables.architecture.nas_bench_201.benchmark.metrics_of`."""

CATALOG: Mapping[str, Trainable] = {
    "search": Trainable(
        name="search",
        noun="search",
        version=2,
        config="trainables.config:SearchConfig",
        start="trainables.loops.search:start",
        metrics=(
            "search_val_error",
            "search_val_error_best",
            "best_epoch",
            "discretisation_gap",
            "params",
            "addmult",
            "macs",
            "pools",
            "skips",
            *BENCHMARK,
        ),
        rising=BENCHMARK[:3],
        artifacts=("genotype", "genotype_with_none", "genotype_top_down", "genotype_bottom_up"),
        files={"weights": "weights-last.safetensors"},
        progress="search_val_error",
        curves=(
            "learning_rate",
            "train_loss",
            "train_error",
            "alphas_loss",
            "alphas_error",
            "search_val_loss",
            "search_val_error",
            "discretisation_gap",
            "params",
            "addmult",
            "macs",
            "pools",
            "skips",
            *BENCHMARK,
        ),
        inherits=("dataset", KIND_OF_GENOTYPE),
        check="trainables.kinds.checks:check_search",
        unread="trainables.kinds.unread:unread_by_search",
        cost="trainables.kinds.costs:search_cost",
        planned="trainables.optimization.schedules:planned_curve",
        leaves="trainables.kinds.inheritance:left_by_search",
        transfer="trainables.kinds.inheritance:is_transfer",
        absent="trainables.kinds.findings:absent_of_search",
        alphas=True,
        lacking="trainables.loops.devices:lacking",
    ),
    "train": Trainable(
        name="train",
        noun="training",
        version=2,
        config="trainables.config:TrainConfig",
        start="trainables.loops.training:start",
        metrics=(
            "test_error",
            "test_error_best",
            "test_error_selected",  # what is selected, and of validation: of trainings with `validation_images`
            "test_error_top5",  # these three where there are more than five classes
            "test_error_top5_best",
            "test_error_top5_selected",
            "cifar10_1_error",  # these three where the machine has CIFAR-10.1: `held_out.py`
            "cifar10_1_error_best",
            "cifar10_1_error_selected",
            "validation_error",
            "validation_error_best",
            "best_epoch",
            "selected_epoch",
            "train_error",
            "corrupt_images",  # of a dataset kept as files
            "params",
            "params_with_auxiliary",
            "macs",
            "addmult",
        ),
        artifacts=("genotype",),
        progress="test_error",
        curves=(
            "learning_rate",
            "drop_path",
            "train_loss",
            "train_error",
            "test_loss",
            "test_error",
            "test_error_top5",
            "validation_loss",
            "validation_error",
            "corrupt_images",
        ),
        inherits=("dataset", "operations", KIND_OF_GENOTYPE),
        check="trainables.kinds.checks:check_training",
        unread="trainables.kinds.unread:unread_by_training",
        cost="trainables.kinds.costs:training_cost",
        planned="trainables.optimization.schedules:planned_curve",
        computed="trainables.kinds.sizes:size_of_training",
        leaves="trainables.kinds.inheritance:left_by_training",
        transfer="trainables.kinds.inheritance:is_transfer",
        absent="trainables.kinds.findings:absent_of_training",
        derived="trainables.loops.budgeted:derived",
        underivable="trainables.loops.budgeted:underivable",
        alike="trainables.kinds.likeness:alike_training",
        lacking="trainables.loops.devices:lacking",
    ),
    "diagnose": Trainable(
        name="diagnose",
        noun="diagnosis",
        version=1,
        config="trainables.config:DiagnoseConfig",
        start="trainables.diagnosis.diagnosis:start",
        metrics=("hessian_eigenvalue", "kendall_tau", "kendall_tau_params", "kendall_tau_addmult"),
        artifacts=("sampled_cells",),
        progress="hessian_eigenvalue",
        inherits=(*OF_SUPERNET, KIND_OF_TRIAL),
        check="trainables.kinds.diagnosis:check",
        unread="trainables.kinds.diagnosis:unread",
        cost="trainables.kinds.diagnosis:cost",
        absent="trainables.kinds.diagnosis:absent",
        lacking="trainables.loops.devices:lacking",
    ),
}


def look_up(catalog: Mapping[str, Trainable], name: str) -> Trainable:
    """Return the entry of that name. Raises: UnknownName."""
    if name not in catalog:
        raise unknown_name("trainable", name, catalog)
    return catalog[name]
