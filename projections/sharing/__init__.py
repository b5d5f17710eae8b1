"""Who may use whose servers, by which codes they came, and what they are to be told of it."""
