"""Convolutions, forward and backward, in processes of their own whose heap glibc checks; `heap_checks.py` starts them.

    python convolutions_on_the_heap.py halvings:THREADS packaged:THREADS ...

First it proves that the checks are on. Each argument is then computed in a fork, since importing torch takes seconds,
and after it stands how it ended. A fork says what it computes before it computes it, so that where it is aborted, the
last line names what wrote outside its memory, and compares each result with float64.

Shape letters: B = images, C = channels, H and W = pixels, G = groups, N = numbers that an output looks at, L = outputs.
"""

import copy
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainables.architecture.blocks import factorized_reduce

UNCHECKED = 3
"""Exit status: an overrun went unnoticed."""
ENDED = "ended:"
"""What a line begins with that says what has ended, and with which exit status."""
TOLERANCE = 1e-4
"""Of the largest number."""

Case: TypeAlias = tuple[str, nn.Module, Tensor, Callable[[nn.Module, Tensor], Tensor]]
"""A name, what is computed, its input, and the same computed plainly by a float64 copy."""


def overrun_a_block() -> None:
    """Change the byte after 20 of malloc's, which lies in what it rounds up to, and free them."""
    allocate, free = ctypes.pythonapi.PyMem_RawCalloc, ctypes.pythonapi.PyMem_RawFree  # malloc's own, by these names
    allocate.restype, free.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
    block = allocate(ctypes.c_size_t(1), ctypes.c_size_t(20))
    change(block + 20)
    free(block)


def overrun_a_tensor() -> None:
    """Do the same to memory of torch's own allocator."""
    x = torch.zeros(5)
    change(x.data_ptr() + 20)
    del x


def change(address: int) -> None:
    ctypes.c_ubyte.from_address(address).value ^= 0xFF


def prove_that_overruns_abort() -> None:
    """Raises: SystemExit."""
    for overrun in (overrun_a_block, overrun_a_tensor):
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what is said to the one that is aborted
            overrun()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGABRT):
            print(f"{overrun.__name__}: nobody noticed (status {status})")
            sys.exit(UNCHECKED)


def halvings() -> Iterator[tuple[Case, int]]:
    """Yield what halves maps, of few channels and of many, each often: what lies behind a block differs each time."""
    sizes = ((8, 8), (7, 9), (16, 16)) if torch.get_num_threads() == 1 else ((32, 32),)
    small = [(2, channels, *size) for channels in range(1, 33) for size in sizes]
    large = [(25, channels, 56, 56) for channels in (4, 8, 12)]
    for shape, times in [*((shape, 30) for shape in small), *((shape, 5) for shape in large)]:
        halving = factorized_reduce(shape[1], max(2, shape[1]), affine=False).body
        x = torch.randn(shape).to(memory_format=torch.channels_last)
        yield (f"halving of {shape}", halving, x, even_and_odd), times


def packaged() -> Iterator[tuple[Case, int]]:
    """Yield each convolution of the networks of packaged experiments, once."""
    from packaged_networks import convolutions

    for call in convolutions():
        call.layer.reset_parameters()
        yield (call.name, call.layer, call.input(), convolution), 1


def convolution(layer: nn.Module, x_BCHW: Tensor) -> Tensor:
    """Convolve by a product of matrices, with none of the library's convolutions."""
    assert isinstance(layer, nn.Conv2d)
    kernel, dilation, padding, stride = layer.kernel_size, layer.dilation, layer.padding, layer.stride
    seen_BGNL = F.unfold(x_BCHW, kernel, dilation, padding, stride).unflatten(1, (layer.groups, -1))
    y_BCL = (layer.weight.view(layer.groups, -1, seen_BGNL.shape[2]) @ seen_BGNL).flatten(1, 2)
    rows = (x_BCHW.shape[2] + 2 * padding[0] - dilation[0] * (kernel[0] - 1) - 1) // stride[0] + 1
    return y_BCL.unflatten(2, (rows, -1))


def even_and_odd(halving: nn.Module, x_BCHW: Tensor) -> Tensor:
    height, width = x_BCHW.shape[2:]
    odd_BCHW = F.pad(x_BCHW, (0, width % 2, 0, height % 2))[:, :, 1:, 1:]
    return torch.cat([convolution(halving.even, x_BCHW), convolution(halving.odd, odd_BCHW)], dim=1)


def compare(case: Case, times: int) -> None:
    """Raises: SystemExit."""
    name, module, x, plainly = case
    print(name, flush=True)
    module.to(memory_format=torch.channels_last)
    x64 = x.double().contiguous().requires_grad_()
    twin = copy.deepcopy(module).to(torch.float64, memory_format=torch.contiguous_format)
    y64 = plainly(twin, x64)
    upstream = torch.randn(y64.shape).to(memory_format=torch.channels_last)
    expected = [y64.detach(), *torch.autograd.grad(y64, [x64, *twin.parameters()], upstream.double())]
    largest = [float(each.abs().max()) for each in expected]
    x.requires_grad_()
    for _ in range(times):
        y = module(x)
        found = [y.detach(), *torch.autograd.grad(y, [x, *module.parameters()], upstream)]
        for position, (one, other) in enumerate(zip(found, expected, strict=True)):
            off = float((one - other).abs().max()) / largest[position]
            if not off <= TOLERANCE:
                sys.exit(f"{'the gradient' if position else 'the output'} {tuple(one.shape)} is {off:.1e} off")


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    torch.set_num_threads(1)
    torch.manual_seed(0)
    prove_that_overruns_abort()
    for job in sys.argv[1:]:
        what, _, threads = job.partition(":")
        child = os.fork()
        if child == 0:
            torch.set_num_threads(int(threads))
            for case, times in halvings() if what == "halvings" else packaged():
                compare(case, times)
            return
        print(ENDED, job, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
