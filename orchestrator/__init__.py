"""Many trials: which, where, and what came out. No torch anywhere in here."""
