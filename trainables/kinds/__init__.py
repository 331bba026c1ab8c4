"""What trials of each kind say of themselves while they are planned: the catalog names these by import paths.

In: a config, or settings by name. Out: what is wrong with it, what it does not read, what it costs, what children take
over, what will not be found, how large its network is. Loads no torch, but where a network is counted. A kind of trial
that others add says the same in a module of its own.
Public face: `checks.check_search`, `checks.check_training`, `costs.search_cost`, `costs.training_cost`,
`contents.filled_in`.
"""

__all__ = ["checks", "contents", "costs", "diagnosis", "findings", "inheritance", "likeness", "sizes", "unread"]
