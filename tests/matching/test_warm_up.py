"""The warm-up: after it, a search compiles nothing any more."""

from __future__ import annotations

import subprocess
import sys

COUNT = """
import importlib, pkgutil, numba, bot.matching as package
from bot.matching.warm_up import warm_up
modules = [importlib.import_module(f"bot.matching.{m.name}") for m in pkgutil.iter_modules(package.__path__)]
kernels = {k for m in modules for k in vars(m).values() if isinstance(k, numba.core.dispatcher.Dispatcher)}
compiled = lambda: sum(len(k.signatures) for k in kernels)
warm_up()
before = compiled()
from PIL import Image
from bot.demo.pictures import picture
from bot.matching.extract import extract
from bot.matching.matcher import Matcher
from bot.matching.packing import Signature
from bot.matching.query import Wanted
from bot.model import *
from datetime import datetime, UTC
wanted = Wanted.FEATURES | Wanted.REFERENCE | Wanted.VIEWS
query = extract(picture(1, (400, 500)), wanted, sha256=bytes(32))
extracting = compiled()
matcher = Matcher(Thresholds(), Signature.derived(b"test"))
bank = Bank(1, "own", BankKind.BLOCK, None, BankLevel.REMOVE)
entry = Entry(1, 1, Category.OTHER, matcher.packed(query), "", None, datetime.now(UTC), "")
matcher.load([bank], [entry])
assert matcher.match(query, None)
print(before > 0, compiled() - extracting)
"""


def test_after_it_a_search_compiles_nothing_any_more() -> None:
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.split() == ["True", "0"]
