"""Draws the picture of the README anew: the wheel of the bundled example's report, as Chromium shows it.

    make turn && python docs/pictures/wheel.py examples/.workspace/turns/2021-03-28/report.html

Needs the development install and Chromium.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright


def main() -> None:
    report, picture = Path(sys.argv[1]).resolve(), Path(__file__).with_suffix(".png")
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": 900, "height": 1000}, device_scale_factor=1.25, reduced_motion="reduce"
        )
        page.goto(report.as_uri())
        page.locator("figure").first.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main()
