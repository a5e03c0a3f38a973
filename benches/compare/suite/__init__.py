"""Brine beside python's salt-master: who is measured (`master`), on what (`machine`), at which
work (`rows`), against which goal (`goals`), and how it is shown (`table`, `plot`)."""
