"""Trains the networks that come with moire: see README.md beside this file."""
