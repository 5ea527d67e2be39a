"""The pictures of this documentation, made from runs of `loadstone demo`: `python docs/pictures.py` (needs Chromium and playwright)."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

PICTURES = Path(__file__).parent / "pictures"
SIZE = (1280, 1000)
PROGRAM = (sys.executable, "-c", "import sys; from loadstone.cli.main import main; sys.exit(main())")


def make(page: Path) -> None:
    """A run of the demo, and its report."""
    subprocess.run([*PROGRAM, "demo", "--quiet", "--no-store", "--report", f"html={page}"], check=False, timeout=90)  # noqa: S603


def shoot(browser: Browser, page: Path, name: str, theme: str, place: str) -> Path:
    """One picture: the report at a place of it, light or dark."""
    tab = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]}, color_scheme="dark" if theme == "dark" else "light")
    tab.goto(page.as_uri())
    tab.locator("#tools").wait_for()
    tab.evaluate("place => document.querySelector(place).scrollIntoView()", place)
    if place != "#top":
        tab.locator("#chart-latency .main-svg").first.wait_for()
        tab.locator("#chart-latency_steps .main-svg").first.wait_for()
    path = PICTURES / name
    tab.screenshot(path=path)
    return path


def shoot_live(browser: Browser, name: str) -> Path:
    """The dashboard of a demo that goes on, in its ninth second."""
    words = [*PROGRAM, "demo", "--quiet", "--no-store", "--dashboard"]
    path = PICTURES / name
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as run:  # noqa: S603
        said = next((found for line in run.stderr or () if (found := re.search(r"dashboard: (http\S+)", line))), None)
        if said is None:
            raise SystemExit("loadstone demo --dashboard told no address")
        tab = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]}, color_scheme="light")
        tab.goto(said[1])
        tab.locator("#tiles b", has_text="00:09").wait_for()
        tab.locator("[data-chart=latency] .main-svg").first.wait_for()
        tab.screenshot(path=path)
        tab.close()
    return path


def main() -> None:
    """All of them."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder) / "report.html"
        make(page)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, theme, place in (("report-light.png", "light", "#top"), ("report-dark.png", "dark", "#chart-latency")):
            path = shoot(browser, page, name, theme, place)
            sys.stdout.write(f"{path}: {path.stat().st_size / 1e3:.0f} kB\n")
        path = shoot_live(browser, "dashboard-light.png")
        sys.stdout.write(f"{path}: {path.stat().st_size / 1e3:.0f} kB\n")
        browser.close()


if __name__ == "__main__":
    main()
