"""Writes the document to standard output, as it is checked in; with `--page` the page made of it: `make openapi`."""

from __future__ import annotations

import sys

from web.app.app import API
from web.openapi.document import document
from web.openapi.page import as_page
from web.openapi.text import as_text

if __name__ == "__main__":
    sys.stdout.write((as_page if "--page" in sys.argv else as_text)(document(API)))
