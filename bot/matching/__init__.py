"""Fingerprints, the index of all banks, and the comparison of a query with it."""
