"""Tests of texts and drawings, without a server."""
