"""Drop path: which edges of a network are left out for which images of a batch, while it is trained.

Source: arXiv:1605.07648, as applied in arXiv:1707.07012 and arXiv:1806.09055.

Shape letters: B = images, D = edges that may be dropped.
"""

import torch
from torch import Tensor


def draw_keep(edges: int, images: int, *, drop_path: float, generator: torch.Generator) -> Tensor:
    """Return keep_DB: 0 with probability `drop_path`, else 1 / (1 - drop_path); float32, on the generator's device.

    One draw for all edges and all images of a batch, so that whoever computes the batch in parts takes its columns.
    """
    keep = 1.0 - drop_path
    return torch.empty(edges, images, device=generator.device).bernoulli_(keep, generator=generator) / keep
