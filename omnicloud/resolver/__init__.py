"""From a configuration to running services: plan without I/O, then build."""
