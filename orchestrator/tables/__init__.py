"""From a plan and rows to tables, every number of which can be walked back to its runs.

In: a `Plan`, rows and a table's wishes. Out: a `Table` of cells with their evidence. Pure; no number is printed here.
Public face: `table.build`, `table.explain`.
"""

__all__ = ["cells", "computed", "evidence", "grouping", "layout", "pick", "quantities", "statistics", "table", "wanted"]
