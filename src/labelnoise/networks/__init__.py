"""The paper's networks, each as a classifier that also gives its features.

`network` defines the class of all of them, `architectures` builds each by its name, and `stacked` joins many networks
of one shape into a single one.
"""

try:
    from labelnoise.networks.architectures import NETWORKS, build_network
    from labelnoise.networks.network import Network
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ImportError("Networks need PyTorch, which is not installed: pip install 'labelnoise[cnn]'") from error

__all__ = ["NETWORKS", "Network", "build_network"]
