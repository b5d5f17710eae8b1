"""Servers: started, changed, stopped and watched; and what they tell the hub themselves."""
