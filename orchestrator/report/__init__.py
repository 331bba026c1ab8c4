"""An experiment as one HTML file that a colleague opens from an e-mail: what was asked, what came out, and from what.

In: an experiment, its plan, rows and states. Out: a `Report` (data), then the text of a page that fetches nothing.
Public face: `report.report_of`, `page.page`.
"""

__all__ = ["page", "report", "results"]
