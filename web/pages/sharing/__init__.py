"""Pages and forms about shares: giving them, accepting them, being told of them."""
