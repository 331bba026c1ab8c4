"""Architectures for people: found by whatever they are called, described, compared.

In: a name, a file or a trial. Out: the architecture, in words or beside another.
Public face: `find.find_genotype`, `description.lines`, `comparison.differences`.
"""

__all__ = ["alphas", "benchmark", "comparison", "description", "find", "sources"]
