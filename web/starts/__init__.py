"""What a start needs: its environment, limits, hooks, and the actors' view of the hub."""
