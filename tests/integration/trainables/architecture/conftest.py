"""What the tests of networks share."""

from naive_networks import in_double_precision, naive

__all__ = ["in_double_precision", "naive"]
