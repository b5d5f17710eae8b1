"""Texts for people, in the languages that the hub speaks. Programs, logs and the command line are told in English."""
