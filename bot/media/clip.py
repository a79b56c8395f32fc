"""The picture track of a video: untrusted bytes to frames, with PyAV. Runs in a decoder process only.

All packets of the track are taken from the container first, which is cheap; what is to be seen is chosen from their
times, and only what that takes is decoded. So nothing ever seeks in a container whose index a poster wrote.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from PIL import Image, ImageStat

from bot.matching import planes
from bot.model import Unscannable

from .errors import MediaError
from .formats import videos_readable
from .sampling import Run, Timeline
from .wire import Limits

if TYPE_CHECKING or videos_readable():
    import av
    from av.container import InputContainer
    from av.error import FFmpegError

LONGEST_SECONDS = 600
LONGEST_SIDE = 4096
MOST_PACKETS = 100_000

_BLANK = 4.0
"""Standard deviation, in grey levels, below which there is nothing to see in a frame: black, or faded nearly there."""

_PASSED_OVER = 0.1
"""Share of packets, of those read, that may be damaged. Where it is more, another decoder might show what is there."""

_CODECS = ("h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg4", "mjpeg")
"""What clients play, and telephones record. No other decoder is ever run over a file."""

_EIGHT_BITS = frozenset({"yuv420p", "yuv422p", "yuv440p", "yuv444p", "yuva420p", "nv12", "nv21"})
_EIGHT_BITS_FULL_RANGE = frozenset({"yuvj420p", "yuvj422p", "yuvj440p", "yuvj444p"})
_FULL_RANGE = 2
_TO_FULL_RANGE = [round(min(255.0, max(0.0, (level - 16) * 255 / 219))) for level in range(256)]
"""Luminance from 16 (black) to 235 (white), as most videos have it, to that of pictures."""

_TURNS = {1: Image.Transpose.ROTATE_90, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_270}
_WIDEST_PIXEL = 4
_INTRA = 1
"""AV_PICTURE_TYPE_I."""

_SHOWN, _COVER = 0x1, 0x400
"""AV_DISPOSITION_DEFAULT and AV_DISPOSITION_ATTACHED_PIC."""

_DEMUXERS = {"MP4": "mov", "WEBM": "matroska"}
_OPTIONS = {"protocol_whitelist": "none", "codec_whitelist": ",".join(_CODECS)}
_OPTIONS_OF_MP4 = {"enable_drefs": "0", "use_absolute_path": "0"}


class Look(NamedTuple):
    """A frame as a luminance plane; ``scale`` is how many pixels of the file one of its pixels stands for."""

    number: int
    plane: Image.Image
    scale: float


class _NoKeyFrameError(Exception):
    """A packet that the container calls a key frame is none."""


class Clip:
    """The picture track of a video. What stopped its reading is left in ``failure``."""

    timeline: Timeline
    width: int
    height: int

    def __init__(self, deadline: float) -> None:
        self.failure: Unscannable | None = None
        self._deadline = deadline
        self._packets: list[av.Packet] = []
        self._turned = False
        self._read = self._passed_over = 0

    def open(self, data: bytes, kind: str, limits: Limits) -> None:
        """Take the packets out of the container. Raises MediaError, and whatever a hostile container leads to."""
        options = _OPTIONS | (_OPTIONS_OF_MP4 if kind == "MP4" else {})
        with av.open(
            BytesIO(data), "r", format=_DEMUXERS[kind], container_options=options, metadata_errors="ignore"
        ) as container:
            stream = self._track(container)
            context = stream.codec_context
            if context.name not in _CODECS:
                raise MediaError(Unscannable.VIDEO)
            self.width, self.height = context.width, context.height
            most = min(limits.max_pixels, LONGEST_SIDE**2)
            if max(self.width, self.height) > LONGEST_SIDE or self.width * self.height > most:
                raise MediaError(Unscannable.TOO_MANY_PIXELS)
            context.thread_count = 1
            context.options = {"max_pixels": str(most)}
            self._context = context
            self._pixel = _pixel(stream.sample_aspect_ratio)
            self._take(container, stream)

    def trusted(self, choice: Callable[[Timeline], Sequence[int]], *, hurried: bool = False) -> list[Look]:
        """The frames chosen, all at once.

        Which packets are key frames is what the container says. Where one is not, which no client would notice as it
        plays the video, everything is decoded from the beginning.
        """
        try:
            return list(self.looks(self.timeline.runs(choice(self.timeline)), hurried=hurried))
        except _NoKeyFrameError:
            self.timeline.keys = [0]
            return list(self.looks(self.timeline.runs(choice(self.timeline)), hurried=hurried))

    def looks(self, runs: Sequence[Run], *, hurried: bool = False) -> Iterator[Look]:
        """The frames of these runs, in order, but those with nothing to see in them.

        ``hurried`` leaves out frames on which no other depends; the next one stands for a frame left out.
        """
        self._context.skip_frame = "NONREF" if hurried else "DEFAULT"
        for run in runs:
            if self._late():
                return
            due = list(run.numbers)
            last: tuple[int, av.VideoFrame] | None = None
            for frame in self._from_key_frame(run):
                last = number, _ = frame.pts or 0, frame
                if due and number >= due[0]:
                    due = [further for further in due if further > number]
                    last = None
                    yield from self._look(number, frame)
            if due and last is not None:
                yield from self._look(*last)
        if self._passed_over > _PASSED_OVER * self._read:
            self.failure = self.failure or Unscannable.BROKEN

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as it is shown."""
        return (self.height, self.width) if self._turned else (self.width, self.height)

    def _track(self, container: InputContainer) -> av.VideoStream:
        """The track that is shown; covers of songs are none. Further ones are not seen, so nothing is clear then."""
        tracks = [stream for stream in container.streams.video if not _marks(stream) & _COVER]
        if not tracks:
            raise MediaError(Unscannable.NOT_A_PICTURE)
        if len(tracks) > 1:
            self.failure = Unscannable.VIDEO
        shown = [stream for stream in tracks if _marks(stream) & _SHOWN]
        return (shown or tracks)[0]

    def _take(self, container: InputContainer, stream: av.VideoStream) -> None:
        times: list[float] = []
        keys: list[int] = []
        for packet in self._demuxed(container, stream):
            stamp = packet.dts if packet.pts is None else packet.pts
            base = packet.time_base or Fraction(1, 1000)
            at = float(stamp * base) if stamp is not None else times[-1] if times else 0.0
            if len(times) >= MOST_PACKETS or (times and at - times[0] > LONGEST_SECONDS):
                self.failure = Unscannable.TOO_LARGE
                break
            if self._late():
                break
            if packet.is_keyframe:
                keys.append(len(times))
            times.append(at)
            self._packets.append(packet)
        if not times:
            raise MediaError(self.failure or Unscannable.BROKEN)
        self.timeline = Timeline(times, keys)
        for packet, number in zip(self._packets, self.timeline.numbers, strict=True):
            packet.pts, packet.dts = number, None  # a decoder hands it on to the frame

    def _demuxed(self, container: InputContainer, stream: av.VideoStream) -> Iterator[av.Packet]:
        """The packets up to where the file breaks off or makes no sense any more; then it is not seen as a whole."""
        try:
            yield from (packet for packet in container.demux(stream) if packet.size)
        except FFmpegError:
            self.failure = Unscannable.BROKEN

    def _from_key_frame(self, run: Run) -> Iterator[av.VideoFrame]:
        """The frames of a run from its key frame on; those shown before that cannot be decoded without others."""
        first = self.timeline.numbers[run.start] if run.start else 0
        begun = False
        for frame in self._decoded(run):
            if frame.pts is None or frame.pts < first:
                continue
            if run.start and not begun and not (frame.pts == first and _stands_alone(frame)):
                raise _NoKeyFrameError
            begun = True
            yield frame
        if not begun and not self._late():
            raise _NoKeyFrameError if run.start else MediaError(Unscannable.BROKEN)

    def _decoded(self, run: Run) -> Iterator[av.VideoFrame]:
        """The frames of a run. A packet that cannot be decoded is passed over, as clients do."""
        for packet in (*self._packets[run.start : run.stop], None):
            if self._late():
                return
            try:
                yield from self._context.decode(packet)
            except MemoryError:
                raise
            except (FFmpegError, ValueError):
                self._passed_over += 1
            else:
                self._read += 1
        if self._context.is_open:
            self._context.flush_buffers()

    def _look(self, number: int, frame: av.VideoFrame) -> Iterator[Look]:
        if max(frame.width, frame.height) > LONGEST_SIDE:
            raise MediaError(Unscannable.TOO_MANY_PIXELS)
        plane = _plane(frame)
        scale = max(frame.width, frame.height) / max(plane.size)
        if ImageStat.Stat(plane).stddev[0] < _BLANK:
            return
        if self._pixel != 1:
            width, height = plane.width * min(1.0, self._pixel), plane.height / max(1.0, self._pixel)
            plane = plane.resize((max(1, round(width)), max(1, round(height))), Image.Resampling.BILINEAR)
        turn = round(getattr(frame, "rotation", 0) / 90) % 4
        self._turned = turn % 2 == 1
        yield Look(number, plane.transpose(_TURNS[turn]) if turn else plane, scale)

    def _late(self) -> bool:
        if time.monotonic() > self._deadline:
            self.failure = Unscannable.DECODE_TIMEOUT
        return self.failure is Unscannable.DECODE_TIMEOUT


