"""The state of a run as bytes, taken over whole or not at all; its weights, as states and files hold them."""

import io
import zipfile
from typing import Any, Protocol

import torch
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from trainables.errors import DamagedFile
from trainables.trial import JSON


class Resumable(Protocol):
    """A run whose state can be replaced."""

    def state(self) -> bytes: ...

    def take(self, state: dict[str, Any]) -> None: ...


def load_or_leave(run: Resumable, data: bytes, device: torch.device) -> None:
    """Give a run a state, or leave it exactly as it was. Raises: DamagedFile."""
    state = unpack(data, device)
    before = run.state()
    try:
        run.take(state)
    except Exception as error:  # whatever does not fit: a missing key, a shape, a type
        run.take(unpack(before, device))
        if isinstance(error, DamagedFile):
            raise
        raise DamagedFile(f"the state does not fit this trial ({type(error).__name__}: {error})") from error


def check_identity(found: JSON, expected: JSON) -> None:
    """Raises: DamagedFile, unless a state belongs to this very trial."""
    if found != expected:
        raise DamagedFile("the state belongs to another trial")


def pack(state: dict[str, Any]) -> bytes:
    """Return a state of tensors and plain values as bytes."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def unpack(data: bytes, device: torch.device) -> dict[str, Any]:
    """Return what `pack` was given, with its tensors on the device, running no code from it. Raises: DamagedFile."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:  # as `pack` writes them: stored, so nothing can expand
            if sum(member.file_size for member in archive.infolist()) > len(data):
                raise ValueError("it is compressed")
        state = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    except Exception as error:  # torch names no common base for what garbage can make it raise
        raise DamagedFile(f"the state cannot be read ({type(error).__name__})") from error
    if not isinstance(state, dict):
        raise DamagedFile("the state is not a run's state")
    return state


def weights(network: nn.Module) -> dict[str, Tensor]:
    """Return a copy of all parameters and buffers."""
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def weights_file(tensors: dict[str, Tensor]) -> bytes:
    """Return tensors as a safetensors file, each in its usual dense layout."""
    return save_safetensors({name: tensor.cpu().contiguous() for name, tensor in tensors.items()})
