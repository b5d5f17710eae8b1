"""Servers as jobs of Slurm, one each, by its command line. `spawner.py` is where to begin."""
