"""Drivers that are right in another way than the reference: no law may fail them."""
