"""What runs beside each container and outlives its clients; the standard library alone."""
