"""The commands of `callboard`, one file each. What they need is imported when they run: `--help` waits for nothing."""
