"""STGAN (Liu et al., arXiv 1904.09709): AttGAN's game, told only what differs, with selective transfer units in the
shortcuts. Restoring is asked with a difference of zero."""

from . import attgan
from .conditions import STARGAN


class Training(attgan.Training):
    names = STARGAN
    architecture = "stgan"
