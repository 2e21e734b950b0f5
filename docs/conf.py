"""How the documentation is built: Sphinx, MyST, furo; warnings are errors. API pages are made from the code itself."""

from __future__ import annotations

import importlib
import importlib.metadata
import pkgutil
import shutil
from pathlib import Path

from docutils.nodes import Element, TextElement
from pygments.lexers.data import JsonLexer
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext.autodoc.mock import mock  # type: ignore[attr-defined]  # a re-export without __all__, in the module where Sphinx keeps it for others

import smartify_core

HERE = Path(__file__).parent

project = "smartify_core"
author = "the smartify_core maintainers"
release = importlib.metadata.version("smartify-core")
version = ".".join(release.split(".")[:2])

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_parser"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"smartify_core {version}"
autodoc_mock_imports = ["pyspark"]  # half a gigabyte, for the names of three classes
default_role = "code"  # docstrings write `names` in single backticks
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
# Links stay inside this documentation: a build needs no network, so other projects' names are shown without one.
nitpick_ignore_regex = [(r"py:.*", r"(?!smartify_core\.).*")]


def public_modules() -> list[str]:
    """Return every module that a user may import, from the bottom of the package's alphabet."""
    found = [module.name for module in pkgutil.walk_packages(smartify_core.__path__, "smartify_core.")]
    return sorted(name for name in found if not any(part.startswith("_") for part in name.split(".")))


def write_api_pages() -> None:
    """Write one page for each public module, and the page that lists them."""
    folder = HERE / "reference" / "api"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = public_modules()
    for name in names:
        with mock(autodoc_mock_imports):
            importlib.import_module(name)
        page = f"# {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n   :show-inheritance:\n```\n"
        (folder / f"{name}.md").write_text(page, encoding="utf-8")
    listing = "\n".join(names)
    (folder / "index.md").write_text(
        f"# Public names\n\nEach public name has one home: the page that documents it is where to import it from.\n\n"
        f"```{{toctree}}\n:maxdepth: 1\n\n{listing}\n```\n",
        encoding="utf-8",
    )


def public_home(app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: TextElement) -> Element | None:
    """Resolve a reference to a class in a private file to the public module that documents it."""
    parts = str(node.get("reftarget", "")).split(".")
    if node.get("refdomain") != "py" or parts[0] != "smartify_core" or not any(part.startswith("_") for part in parts):
        return None
    target = ".".join(part for part in parts if not part.startswith("_"))
    domain = env.get_domain("py")
    found = domain.resolve_xref(env, node["refdoc"], app.builder, node.get("reftype", "obj"), target, node, contnode)
    # What no public module exports is an inside: shown, but without a link.
    return contnode if found is None else found


def setup(app: Sphinx) -> None:
    """Make the API pages, and mend references into private files."""
    write_api_pages()
    app.add_lexer("jsonl", JsonLexer)
    app.connect("missing-reference", public_home)
