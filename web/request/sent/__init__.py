"""What a request has sent: its body, forms, moments and pages asked for."""
