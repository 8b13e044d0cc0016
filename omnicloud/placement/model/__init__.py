"""What goes into a placement, and what comes out: frozen values."""
