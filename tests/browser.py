"""Chromium without a window, to see pages as a reader does; it is given nothing but local files."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

__all__ = ["Browser", "Keys", "chromium"]

_SWITCHES = (
    *("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
    "--no-sandbox",  # which root has none of, and what is opened is our own
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


class Browser:
    """One tab; what it was asked for and complained of is known after each `open`."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: Path, scheme: Literal["light", "dark"] = "light", width: int = 1200) -> None:
        self.complaints()
        self.requests()
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get(page.as_uri())

    def complaints(self) -> list[str]:
        """What the console has got since it was last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses that were asked for since that was last asked."""
        told = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        asked = [it["params"] for it in told if it["method"] == "Network.requestWillBeSent"]
        return [it["request"]["url"] for it in asked]

    def find(self, selector: str) -> WebElement:
        found: WebElement = self.driver.find_element(By.CSS_SELECTOR, selector)
        return found

    def shown(self, selector: str) -> list[WebElement]:
        """The elements that can be seen."""
        found = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return [element for element in found if element.is_displayed()]

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        for key in keys:
            self.focused.send_keys(key)

    @property
    def focused(self) -> WebElement:
        element: WebElement = self.driver.switch_to.active_element
        return element

    def ask(self, script: str) -> Any:
        """What an expression of JavaScript is in the page."""
        return self.driver.execute_script(f"return {script}")

    def picture(self, file: Path) -> None:
        """Take a screenshot of the whole page."""
        size = {name: self.ask(f"document.documentElement.scroll{name}") for name in ("Width", "Height")}
        clip = {"x": 0, "y": 0, "width": size["Width"], "height": min(size["Height"], 4000), "scale": 1}
        asked = {"captureBeyondViewport": True, "clip": clip}
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", asked)
        file.write_bytes(base64.b64decode(taken["data"]))


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; the test is skipped where there is none, but not where CI says that it is CI."""
    programs = [shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")]
    if None in programs:
        give_up = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        give_up("there is no Chromium with its driver (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = str(programs[0])
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for switch in _SWITCHES:
        options.add_argument(switch)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(programs[1]))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
