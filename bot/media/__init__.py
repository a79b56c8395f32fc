"""From a message's JSON to a fingerprint: find the media, fetch it, decode it in a sandbox."""
