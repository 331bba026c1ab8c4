"""The images of a run: those of an array."""

import numpy as np
import torch

from trainables.loops.images import Images

CPU = torch.device("cpu")


def test_images_are_those_of_the_chosen_indices_in_the_asked_order(split):
    images = Images(split, np.array([5, 100, 7]), CPU)
    images_BHWC, labels_B = images.batch(torch.tensor([2, 0]))

    assert len(images) == 3
    assert np.array_equal(images_BHWC.numpy(), split.images[[7, 5]])
    assert labels_B.tolist() == [7, 5]
