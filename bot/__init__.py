"""stanguard: matches posted pictures against fingerprints of known abuse, removes matches, and asks people."""

from importlib.metadata import version

__version__ = version("stanguard")
