"""Whether another provider covers what an application really uses."""
