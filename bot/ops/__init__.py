"""Running it: logging, metrics, retention."""
