"""What an experiment asks of its trials, held against their grids: every table, figure and comparison.

In: an `Experiment`, the grids of its stages and, where they are known, their trials. Out: its tables and figures with
values as the plan shows them; each mistake is reported at its place.
Public face: `tables.check_tables`, `figures.check_figures`.
"""

__all__ = ["figures", "tables"]
