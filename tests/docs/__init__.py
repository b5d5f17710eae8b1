"""What the documentation shows is so: commands are run, configurations loaded, tables held against the code."""
