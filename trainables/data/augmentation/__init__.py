"""Changes to whole batches of images, on the device where they lie: crops, flips, Cutout, AutoAugment.

In: a batch and random draws. Out: a batch.
Public face: `transforms.TrainTransform`, `transforms.EvalTransform`.
"""

__all__ = ["policies", "transforms"]
