"""Pseudo-labels: a network labels all photos, and the next one learns from them.

Needs a trained run, or takes the weights that come with lmkjax. A second round names
this run twice; then finish on true labels (`fine_tuning.py`) or on renders alone
(`synthetic_only.py`), by --config.train.init_from.

Run:     python -m lmkjax.train --config configs/pseudo_labels.py --workdir $WORKDIR
             --config.data.pseudo_labels=runs/first --config.train.init_from=runs/first
Source:  the rounds without selection are those of STLD (IEEE TIP 2024).
"""

from configs import base


def get_config(size="laptop"):
    config = base.get_config(size)
    begin = "shipped" if size == "laptop" else "runs/synthetic_only"
    config.data.pseudo_labels = config.train.init_from = begin
    config.terms.supervised.streams = ("source", "target")
    config.optimizer.learning_rate /= 2
    return config
