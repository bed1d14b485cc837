"""Features of images from pretrained networks of the library timm.

`models` loads a network by its name, and says how its images are prepared; `weights` are those in a local file.
`extraction` computes the features of an
image stream. `parts` keeps them on disk while they are computed, so that an interrupted computation can be resumed.
"""

from labelnoise.pretrained.extraction import image_features
from labelnoise.pretrained.models import PretrainedModel, load_model

__all__ = ["PretrainedModel", "image_features", "load_model"]
