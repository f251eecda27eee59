"""The program of the preloaded parent and of the children it forks.

It runs in the environment of the kernel, under the private name `_collegium_fork`, so that the name `kernels`
stays free for whoever has a package of that name. Hence it uses the standard library and relative imports only,
and what a child needs beyond that (ipykernel, IPython) is imported inside functions.
"""
