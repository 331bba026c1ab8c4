"""The cells of NAS-Bench-201 as data: what one is, how it is written, what it computes.

In: names, published strings, digits. Out: cells. Loads no torch; `../nas_bench_201_supernet.py` and
`../nas_bench_201_network.py` build what is named here.
Public face: `cell.NasBench201Cell`.
Source: arXiv:2001.00326.
"""

__all__ = ["benchmark", "cell"]
