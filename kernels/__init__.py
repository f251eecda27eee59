"""How a kernel is started, limited and watched, and how notebooks are run without a person."""
