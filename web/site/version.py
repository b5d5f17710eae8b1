"""Which JupyterHub we are compatible with (clients compare it), and which Callboard this is."""

from importlib.metadata import PackageNotFoundError, version

COMPATIBLE = "6.1.1"

try:
    OWN = version("callboard")
except PackageNotFoundError:  # run from a checkout that is not installed
    OWN = "0+unknown"