def _stands_alone(frame: av.VideoFrame) -> bool:
    return bool(frame.key_frame) or int(frame.pict_type) == _INTRA


def _marks(stream: av.VideoStream) -> int:
    """FFmpeg's marks of a track; none where this PyAV does not tell them."""
    return int(getattr(getattr(stream, "disposition", None), "value", 0))


def _plane(frame: av.VideoFrame) -> Image.Image:
    """The luminance of a frame, reduced as that of pictures is."""
    factor = max(1, max(frame.width, frame.height) // planes.SIDE)
    name = frame.format.name
    if name in _EIGHT_BITS or name in _EIGHT_BITS_FULL_RANGE:
        luminance = frame.planes[0]
        whole = Image.frombuffer(
            "L", (frame.width, frame.height), cast("Any", luminance), "raw", "L", luminance.line_size, 1
        )
        plane = whole.copy() if factor == 1 else whole.reduce(factor)
        if name in _EIGHT_BITS_FULL_RANGE or int(frame.color_range) == _FULL_RANGE:
            return plane
        return plane.point(_TO_FULL_RANGE)
    width, height = max(1, frame.width // factor), max(1, frame.height // factor)
    colours = frame.reformat(width=width, height=height, format="rgb24", interpolation="AREA")
    return Image.fromarray(colours.to_ndarray()).convert("L")


def _pixel(aspect: Fraction | None) -> float:
    """How wide a pixel is shown, in heights of it."""
    shape = float(aspect) if aspect else 1.0
    return shape if 1 / _WIDEST_PIXEL <= shape <= _WIDEST_PIXEL else 1.0
