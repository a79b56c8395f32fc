"""The way of every posted picture through this process."""

from .addresses import Addresses
from .fair_queue import FairQueue
from .service import Pipeline

__all__ = ["Addresses", "FairQueue", "Pipeline"]
