"""Looks at the page of a run in a browser, and prints when each second was taken and when it was drawn: [[ms, ms]…]."""

from __future__ import annotations

import json
import sys
import time

from playwright.sync_api import Error, sync_playwright


def main(browser: str, port: str, seconds: float) -> None:
    """Wait for the run, look until it is over."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-dev-shm-usage"])
        page = started.new_page()
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                page.goto(f"http://127.0.0.1:{port}/")
                break
            except Error:
                time.sleep(0.2)
        page.wait_for_selector("#status:text-is('run ended')", timeout=(seconds + 30) * 1000)
        print(json.dumps(page.evaluate("loadstoneDrawn.map((one) => [one.taken_ms, one.drawn_ms])")))
        started.close()


main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
