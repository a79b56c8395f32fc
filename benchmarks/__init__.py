"""Programs that measure: each prints a table and, with --json, writes its figures. None of them is a test."""
