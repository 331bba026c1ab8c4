"""What can be searched and built: spaces, operations, supernets, genotypes, final networks, and what they cost.

In: names and numbers. Out: modules of torch, architectures as data, exact counts. What names and describes
(`spaces`, `primitives`, `genotype`, `networks`, `published`) loads no torch.
Public face: `spaces.read_space`, `genotype.read_architecture`, `final_networks.build_network`, the supernets.
"""

__all__ = [
    "blocks",
    "budget",
    "complexity",
    "derive_path",
    "derive_within",
    "discretize",
    "drop_path",
    "families",
    "final_networks",
    "genotype",
    "hypercuboid",
    "networks",
    "primitives",
    "sameness",
    "sampling",
    "spaces",
    "supernets",
]
