"""Results taken elsewhere after the fact: one Parquet file of rows, one of epochs, and the trackers people use.

In: trials with their rows, and the ledger, which reads their epochs. Out: whole files, and runs of TensorBoard, Weights
& Biases and MLflow; what is exported again replaces what was there. Knows no plan and changes no record.
Public face: `trials.Exported`, `parquet.rows_parquet`, `parquet.epochs_parquet`, `files.write_file`, and one module for
each tracker.
"""

__all__ = ["files", "mlflow_runs", "parquet", "tensorboard_runs", "trials", "wandb_runs"]
