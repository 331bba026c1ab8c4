"""The network of a path through a MultiChannelNet: what final training trains.

Shape letters: B = images, C = channels or classes, H and W = pixels.
Source: arXiv:1903.09900, section 4.1, Figure 6 and Table 4.
"""

import torch
from torch import Tensor, nn

from trainables.architecture.paths import MultiChannelPath
from trainables.architecture.scaling import image_stem, last_convolution, map_classifier, scaling_operation


class PathNetwork(nn.Module):
    """The operations of a path in a row, between a stem and a SharpSepConv, mean and linear layer.

    Args:
        path: the operations.
        classes: outputs.
        head_channels: of the map that the classifier looks at.
        released: leave out the path's last operation, as the released code does by a slip of one in a slice. The sizes
            of Table 4 are of such networks; their last map has twice the height and width.
    """

    droppable = 0
    """Nothing can be dropped: a path whose one operation is left out has nothing left."""

    def __init__(
        self, *, path: MultiChannelPath, classes: int, head_channels: int = 768, released: bool = False
    ) -> None:
        super().__init__()
        channels = path.steps[0].channels_in
        self.stem = image_stem(channels)
        self.operations = nn.Sequential()
        for step in path.steps[:-1] if released else path.steps:
            channels = step.channels_out
            self.operations.append(
                scaling_operation(
                    step.operation, channels_in=step.channels_in, channels_out=channels, stride=step.stride
                )
            )
        self.last = last_convolution(channels, head_channels)
        self.classifier = map_classifier(head_channels, classes)

    def forward(self, x_BCHW: Tensor, keep_DB: Tensor | None = None) -> tuple[Tensor, None]:
        """Return the logits, (B, classes), and None for the auxiliary head that there is not."""
        assert keep_DB is None, "check_network refuses drop path for a path"
        x_BCHW = self.stem(x_BCHW.contiguous(memory_format=torch.channels_last))
        return self.classifier(self.last(self.operations(x_BCHW))), None
