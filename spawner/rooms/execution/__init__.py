"""Cells run by the server: a queue for each kernel, outputs written into the shared document."""
