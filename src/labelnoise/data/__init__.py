"""Read labels, features and predicted probabilities from files, and image sets from the hub or a folder.

Importing this package loads only NumPy; pyarrow, safetensors, Pillow and ``datasets`` are imported when a file needs
them.
"""

from labelnoise.data.files import read_features, read_labels, read_pred_probs, split_column
from labelnoise.data.images import ImageSet, load_digits, load_images, load_train_test
from labelnoise.data.noise_models import read_noise
from labelnoise.data.reading import Reading, read_data
from labelnoise.data.streaming import ImageStream, open_images

__all__ = [
    "ImageSet",
    "ImageStream",
    "Reading",
    "load_digits",
    "load_images",
    "load_train_test",
    "open_images",
    "read_data",
    "read_features",
    "read_labels",
    "read_noise",
    "read_pred_probs",
    "split_column",
]
