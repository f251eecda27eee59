"""Variables of the environment by which a spawner tells a project's server what concerns its start."""

READY_VARIABLE = "COLLEGIUM_READY_FD"
"""The number of the descriptor to tell the spawner on that the server answers."""
WARM_KERNELS_VARIABLE = "COLLEGIUM_WARM_KERNELS"
"""`false`: the preloaded parent of kernels waits for the first that is asked for."""
