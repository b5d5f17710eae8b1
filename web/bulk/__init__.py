"""What is done for many users at once, as jobs: it goes on though nobody looks, and though the hub is killed."""
