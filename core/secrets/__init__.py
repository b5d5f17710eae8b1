"""Keys, encryption, and keeping secrets out of sight."""
