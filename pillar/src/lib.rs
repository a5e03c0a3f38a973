//! Top file, SLS and a minion: its pillar.
