"""Label transfer: dense labels are synthetic, real faces carry 68 through a U-Net.

Run:     python -m lmkjax.train --config configs/label_transfer.py --workdir $WORKDIR
"""

from configs import base


def get_config(size="laptop"):
    config = base.get_config(size)
    config.terms.label_transfer.weight = 0.5
    return config
