"""Energy and carbon of a placement: estimates from load, marked as such, or measured figures."""
