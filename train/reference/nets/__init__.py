"""The networks of moire-zoo in PyTorch, under the names of their official checkpoints.

They are what the parity goldens are made with, and what the training recipes train. All take images as the network
itself sees them: what `preprocess` of `cases.py` says has been applied before.
"""
