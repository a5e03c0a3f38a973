//! Bytes to meaning and back: frames, payloads, crypt, auth v0 to v3.
