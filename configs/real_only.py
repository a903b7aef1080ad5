"""Real faces alone, in their own 68 points: what labels can do without rendering.

Run:     python -m lmkjax.train --config configs/real_only.py --workdir $WORKDIR
             --config.data.ibug_300w=FOLDER
"""

from configs import base


def get_config(size="laptop"):
    config = base.get_config(size)
    config.scheme = "ibug68"
    config.terms.supervised.streams = ("target",)
    return config
