"""Make the README's pictures of the terminal and of a map: `python -m tools.pictures`.

The project's own commands print and write what they show. It needs Chromium.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME
from rich.text import Text
from selenium import webdriver

_ASSETS = Path(__file__).parents[1] / "docs" / "assets"
_COLUMNS = 84
_THEMES = {"light": DEFAULT_TERMINAL_THEME, "dark": SVG_EXPORT_THEME}
_FLAGS = ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-background-networking")
_WEB_FONT = re.compile(r"@font-face \{.*?\}", re.DOTALL)  # would be loaded from another host


def _run_demo(folder: Path) -> Text:
    """Run the demo in a folder; return what a terminal shows in the end."""
    settings = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(_COLUMNS)}
    command = [sys.executable, "-m", "seeclickfix_async._cli", "demo"]
    done = subprocess.run(
        command, cwd=folder, env=settings, capture_output=True, text=True, check=True
    )
    first_line = done.stderr.partition("\n")[0]
    shown = f"$ scf demo\n{first_line}\n\n{done.stdout}".replace(f"{folder}{os.sep}", "")
    return Text.from_ansi(shown)


def _draw_terminal(text: Text, theme: str) -> None:
    console = Console(record=True, width=_COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(text)
    picture = console.export_svg(title="scf demo", theme=_THEMES[theme], unique_id=theme)
    (_ASSETS / f"terminal-{theme}.svg").write_text(_WEB_FONT.sub("", picture), "utf-8")


def _draw_map(page: Path, theme: str) -> None:
    options = webdriver.ChromeOptions()
    for flag in _FLAGS:
        options.add_argument(flag)
    driver = webdriver.ChromeService("/usr/bin/chromedriver")
    with webdriver.Chrome(options, driver) as browser:
        screen = {"width": 1280, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        scheme = {"name": "prefers-color-scheme", "value": theme}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        browser.get(page.as_uri())
        picture = Image.open(io.BytesIO(browser.get_screenshot_as_png()))
    small = picture.convert("RGB").quantize(256)  # a third of the bytes
    small.save(_ASSETS / f"map-{theme}.png", optimize=True)


def main() -> None:
    """Make the pictures, light and dark."""
    with tempfile.TemporaryDirectory() as folder:
        text = _run_demo(Path(folder))
        for theme in _THEMES:
            _draw_terminal(text, theme)
            _draw_map(Path(folder, "scf-demo.db.html"), theme)


if __name__ == "__main__":
    main()
