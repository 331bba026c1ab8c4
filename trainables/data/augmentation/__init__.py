"""Images changed at random, whole batches at once, on the device where they lie.

In: uint8 images and a generator for each purpose. Out: what a network is given.
Public face: `transforms.TrainTransform`, `transforms.EvalTransform`.
"""

__all__ = ["policies", "transforms"]
