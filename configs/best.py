"""The recipe that does best on photos: both kinds of labels, from rendered weights.

Half of each batch are rendered faces with all their points, half photos whose 68 points
are learned places of the same network; from the renders it goes on learning what can be
seen and how sure it is. README.md tells what it came to.

Run:     python -m lmkjax.train --config configs/best.py --workdir $WORKDIR
             --config.data.ibug_300w=300w --config.data.faces=8192
"""

from configs import base


def get_config(size="laptop"):
    config = base.get_config(size)
    config.terms.label_transfer.form = "places"
    config.terms.label_transfer.weight = 1.0
    config.terms.confidence.weight = 0.1
    config.train.init_from = "shipped" if size == "laptop" else "runs/synthetic_only"
    config.optimizer.learning_rate /= 2
    if size == "laptop":
        config.model.input_px, config.model.heatmap_px = 160, 40
        config.train.minutes = 0.0
        config.train.steps = 4000
    config.eval.flip = True
    return config
