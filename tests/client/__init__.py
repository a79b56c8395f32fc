"""Tests of the Discord side of the product."""
