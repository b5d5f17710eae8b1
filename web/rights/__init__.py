"""Who somebody is and what they may do: from rows, without a request and without a hub."""
