"""The console as a person uses it."""

from pathlib import Path
from typing import Final, Literal

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, ViewportSize

SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
SERIOUS: Final = ("serious", "critical")
PHONE: Final[ViewportSize] = {"width": 390, "height": 844}
SCREEN: Final[ViewportSize] = {"width": 1200, "height": 800}


class Console:
    """The console in one browser. `page` is Playwright's, `complaints` its errors."""

    def __init__(self, page: Page, key: str, complaints: list[str], screenshots: Path | None) -> None:
        self.page = page
        self.complaints = complaints
        self._key = key
        self._screenshots = screenshots

    def sign_in(self) -> None:
        """Sign in on the present page."""
        self.page.get_by_label("API key").fill(self._key)
        self.page.get_by_role("button", name="Sign in").click()

    def open(self, path: str) -> None:
        """Open a page, signing in on the way."""
        self.page.goto(path)
        if "/sign-in" in self.page.url:
            self.sign_in()

    def check(self, name: str) -> None:
        """Check the present page, in light and dark, on a screen and on a phone: no serious finding of axe, nothing
        wider than the window. Save screenshots of it."""
        for scheme in SCHEMES:
            self.page.emulate_media(color_scheme=scheme)
            for device, size in (("", SCREEN), ("-phone", PHONE)):
                self.page.set_viewport_size(size)
                violations = Axe().run(self.page).response["violations"]
                serious = [(one["id"], one["nodes"][0]["html"]) for one in violations if one["impact"] in SERIOUS]
                assert serious == [], name
                assert self.page.evaluate("document.documentElement.scrollWidth") <= size["width"], name
                if self._screenshots is not None and (scheme == "light" or not device):
                    path = self._screenshots / f"{name}{'-dark' if scheme == 'dark' else ''}{device}.png"
                    self.page.screenshot(path=path, full_page=True)
        self.page.set_viewport_size(SCREEN)
        self.page.emulate_media(color_scheme="light")
