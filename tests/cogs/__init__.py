"""Tests of the Discord extensions."""
