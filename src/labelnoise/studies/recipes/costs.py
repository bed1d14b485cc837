"""What each recipe needs at laptop scale: its data, and how much is trained, for the list; reading it is instant."""

from __future__ import annotations

COSTS: dict[str, tuple[str, str]] = {
    "fig1": ("MNIST", "3 trainings"),
    "fig2": ("MNIST, CIFAR-10", "4 trainings"),
    "fig3a": ("MNIST", "17 runs"),
    "fig3b": ("CIFAR-10", "1 training"),
    "fig3c": ("CIFAR-10", "1 training"),
    "fig3d": ("ImageNet", "1 training"),
    "fig4a": ("MNIST", "48 trainings"),
    "fig4b": ("CIFAR-10", "7 trainings"),
    "fig4c": ("ImageNet", "48 trainings"),
    "fig4d": ("MNIST", "57 trainings"),
    "fig4e": ("CIFAR-10", "7 trainings"),
    "fig4f": ("ImageNet", "57 trainings"),
    "fig4g": ("MNIST", "27 trainings"),
    "fig4h": ("MNIST", "24 trainings"),
    "fig4i": ("CIFAR-10", "8 trainings"),
    "fig5": ("CIFAR-10", "1 training"),
    "fig6": ("CIFAR-10", "1 training"),
    "fig7": ("CIFAR-10", "7 trainings"),
    "fig8": ("CIFAR-10", "1 training"),
    "fig9": ("MNIST", "1 training"),
    "fig10": ("MNIST", "1 training"),
    "fig11": ("CIFAR-10", "1 training"),
    "fig12": ("MNIST", "2 trainings"),
    "fig13": ("MNIST", "2 trainings"),
    "concentration_mnist": ("MNIST", "16 runs"),
    "concentration_cifar10": ("CIFAR-10", "1 training"),
    "concentration_network": ("MNIST", "22 trainings"),
    "concentration_surface": ("MNIST", "1 run"),
    "noisy_selection": ("MNIST", "39 trainings"),
    "selection_rules": ("MNIST", "27 trainings"),
    "selection_rules_cifar10": ("CIFAR-10", "7 trainings"),
    "beta_limits": ("MNIST", "27 runs"),
}
"""The data, and the number of networks to train or, where none is, of runs: votes and neighbor searches."""
