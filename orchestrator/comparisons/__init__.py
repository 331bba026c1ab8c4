"""What can be said of the arms of a table: whether they differ, by how much, and how many runs would settle it.

In: a `Plan`, and a `Table` with the evidence of its cells. Out: `comparison.Comparisons`, and their sentences. Pure.
The unit is what was drawn independently, and nothing is read out of a ± that overlaps or not.
Public face: `comparison.compare`, `words.sentences`, `in_tables.with_comparison`, `image_noise.image_noise`.
"""

__all__ = ["comparison", "growth", "image_noise", "in_tables", "noise_words", "words"]
