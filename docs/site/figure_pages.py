"""Make one page per result in ``results/``, fill the gallery with their pictures, and show the version of the package.

The order is that of the ledger. Each page is made from what the command ``labelnoise run`` wrote beside the picture.
"""

import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

RESULTS = Path(__file__).parents[2] / "results"
_IN_LEDGER = re.compile(r"^\| \[(\w+)\]", re.MULTILINE)
_FIGURE = re.compile(r"fig(\d+)([a-z]?)")


def results() -> list[dict[str, Any]]:
    """Return what was found out in each result that has a picture, in the order of the ledger."""
    names = _IN_LEDGER.findall((RESULTS / "LEDGER.md").read_text(encoding="utf-8"))
    return [json.loads((RESULTS / name / f"{name}.json").read_text(encoding="utf-8")) for name in names]


def short_name(result: dict[str, Any]) -> str:
    """Return "Figure 4a" for ``fig4a``, and the title of a study."""
    figure = _FIGURE.fullmatch(result["name"])
    return f"Figure {figure[1]}{figure[2]}" if figure else result["title"]


def full_name(result: dict[str, Any]) -> str:
    """Return the name with the title, once."""
    return ": ".join(dict.fromkeys([short_name(result), result["title"]]))


def page_of(result: dict[str, Any]) -> str:
    """Return the page of one result as Markdown."""
    name = result["name"]
    is_figure = bool(_FIGURE.fullmatch(name))
    verdict = {True: "It agrees with the paper.", False: "It does not agree with the paper.", None: ""}
    specification = json.dumps(result["specification"], indent=2)
    indented = "\n".join(f"    {line}" for line in ["```json", *specification.splitlines(), "```"])
    return "\n\n".join(
        [
            f"# {full_name(result)}",
            f"**{'The paper says' if is_figure else 'The question'}.** {result['statement']}",
            f"**What came out.** {result['finding']}" + (f" {verdict[result['agrees']]}" if is_figure else ""),
            f"![{result['title']}](../results/{name}/{name}.png)",
            f'Made by `labelnoise run {name}` at the scale "{result["scale"]}", with the specification below. '
            "[What was measured](../measurements.md) says more; the [ledger](../results/LEDGER.md) lists all results.",
            f'??? note "Specification"\n\n{indented}',
            "",
        ]
    )


def gallery() -> str:
    """Return a card per result: its picture and its title, with a link to its page."""
    cards = [
        f"-   [![{result['title']}](results/{result['name']}/{result['name']}.png)](figures/{result['name']}.md)\n\n"
        f"    [{full_name(result)}](figures/{result['name']}.md)\n"
        for result in results()
    ]
    return '<div class="grid cards" markdown>\n\n' + "\n".join(cards) + "\n</div>\n"


def on_config(config: Any) -> Any:
    """Add the pages to the navigation, and the version to what templates know."""
    config.extra["release"] = version("labelnoise")
    pages = {True: [], False: []}
    for result in results():
        is_figure = bool(_FIGURE.fullmatch(result["name"]))
        pages[is_figure].append({short_name(result): f"figures/{result['name']}.md"})
    (section,) = [entry["Results"] for entry in config.nav if "Results" in entry]
    section += [{"The paper's figures": pages[True]}, {"Further studies": pages[False]}]
    return config


def on_files(files: Any, *, config: Any) -> Any:
    """Add the pages to the files of the site."""
    for result in results():
        files.append(File.generated(config, f"figures/{result['name']}.md", content=page_of(result)))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Return the page's text with the gallery in its place."""
    return markdown.replace("<!-- gallery -->", gallery()) if page.file.src_uri == "gallery.md" else markdown
