"""`python -m web.proxy`: the same as `callboard proxy`."""

from web.proxy.command import proxy

proxy(prog_name="callboard proxy")
