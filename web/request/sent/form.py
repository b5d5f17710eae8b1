"""What a form has brought: fields, and files on disk."""

from __future__ import annotations

from werkzeug.datastructures import MultiDict

from web.starts.uploads import Spool, Upload


class Form:
    def __init__(self) -> None:
        self.fields: MultiDict[str, str] = MultiDict()
        self.files: MultiDict[str, Upload] = MultiDict()
        self.spool = Spool()
