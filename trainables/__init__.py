"""One trial: what it is, how it runs, what it records. Nothing here knows about experiments or tables."""
