"""What `labelnoise explore` does: write the explorer to a file, and open it where there is a display."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from labelnoise.artifacts import output_folder, write_text
from labelnoise.explorer import GENERATOR, address_part, explorer_page
from labelnoise.noise import MatrixNoise
from labelnoise.validation import check_choice, check_concentration, check_count, check_ks, check_ties

NOISES = ("uniform", "flip", "two_alternatives")
CLASSES = (*range(2, 21), 100)
MOST_NEIGHBORS = 100
MOST_CURVES = 3


@dataclass(frozen=True)
class ExplorerSetting:
    """The setting that the explorer starts with; see `labelnoise.accuracy_curve` for its parts."""

    classes: int = 10
    k: tuple[int, ...] = (10, 30, 100)
    noise: str = "uniform"
    ties: str = "random"
    concentration: float = 0.0

    def check(self) -> None:
        """Raise an error unless the page can show the setting."""
        if self.classes not in CLASSES:
            raise ValueError(f"`--classes` must be 2 to 20, or 100; got {self.classes}.")
        for k in check_ks(self.k):
            check_count(int(k), "k", most=MOST_NEIGHBORS, most_is="the largest that the page computes")
        if len(self.k) > MOST_CURVES:
            raise ValueError(f"`k` must be up to {MOST_CURVES} numbers, a curve each; got {len(self.k)}.")
        check_choice(self.noise, NOISES, "noise")
        if self.noise == "two_alternatives":
            MatrixNoise.two_alternatives(self.classes)
        check_ties(self.ties)
        check_concentration(self.concentration)

    def state(self) -> dict[str, object]:
        """Return the setting as `explorer_page` takes it."""
        return {
            "classes": self.classes,
            "k": list(self.k),
            "noise": self.noise,
            "ties": self.ties,
            "concentration": self.concentration,
        }


def write_explorer(path: str | Path, setting: ExplorerSetting, *, overwrite: bool = False) -> Path:
    """Write the page that starts with a setting; return its path.

    Raises
    ------
    FileExistsError
        Another file than an explorer is there, and `overwrite` is False.
    ValueError, TypeError
        The page cannot show the setting.
    """
    setting.check()
    target = Path(path).expanduser()
    output_folder(target.parent)
    if target.is_file() and not overwrite and GENERATOR.encode() not in target.read_bytes()[:2000]:
        raise FileExistsError(
            f"{target} must be a new file or an earlier explorer; it is something else. Choose another --output, or "
            f"add --overwrite."
        )
    return write_text(explorer_page(setting.state()), target)


def page_address(path: Path, setting: ExplorerSetting) -> str:
    """Return the address of the page with its setting, as the browser will show it."""
    return f"{path.resolve().as_uri()}#{address_part(setting.state())}"


def has_display() -> bool:
    """Return whether a browser could open a window."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_address(address: str) -> bool:
    """Open an address in the user's browser, if there is a display; return whether that worked."""
    import webbrowser

    return has_display() and webbrowser.open(address)
