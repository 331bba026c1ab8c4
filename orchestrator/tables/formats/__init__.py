"""Tables as text, Markdown, LaTeX, HTML, CSV and JSON.

In: a `Table`. Out: text. A further format is one module and its line in the catalog.
Public face: `catalog.render`, `catalog.FORMATS`, `html.html`.
"""

__all__ = ["catalog", "comments", "data", "html", "latex", "latex_widths", "macros", "markdown", "text", "widths"]
