//! Crash drills: the master dies at many moments, and nothing that it acknowledged is lost.
