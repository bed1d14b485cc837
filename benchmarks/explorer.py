"""How long does a redraw of the explorer take in a browser?

    python benchmarks/explorer.py [--redraws 100] [--quick] [--output FILE.json]

Needs playwright and Chromium. K is 10, 30 and 100, and each redraw has a setting that was not seen before, so that
nothing is remembered. The milliseconds are those of the page itself: curves, bars and text.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
from harness import Options, Record, Table, run, summarize
from playwright.sync_api import sync_playwright

from labelnoise.explorer import explorer_page

REDRAWS = """([noise, classes, ties, n]) => Array.from({ length: n }, (_, i) => {
    const clean = 1 - 0.5 * i / n;
    history.replaceState(null, "", `#noise=${noise}&classes=${classes}&ties=${ties}&k=10,30,100&clean=${clean}`);
    dispatchEvent(new HashChangeEvent("hashchange"));
    return Explorer.redraw();
})"""


def main(options: Options) -> Record:
    table = Table("noise:16", "classes", "ties", "redraw_ms")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "explorer.html"
        path.write_text(explorer_page(), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(path.as_uri())
        for noise in ("uniform", "flip", "two_alternatives"):
            for classes in (10, 100):
                for ties in ("strict", "random"):
                    times = page.evaluate(REDRAWS, [noise, classes, ties, options.redraws])
                    table.add(
                        {"noise": noise, "classes": classes, "ties": ties, "redraw_ms": summarize(np.array(times))}
                    )
        browser.close()
    return {"rows": table.rows}


if __name__ == "__main__":
    run(main, __doc__, redraws=(100, 3))
