"""What people paste as the fingerprint of a file: read whatever surrounds it, or refused with a way to make one."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import RefusedError
from bot.reports.fingerprints import EMPTY_FILE, LONGEST, read

DIGEST = hashlib.sha256(b"picture").digest()
HEX = DIGEST.hex()
DIGESTS = st.binary(min_size=32, max_size=32).filter(lambda digest: digest != EMPTY_FILE)
SPACES = st.text(" \t\n", max_size=3)


@given(
    DIGESTS,
    st.sampled_from(["", "sha256:", "SHA256: ", "sha-256 ", "Sha256=", "SHA2-256:", "sha256 "]),
    st.booleans(),
    SPACES,
    SPACES,
)
def test_a_sha256_is_read_whatever_it_is_called(digest, prefix, upper, before, after):
    written = digest.hex().upper() if upper else digest.hex()
    assert read(f"{before}{prefix}{written}{after}") == digest


@given(DIGESTS, st.lists(st.integers(0, 64), max_size=40))
def test_spaces_within_it_do_not_matter(digest, places):
    written = digest.hex()
    for place in sorted(places, reverse=True):
        written = f"{written[:place]} {written[place:]}"
    assert read(f"sha256:{written}") == digest


@pytest.mark.parametrize(
    "written",
    [
        f"{HEX}  photo.jpg",
        f"{HEX} *photo 1.jpg",
        f"SHA256 hash of photo.jpg:\n{HEX}\nCertUtil: -hashfile command completed successfully.",
        f"SHA2-256(photo.jpg)= {HEX}",
        f"SHA256 (photo.jpg) = {HEX}",
        f"`{HEX}`",
        f'"sha256:{HEX.upper()}"',
        f"{HEX}  a.jpg\n{HEX}  b.jpg",
    ],
)
def test_what_tools_print_is_read(written):
    assert read(written) == DIGEST


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        (f"pdq:{HEX}", "PDQ"),
        (f"PDQ {HEX}", "PDQ"),
        (f"phash:{HEX}", "pHash"),
        (f"md5:{HEX[:32]}", "MD5"),
        (HEX[:32], "MD5"),
        (f"SHA-1: {HEX[:40]}", "SHA-1"),
        (HEX[:40], "SHA-1"),
        (HEX * 2, "SHA-512"),
        (f"sha512:{HEX * 2}", "SHA-512"),
    ],
)
def test_other_kinds_are_refused_by_their_name(written, kind):
    with pytest.raises(RefusedError, match=f"keeps no {kind} fingerprints.*certutil -hashfile FILE SHA256"):
        read(written)


@pytest.mark.parametrize(
    "written",
    ["", "hello", HEX[:-1], HEX + "a", "g" * 64, f"{HEX} {hashlib.sha256(b'other').hexdigest()}", HEX + " " * LONGEST],
)
def test_what_is_no_fingerprint_is_refused_with_an_example(written):
    with pytest.raises(RefusedError, match="shasum -a 256 FILE"):
        read(written)


def test_an_empty_file_is_nobodys_picture():
    with pytest.raises(RefusedError, match="an empty file"):
        read(hashlib.sha256().hexdigest())


@given(st.text(max_size=300))
@example("{0}")
@example("sha256:" + "é" * 64)
def test_any_text_is_read_or_refused_in_words(written):
    try:
        said = read(written).hex()
    except RefusedError as refused:
        said = str(refused)
    assert "SHA256" in said or "empty file" in said or said in "".join(written.lower().split())
