"""Papers that numbers of tables stand in, held against the rows.

In: a LaTeX file, and what gives the tables that its comments name. Out: findings, each with file and line.
Public face: `check.check_paper`, `tex_files.read_paper`.
"""

__all__ = ["check", "tex_files"]
