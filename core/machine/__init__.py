"""The machine underneath: processes, readiness, faults on purpose."""
