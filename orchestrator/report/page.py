"""A report as one HTML document that fetches nothing: its style, its script and its pictures are in it.

All text is escaped by Jinja2, and what a browser would act on without showing it (controls, which way letters go) is
spelled out before; secrets of the environment are not shown.
"""

import base64
import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Any

from orchestrator.report.report import Report, again
from orchestrator.report.runs import run_place
from orchestrator.words import shown
from trainables.trial import JSON

TEMPLATES = ("report.html.j2", "results.html.j2", "runs.html.j2")


def page(report: Report) -> str:
    """Return the document, the same text for the same rows."""
    import jinja2  # a moment that the list of commands need not wait for
    from markupsafe import Markup

    folder = resources.files("orchestrator.report") / "templates"
    files = {name: (folder / name).read_text(encoding="utf-8") for name in TEMPLATES}
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(files),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    script = (folder / "report.js").read_text(encoding="utf-8")
    return environment.get_template("report.html.j2").render(
        report=report,
        markup=Markup,
        style=Markup((folder / "report.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=_hash(script),
        data=_visible_data(report.runs.details),
        again=again(report.asked),
        run_place=run_place,
    )


def _hash(script: str) -> str:
    """Return what a page's policy calls the one script that may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _visible(value: Any) -> Any:
    """Return text with what is not seen of it spelled out, all else as it is: `Markup` has been here before."""
    return shown(value) if type(value) is str else value


def _visible_data(value: JSON) -> JSON:
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, Mapping):
        return {shown(str(key)): _visible_data(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_visible_data(held) for held in value]
    return value
