"""Histories: what concurrent clients were answered, and whether any order of the calls explains it.

A seeded program of several clients runs on a world; every call is recorded with when it began
and ended; a checker looks for an order of the calls that a plain model of the contract would
answer in the same way. Where there is none, the program is shrunk and shown.
"""
