"""Tables as text, Markdown, LaTeX, CSV and JSON.

In: a `Table`. Out: text. A further format is one module and its line in the catalog.
Public face: `catalog.render`, `catalog.FORMATS`.
"""

__all__ = ["data", "text"]
