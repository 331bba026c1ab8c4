"""Make the picture of a report that stands in the README: `report_picture.py REPORT.html PICTURE.png`.

The report's first screens, as Chromium shows them on a laptop, in 128 colours.
"""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
WIDTH, HEIGHT = 1280, 1640


def picture(report: Path) -> bytes:
    """Return the PNG file."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(report.absolute().as_uri())
        page.wait_for_selector("html[data-ready]")
        shot = page.screenshot()
        browser.close()
    file = io.BytesIO()
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(128).save(file, "PNG", optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(picture(Path(sys.argv[1])))
