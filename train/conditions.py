"""What an attribute editor is asked for, as `moire_zoo::Condition` writes it."""

import torch
from torch import Tensor

STARGAN = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Young")
ATTGAN = ("Bald", "Bangs", "Black_Hair", "Blond_Hair", "Brown_Hair", "Bushy_Eyebrows", "Eyeglasses", "Male",
          "Mouth_Slightly_Open", "Mustache", "No_Beard", "Pale_Skin", "Young")
HAIR = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")
CONFLICTS = ((("Bald", "Receding_Hairline"), ("Bangs",)), (("Bangs",), ("Bald", "Receding_Hairline")), (HAIR, HAIR),
             (("Straight_Hair",), ("Wavy_Hair",)), (("Wavy_Hair",), ("Straight_Hair",)),
             (("Mustache",), ("No_Beard",)), (("No_Beard",), ("Mustache",)))
"""Each of the one side, when it comes, drives out the other (AttGAN's `check_attribute_conflict`)."""


def after(architecture: str, names: tuple[str, ...], labels: Tensor, edit: int) -> Tensor:
    """The labels `[n, k]` that the faces have after edit number `edit`: it is turned over, but StarGAN and STGAN set a
    hair colour and take the others away."""
    shall, name = labels.clone(), names[edit]
    if architecture != "attgan" and name in HAIR:
        for i, other in enumerate(names):
            if other in HAIR:
                shall[:, i] = 0
        shall[:, edit] = 1
        return shall
    shall[:, edit] = 1 - labels[:, edit]
    if architecture == "attgan":
        for one, others in CONFLICTS:
            for i, other in enumerate(names):
                if name in one and other in others and i != edit:
                    shall[:, i] *= labels[:, edit]
    return shall


def encode(architecture: str, labels: Tensor, shall: Tensor, edit: int | None = None) -> Tensor:
    """The condition `[n, k]` from what the faces have to what they shall have. AttGAN is told 0.5 or -0.5, and for an
    `edit` at test time 1 or -1 (its `test_int`)."""
    if architecture == "stargan":
        return shall
    if architecture == "stgan":
        return shall - labels
    signed = shall - 0.5
    if edit is not None:
        signed = signed.clone()
        signed[:, edit] *= 2
    return signed


def asked(architecture: str, names: tuple[str, ...], labels: Tensor, edit: int) -> Tensor:
    """The condition `[n, k]` of edit number `edit` of faces with `labels` `[n, k]`."""
    return encode(architecture, labels, after(architecture, names, labels, edit), edit)


def shuffled(labels: Tensor, rng: torch.Generator) -> Tensor:
    """Labels of other faces of the batch: what editors are trained towards."""
    return labels[torch.randperm(len(labels), generator=rng, device=labels.device)]
