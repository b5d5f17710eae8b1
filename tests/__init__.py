"""Every test there is, by what it needs: see the folders."""

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
# jsonschema would read a grammar with it, for a second of each process that runs tests; none of them is about IRIs
