"""Lists as files: one module a format. A list holds fingerprints and categories, never a picture or a name."""
