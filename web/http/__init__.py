"""What every request meets before and after its handler: who asks, what was sent, how it is answered."""
