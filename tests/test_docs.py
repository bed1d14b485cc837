"""Every code block of README and documentation runs and prints what the page shows; formulas are shown as formulas."""

from __future__ import annotations

import inspect
import pkgutil
import re
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import labelnoise as ln

ROOT = Path(__file__).parents[1]
SITE = ROOT / "docs" / "site"
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    if "results" not in path.parts
)


@pytest.fixture(scope="module")
def code_blocks():
    """The module that finds and runs code blocks, also when the site is built."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SITE))
        import code_blocks

        yield code_blocks
    sys.modules.pop("code_blocks", None)


@pytest.mark.parametrize("page", PAGES)
def test_every_code_block_runs_and_prints_what_the_page_shows(page, code_blocks, tmp_path, monkeypatch):
    import matplotlib.pyplot as plt

    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    blocks = code_blocks.blocks_of((ROOT / page).read_text(encoding="utf-8"))
    runner = code_blocks.PageRunner(page, tmp_path)
    with plt.rc_context({"backend": "agg"}):
        for block in blocks:
            if not block.left_out:
                runner.run(block)
        plt.close("all")


def test_the_readme_is_short_and_begins_with_the_two_commands():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 120
    assert {"make demo", "make test"} <= {" ".join(line.split()[:2]) for line in lines[:20]}


class TestCodeBlocks:
    """The finder and the runner themselves: a page that is wrong makes the test above fail."""

    def run(self, code_blocks, folder, text):
        runner = code_blocks.PageRunner("page.md", folder)
        return [runner.run(block) for block in code_blocks.blocks_of(text) if not block.left_out]

    def test_blocks_share_a_namespace_and_print(self, code_blocks, tmp_path):
        page = "```python\na = 3\n```\n\nThen\n\n```python\nprint(a + 1)\n```\n\n```text\n4\n```\n"
        assert self.run(code_blocks, tmp_path, page) == ["", "4\n"]

    def test_indented_blocks_are_found(self, code_blocks, tmp_path):
        assert self.run(code_blocks, tmp_path, "- so:\n\n    ```python\n    print(1)\n    ```\n") == ["1\n"]

    def test_another_output_than_shown_is_an_error(self, code_blocks, tmp_path):
        with pytest.raises(AssertionError, match=r"page.md, line 2: the page shows another output"):
            self.run(code_blocks, tmp_path, "```python\nprint(4)\n```\n\n```text\n5\n```\n")

    def test_errors_name_the_line_of_the_page(self, code_blocks, tmp_path):
        with pytest.raises(ZeroDivisionError) as raised:
            self.run(code_blocks, tmp_path, "One\n\n```python\na = 1\na / 0\n```\n")
        assert raised.traceback[-1].lineno + 1 == 5

    def test_prepared_files_are_there_for_commands(self, code_blocks, tmp_path):
        page = (
            "<!-- prepare\nimport numpy as np\nnp.save('y.npy', [0, 1] * 8)\n-->\n\n"
            "```console\n$ labelnoise corrupt --labels y.npy \\\n    --noise-rate 0.5\n...\nTable: ...\n```\n"
        )
        with pytest.raises(AssertionError, match="shows another output"):
            self.run(code_blocks, tmp_path, page)
        _, printed = self.run(code_blocks, tmp_path, page.replace("Table: ...\n", ""))
        assert "16" in printed

    def test_a_command_that_fails_is_an_error(self, code_blocks, tmp_path):
        with pytest.raises(AssertionError, match="failed"):
            self.run(code_blocks, tmp_path, "```sh\nlabelnoise curve --features no.npy --labels no.npy\n```\n")

    def test_other_commands_need_a_reason_not_to_run(self, code_blocks, tmp_path):
        page = "```sh\nrm -rf x\n```\n"
        with pytest.raises(ValueError, match="no labelnoise command"):
            self.run(code_blocks, tmp_path, page)
        assert self.run(code_blocks, tmp_path, f"<!-- not run: it is dangerous -->\n{page}") == []

    def test_a_block_with_a_title_is_a_file_that_others_import(self, code_blocks, tmp_path):
        page = '```python title="of_a_page.py"\nA = 5\n```\n\n```python\nfrom of_a_page import A\nprint(A)\n```\n'
        assert self.run(code_blocks, tmp_path, page) == ["", "5\n"]

    def test_commands_of_a_sh_block_do_not_meet_the_results_of_others(self, code_blocks, tmp_path):
        prepare = "<!-- prepare\nimport numpy as np\nnp.save('y.npy', [0, 1] * 8)\n-->\n"
        command = "labelnoise corrupt --labels y.npy --noise-rate"
        assert len(self.run(code_blocks, tmp_path, f"{prepare}```sh\n{command} 0.5\n{command} 0.25\n```\n")) == 2

    def test_blocks_that_need_a_missing_package_are_left_out(self, code_blocks, tmp_path):
        page = "<!-- needs: no_such_package -->\n```python\nimport no_such_package\n```\n"
        assert self.run(code_blocks, tmp_path, page) == []
        assert self.run(code_blocks, tmp_path, page.replace("no_such_package", "json")) == [""]

    def test_a_comment_without_its_block_is_an_error(self, code_blocks, tmp_path):
        with pytest.raises(ValueError, match="right before a code block"):
            self.run(code_blocks, tmp_path, "<!-- not run: x -->\n\nText.\n\n```python\n1 / 0\n```\n")

    @pytest.mark.parametrize(
        ("shown", "printed", "same"),
        [
            ("a  1.00\n\nb\n", "a 1.01\nb", True),
            ("a 1.00", "a 1.05", False),
            ("a 0.279", "a 0.271", False),
            ("a 100,000", "a 100,900", True),
            ("a", "b", False),
            ("a\n...\nd", "a\nb\nc\nd", True),
            ("a\n...\nd", "a\nb\nc\nd\ne", False),
            ("...\nc", "a\nb", False),
            ("a\n...", "a\nb", True),
            ("...\nb\n...\nd\n...", "a\nb\nc\nd\ne", True),
            ("...\nd\n...\nb\n...", "a\nb\nc\nd\ne", False),
            ("a", "a\nb", False),
            ("a\nb", "a", False),
        ],
    )
    def test_outputs_are_compared_line_by_line(self, code_blocks, shown, printed, same):
        assert code_blocks.same_output(shown, printed) is same


class TestReference:
    @pytest.fixture(scope="class")
    @staticmethod
    def documented():
        """The names of the objects on the pages of the reference."""
        pages = (ROOT / "docs" / "reference").glob("*.md")
        return re.findall(r"^::: (\S+)$", "\n".join(page.read_text(encoding="utf-8") for page in pages), re.MULTILINE)

    def test_every_public_name_is_documented_once(self, documented):
        public = sorted(name for name in documented if name.count(".") == 1)
        assert public == sorted(f"labelnoise.{name}" for name in ln.__all__)

    def test_every_function_has_an_example(self, documented):
        # A sweep needs runs that somebody wrote: the guide "On a cluster" shows one, and is run above.
        things = {name: pkgutil.resolve_name(name) for name in documented if name != "labelnoise.sweeps.sweep.sweep"}
        functions = {name for name, thing in things.items() if not isinstance(thing, type)}
        assert len(functions) > 40
        assert {name for name in functions if ">>>" not in things[name].__doc__} == set()


class TestSite:
    """What the hooks of the documentation put into its pages."""

    @pytest.fixture
    def config(self):
        mkdocs_config = pytest.importorskip("mkdocs.config", reason="needs the documentation's packages")
        config = mkdocs_config.load_config(str(ROOT / "mkdocs.yml"), hooks=[], plugins=[])
        config.plugins._current_plugin = None  # mkdocs sets it while a build runs
        return config

    @pytest.fixture
    def hook(self, code_blocks):
        return lambda name: SimpleNamespace(**runpy.run_path(str(SITE / f"{name}.py")))

    def page(self, name, **meta):
        return SimpleNamespace(meta=meta, file=SimpleNamespace(src_uri=name))

    def test_output_and_pictures_follow_the_blocks_of_a_page_that_is_run(self, config, hook):
        text = (
            "```python\nprint(6 * 7)\n```\n\nThen\n\n<!-- picture: A line -->\n```python\n"
            "import matplotlib.pyplot as plt\n_ = plt.plot([1, 2])\n```\n\nEnd\n"
        )
        files = []
        page = self.page("deep/page.md", run=True)
        made = hook("run_pages").on_page_markdown(text, page=page, config=config, files=files)
        assert "```\n\n```text\n42\n```\n" in made
        assert re.search(r"```\n\n!\[A line\]\((page-line-\d+-1\.svg)\)\n", made)
        assert [file.src_uri.startswith("deep/page-line-") for file in files] == [True]
        assert b"<svg" in files[0].content_bytes
        assert made.endswith("End\n")

    def test_other_pages_stay_as_they_are(self, config, hook):
        text = "```python\n1 / 0\n```\n"
        assert hook("run_pages").on_page_markdown(text, page=self.page("a.md"), config=config, files=[]) == text

    def test_a_picture_without_a_description_stops_the_build(self, config, hook):
        text = "```python\nimport matplotlib.pyplot as plt\n_ = plt.figure()\n```\n"
        with pytest.raises(ValueError, match="say what is drawn"):
            hook("run_pages").on_page_markdown(text, page=self.page("a.md", run=True), config=config, files=[])

    def test_a_block_that_fails_stops_the_build(self, config, hook):
        text = "```python\n1 / 0\n```\n"
        with pytest.raises(ZeroDivisionError):
            hook("run_pages").on_page_markdown(text, page=self.page("a.md", run=True), config=config, files=[])

    def test_every_result_has_a_page_a_picture_and_a_place_in_gallery_and_navigation(self, config, hook):
        figure_pages = hook("figure_pages")
        folders = {path.parent.name for path in (ROOT / "results").glob("*/*.png")}
        files = figure_pages.on_files([], config=config)
        assert {file.src_uri for file in files} == {f"figures/{name}.md" for name in folders}
        assert all(result["finding"] in figure_pages.page_of(result) for result in figure_pages.results())
        gallery = figure_pages.on_page_markdown("<!-- gallery -->", page=self.page("gallery.md"), config={}, files=[])
        assert all(f"(results/{name}/{name}.png)](figures/{name}.md)" in gallery for name in folders)
        assert all(f"figures/{name}.md" in str(figure_pages.on_config(config).nav) for name in folders)


class TestFormulas:
    @pytest.fixture
    def render(self):
        """Markdown to HTML with the two extensions with which mkdocs renders the pages."""
        markdown = pytest.importorskip("markdown", reason="needs the documentation's packages")
        l2m4m = pytest.importorskip("l2m4m", reason="needs the documentation's packages")
        hook = runpy.run_path(str(SITE / "docstring_math.py"))
        config = hook["on_config"]({"markdown_extensions": [l2m4m.LaTeX2MathMLExtension()]})
        return lambda text: markdown.markdown(text, extensions=config["markdown_extensions"])

    def test_formulas_become_mathml(self, render):
        page = render("Before :math:`x_1` it.\n\n.. math:: a =\n    b, \\qquad\n    c\n\nAfter.")
        assert page.count("<math") == 2
        assert page.count('display="block"') == 1
        assert "math::" not in page
        assert page.endswith("<p>After.</p>")

    @pytest.mark.parametrize("documented", [ln.concentration, ln.AccuracyCurve.interval, ln.effective_k])
    def test_all_formulas_of_real_docstrings_become_mathml(self, documented, render):
        text = inspect.getdoc(documented)
        page = render(text)
        assert page.count("<math") == text.count(".. math::") + text.count(":math:")
        assert "math::" not in page
        assert ":math:" not in page
