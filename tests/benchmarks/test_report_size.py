"""How large the report of 5,000 trials is, and how soon a browser lets one work with it.

Its size is held: 5 MB. The seconds are printed (`pytest -s`): they are this machine's. That a long table draws its
first rows only, which is why sorting does not take seconds, tests/integration/test_report_in_browser.py holds.
"""

import time

import pytest
from made_reports import large_page

MOST_BYTES = 5_000_000


@pytest.mark.slow
def test_the_report_of_5000_trials_is_small_and_soon_ready(tmp_path):
    from browsers import opened

    start = time.perf_counter()
    text = large_page()
    made = time.perf_counter() - start
    path = tmp_path / "large.html"
    path.write_text(text, encoding="utf-8")
    with opened(path) as page:
        ready = page.evaluate("performance.getEntriesByName('ready')[0].startTime / 1000")
        shown = page.evaluate("performance.getEntriesByType('paint').at(-1)?.startTime / 1000")
        sorting = _seconds(page, "document.querySelector('[data-runs=train] thead button').click()")
        filtering = _seconds(
            page,
            "{const i = document.querySelectorAll('.filter input'); const last = i[i.length - 1];"
            " last.value = 'max_w p=1.2'; last.dispatchEvent(new Event('input'))}",
        )
    print(
        f"\n5,000 trials: {len(text.encode()) / 1e6:.2f} MB, made in {made:.1f} s; in the browser shown after"
        f" {shown:.2f} s, ready after {ready:.2f} s; sorted in {sorting:.2f} s, filtered in {filtering:.2f} s"
    )

    assert len(text.encode()) <= MOST_BYTES


def _seconds(page, script: str) -> float:
    """Return how long a script takes, what is drawn anew included."""
    return page.evaluate(
        "(script) => new Promise((done) => {const start = performance.now(); eval(script);"
        " requestAnimationFrame(() => requestAnimationFrame(() => done((performance.now() - start) / 1000)))})",
        script,
    )
