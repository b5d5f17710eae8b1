"""The documentation as a site: `make docs`. The pages are Markdown, and read as well where they lie."""

from importlib.metadata import version as version_of
from typing import Any

project = "Callboard"
author = "The authors of Callboard"
version = release = version_of("callboard")

extensions = ["myst_parser"]
myst_heading_anchors = 3
nitpicky = True

html_theme = "furo"
html_title = f"Callboard {release}"
html_logo = html_favicon = "../web/presentation/static/images/mark.svg"
html_theme_options = {  # the colours of the hub's own pages
    "light_css_variables": {
        "color-brand-primary": "#17594a",
        "color-brand-content": "#12574a",
        "color-background-primary": "#fffdf9",
        "color-background-secondary": "#f6f3ec",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7fd3b8",
        "color-brand-content": "#8ad9c0",
        "color-background-primary": "#1b2022",
        "color-background-secondary": "#14181a",
    },
}
html_static_path = ["site"]
html_css_files = ["site.css"]
html_show_copyright = html_show_sphinx = html_show_sourcelink = html_copy_source = False


def setup(app: Any) -> None:
    app.connect("doctree-read", leave_to_their_titles)


def leave_to_their_titles(app: Any, _: object) -> None:
    """Whoever searches wants to do something: pages that say why something is so are found by their titles alone."""
    if app.env.docname.startswith("decisions/"):
        app.env.metadata[app.env.docname]["no-search"] = ""
